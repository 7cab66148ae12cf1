// Signs customers up, in and out, sets new passwords, and shows the profile.

import { $, toast } from "./dom.js";
import * as address from "./address.js";
import { call, Problem, session } from "./api.js";
import { clearProblem, onSubmit, showProblem } from "./forms.js";

const FORMS = ["sign-in", "sign-up", "confirm", "request-reset", "reset-password"];

let next = ""; // the view to show after signing in
let unconfirmed = null; // email and password of a new customer, to sign in after confirming
let resetting = ""; // the address whose password is being reset

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
  $("who").textContent = current?.email ?? "";
  if (current) showProfile();
}

async function showProfile() {
  const form = $("profile");
  clearProblem(form);
  try {
    const { email, name } = await call("GET", "/users/me");
    $("who").textContent = email;
    // do not replace what the customer has typed meanwhile
    if (!form.contains(document.activeElement)) form.elements.name.value = name;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showProblem(form, error);
  }
}

/** Show one of the forms beside those to sign in and up, with an address that was entered. */
function open(id, email = "") {
  for (const other of ["confirm", "request-reset", "reset-password"]) $(other).hidden = other !== id;
  const { elements } = $(id);
  if (elements.email) elements.email.value = email;
  (elements.email && !email ? elements.email : elements.code ?? elements.email).focus();
}

/** Connect the forms; `go` changes the address. */
export function start(go) {
  const signIn = async (email, secret) => {
    session.open(await call("POST", "/sessions", { body: { email, password: secret } }), email);
    unconfirmed = null;
    resetting = "";
    for (const id of FORMS) $(id).reset();
    for (const id of FORMS.slice(2)) $(id).hidden = true;
    toast("Welcome! You’re signed in.");
    // `next` comes from the address, so only known views are allowed.
    go(["cart", "orders"].includes(next) ? `#/${next}` : "#/");
  };
  const typed = () => $("sign-in").elements.email.value;
  onSubmit($("sign-in"), (fields) => signIn(fields.email, fields.password));
  onSubmit($("sign-up"), async (fields) => {
    await call("POST", "/users", { body: fields });
    try {
      await signIn(fields.email, fields.password);
    } catch {
      // The email address is not confirmed yet: the customer must enter the emailed code.
      unconfirmed = fields;
      open("confirm", fields.email);
    }
  });
  onSubmit($("confirm"), async ({ email, code }) => {
    await call("POST", "/users/confirmation", { body: { email, code } });
    if (unconfirmed?.email === email) {
      await signIn(email, unconfirmed.password);
      return;
    }
    $("confirm").hidden = true;
    $("sign-in").elements.email.value = email;
    $("sign-in").elements.password.focus();
    toast("Your address is confirmed. Please sign in.");
  });
  $("resend-code").addEventListener("click", async () => {
    const form = $("confirm");
    const { email } = form.elements;
    if (!email.reportValidity()) return;
    clearProblem(form);
    try {
      await call("POST", "/users/confirmation/resend", { body: { email: email.value } });
      toast("If this address still needs to be confirmed, we’ve emailed a new code.");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      showProblem(form, error);
    }
  });
  $("confirm-address").addEventListener("click", () => open("confirm", typed()));
  $("forgot-password").addEventListener("click", () => open("request-reset", typed()));
  onSubmit($("request-reset"), async ({ email }) => {
    await call("POST", "/users/password-reset", { body: { email } });
    resetting = email;
    $("reset-address").textContent = email;
    open("reset-password");
  });
  onSubmit($("reset-password"), async ({ code, password: secret }) => {
    const body = { email: resetting, code, password: secret };
    await call("POST", "/users/password-reset/confirmation", { body });
    await signIn(resetting, secret);
  });
  onSubmit($("profile"), async (fields) => {
    const { name } = await call("PATCH", "/users/me", { body: fields });
    $("profile").elements.name.value = name;
    toast("Your name is saved.");
  });
  $("sign-out").addEventListener("click", () => {
    session.close();
    for (const id of ["profile", "checkout"]) {
      $(id).reset();
      clearProblem($(id));
    }
    address.choose();
    toast("You’re signed out.");
    go("#/");
  });
}
