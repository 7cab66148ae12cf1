// Signs customers up, in and out.

import { $, toast } from "./dom.js";
import { call, session } from "./api.js";
import { onSubmit } from "./forms.js";

let next = ""; // the view to show after signing in
let unconfirmed = null; // email and password of a new customer who must enter the emailed code

/** Update the account link in the header. */
export function showLink() {
  $("account-link").textContent = session.current ? "Account" : "Sign in";
}

/** Show the account view. */
export function show(parameters) {
  next = parameters.get("next") ?? "";
  const { current } = session;
  $("signed-in").hidden = !current;
  $("signed-out").hidden = Boolean(current);
  $("confirm").hidden = unconfirmed === null;
  $("who").textContent = current?.email ?? "";
}

/** Connect the forms; `go` changes the address. */
export function start(go) {
  const signIn = async ({ email, password }) => {
    session.open(await call("POST", "/sessions", { body: { email, password } }), email);
    unconfirmed = null;
    for (const id of ["sign-in", "sign-up", "confirm"]) $(id).reset();
    toast("Welcome! You’re signed in.");
    // `next` comes from the address, so only known views are allowed.
    go(["cart", "orders"].includes(next) ? `#/${next}` : "#/");
  };
  onSubmit($("sign-in"), signIn);
  onSubmit($("sign-up"), async (fields) => {
    await call("POST", "/users", { body: fields });
    try {
      await signIn(fields);
    } catch {
      // The email address is not confirmed yet: the customer must enter the emailed code.
      unconfirmed = fields;
      $("confirm").hidden = false;
      $("confirm").elements.code.focus();
    }
  });
  onSubmit($("confirm"), async ({ code }) => {
    await call("POST", "/users/confirmation", { body: { email: unconfirmed.email, code } });
    await signIn(unconfirmed);
  });
  $("sign-out").addEventListener("click", () => {
    session.close();
    toast("You’re signed out.");
    go("#/");
  });
}
