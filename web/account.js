// Signing up, in and out.

import { $, toast } from "./dom.js";
import { call, session } from "./api.js";
import { onSubmit } from "./forms.js";

let next = "";
let joining = null; // e-mail and password of a sign-up that waits for its code

export function showLink() {
  $("account-link").textContent = session.current ? "Account" : "Sign in";
}

export function show(parameters) {
  next = parameters.get("next") ?? "";
  const { current } = session;
  $("signed-in").hidden = !current;
  $("signed-out").hidden = Boolean(current);
  $("confirm").hidden = joining === null;
  $("who").textContent = current?.email ?? "";
}

export function start(go) {
  const enter = async ({ email, password }) => {
    session.open(await call("POST", "/sessions", { body: { email, password } }), email);
    joining = null;
    for (const id of ["sign-in", "sign-up", "confirm"]) $(id).reset();
    toast("Welcome. You are signed in.");
    // Only to a page of ours: the address is not to be trusted.
    go(["cart", "orders"].includes(next) ? `#/${next}` : "#/");
  };
  onSubmit($("sign-in"), enter);
  onSubmit($("sign-up"), async (fields) => {
    await call("POST", "/users", { body: fields });
    try {
      await enter(fields);
    } catch {
      // Not confirmed yet: a code is on its way.
      joining = fields;
      $("confirm").hidden = false;
      $("confirm").elements.code.focus();
    }
  });
  onSubmit($("confirm"), async ({ code }) => {
    await call("POST", "/users/confirmation", { body: { email: joining.email, code } });
    await enter(joining);
  });
  $("sign-out").addEventListener("click", () => {
    session.close();
    toast("You are signed out.");
    go("#/");
  });
}
