// The account: sign-in, sign-up, passwords, the customer's name, and sign-out.

import { call, hasExpired, isOwn, session } from "../lib/api.js";
import { go, reload } from "../lib/router.js";
import { Form, submitButton } from "../parts/form.js";
import { failure, loadStyles, showNotFound, toast } from "../parts/page.js";
import { SignIn } from "../parts/sign_in.js";
import { signOut } from "../parts/sign_out.js";
import { accountTexts as texts } from "../texts/account.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../lib/router.js").Visit} Visit */
/** @typedef {import("../parts/sign_in.js").Mode} Mode */

/** @type {Mode[]} */
const MODES = ["create", "confirm", "forgot", "reset"];

/**
 * Return the address of this page that customers came from; `null` if the parameter names none.
 *
 * @param {URLSearchParams} query
 */
function origin(query) {
  const next = query.get("next");
  if (!next?.startsWith("/")) return null;
  try {
    const url = new URL(next, location.origin);
    // `/.//example.com` stays in the shop, but its path is the address of another site
    if (url.origin !== location.origin || /^\/(?:\/|account)/.test(url.pathname)) return null;
    return url.pathname + url.search;
  } catch {
    return null;
  }
}

/**
 * Show the forms for customers who are not signed in.
 *
 * @param {Visit} visit
 * @param {Mode} mode
 */
function showForms(visit, mode) {
  const search = visit.query.size ? `?${visit.query}` : "";
  const forms = new SignIn({
    mode,
    redraw: () => redraw(),
    switchTo: (next) => {
      if (!visit.isOver) go(`/account${next === "sign-in" ? "" : `/${next}`}${search}`);
      document.querySelector("h1")?.focus();
    },
  });
  const redraw = () => visit.render(html`
    <div class="narrow stack" data-mode=${mode}>
      <h1 tabindex="-1">${forms.title}</h1>
      ${mode === "sign-in" && hasExpired() ? html`<p class="note">${texts.expired}</p>` : nothing}
      ${forms.template}
    </div>`, { title: forms.title, hidden: true });
  redraw();
}

/** The name that a customer has changed but not saved, when their session expires. */
let unsaved = { email: "", name: "" };

/**
 * @param {Visit} visit
 */
async function showProfile(visit) {
  /** @type {string | null} */
  let name = null;
  /** @type {unknown} */
  let error = null;
  const form = new Form(() => redraw());
  const save = form.submit(async (fields) => {
    const saved = await call("PATCH", "/users/me", { body: { name: fields.name.trim() }, signal: visit.signal });
    name = saved.name;
    unsaved = { email: "", name: "" };
    toast(texts.saved);
  });
  const keep = (/** @type {string} */ entered) => { unsaved = { email: session.value?.email ?? "", name: entered }; };
  visit.signal.addEventListener("abort", () => {
    if (session.value) unsaved = { email: "", name: "" };
  });
  const profile = () => {
    if (error) return failure(error, load);
    if (name === null) return html`<div class="skeleton fields" aria-hidden="true"><span class="line"></span><span class="line"></span></div>`;
    return html`<form class="stack" id="profile" novalidate @submit=${save}>
      ${form.summary}
      ${form.field({ name: "name", label: texts.name, autocomplete: "name", maxlength: 200, value: isOwn(unsaved.email) ? unsaved.name : name, onInput: keep })}
      ${submitButton(form, texts.save)}
    </form>`;
  };
  const redraw = () => visit.render(html`
    <div class="narrow stack">
      <h1>${texts.title}</h1>
      <p>${session.value?.email}</p>
      <section class="panel stack"><h2><a class="lone" href="/orders">${texts.orders}</a></h2><p class="note">${texts.ordersHint}</p></section>
      <section class="panel stack"><h2>${texts.profile}</h2>${profile()}
        <p><a class="lone" href="/account/forgot">${texts.changePassword}</a></p></section>
      <section class="panel stack">
        <p class="note">${texts.signOutHint}</p>
        <button type="button" class="quiet" @click=${signOut}>${texts.signOut}</button>
      </section>
    </div>`, { title: texts.title, hidden: true });
  async function load() {
    error = null;
    redraw();
    try {
      ({ name } = await call("GET", "/users/me", { signal: visit.signal }));
    } catch (caught) {
      error = caught;
    }
    redraw();
  }
  await load();
}

/** @param {Visit} visit */
export async function show(visit) {
  const { part } = visit.parameters;
  if (part !== undefined && !MODES.includes(/** @type {Mode} */ (part))) {
    showNotFound(visit);
    return;
  }
  const mode = /** @type {Mode} */ (part ?? "sign-in");
  await loadStyles("/styles/checkout.css");
  if (visit.isOver) return;
  const isPasswordChange = mode === "forgot" || mode === "reset";
  let email = session.value?.email;
  session.subscribe((value) => {
    if (value?.email === email && !isPasswordChange) return; // renewed
    email = value?.email;
    if (value) go(origin(visit.query) ?? "/account", { replace: true });
    else reload();
  }, visit.signal);
  if (session.value && !isPasswordChange) {
    const next = origin(visit.query);
    if (next || part) go(next ?? "/account", { replace: true });
    else await showProfile(visit);
  } else showForms(visit, mode);
}
