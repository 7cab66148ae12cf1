// The customer's orders, newest first.

import { call, hasExpired, query, session } from "../lib/api.js";
import { date, moneyWithCurrency } from "../lib/format.js";
import { reload } from "../lib/router.js";
import { failure, focusHeading, loadStyles } from "../parts/page.js";
import { SignIn } from "../parts/sign_in.js";
import { accountTexts } from "../texts/account.js";
import { orderTexts as texts, statusText } from "../texts/orders.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../lib/api.js").Order} Order */
/** @typedef {import("../lib/router.js").Visit} Visit */

const PAGE = 10;

let wasAsked = false; // to sign in, by the previous view

/**
 * Show the sign-in forms to customers who are not signed in, and then the view.
 *
 * @param {Visit} visit
 * @param {string} title The heading of the forms.
 * @returns {boolean} Whether they are signed in.
 */
export function requireSession(visit, title) {
  const email = session.value?.email;
  session.subscribe((value) => {
    if (value?.email === email) return; // renewed
    reload();
  }, visit.signal);
  if (session.value) {
    if (wasAsked) setTimeout(focusHeading); // once the view is shown
    wasAsked = false;
    return true;
  }
  wasAsked = true;
  const forms = new SignIn({
    redraw: () => redraw(),
    switchTo: (mode) => {
      forms.mode = mode;
      redraw();
      document.getElementById("step-title")?.focus();
    },
  });
  const redraw = () => visit.render(html`
    <div class="narrow stack" data-mode=${forms.mode}>
      <h1 id="step-title" tabindex="-1">${forms.title}</h1>
      <p class="note">${hasExpired() ? accountTexts.expired : title}</p>
      ${forms.template}
    </div>`, { title: forms.title, hidden: true });
  redraw();
  return false;
}

/** @param {Order} order */
function row(order) {
  const [first, ...others] = order.lines;
  return html`
    <li class="panel order-row">
      <h2><a href=${`/orders/${order.id}`}>${texts.order(date(order.placed_at))}</a></h2>
      <span class="pill" data-status=${order.status === "cancelled" ? "cancelled" : order.payment.status}>${statusText(order)}</span>
      <p class="note">${texts.contents(first?.name ?? "", others.length)}</p>
      <p class="price">${moneyWithCurrency(order.total)}</p>
    </li>`;
}

const skeletons = () => html`<ul class="orders" aria-hidden="true">${Array.from({ length: 4 }, () => html`
  <li class="panel order-row skeleton"><span class="line"></span><span class="line short"></span></li>`)}</ul>`;

/** @param {Visit} visit */
export async function show(visit) {
  await loadStyles("/styles/checkout.css");
  if (visit.isOver || !requireSession(visit, texts.signInFirst)) return;
  /** @type {Order[] | null} */
  let orders = null;
  /** @type {string | null} */
  let cursor = null;
  /** @type {unknown} */
  let error = null;
  let isLoading = false;

  const content = () => {
    if (!orders) return error ? failure(error, load) : skeletons();
    if (!orders.length) return html`<div class="empty"><p>${texts.none}</p><a class="button" href="/">${texts.browse}</a></div>`;
    return html`
      <ul class="orders">${orders.map(row)}</ul>
      ${error ? failure(error, load) : nothing}
      ${cursor && !error ? html`<button type="button" class="quiet more" aria-disabled=${isLoading ? "true" : nothing} @click=${load}>${texts.more}</button>` : nothing}`;
  };
  const redraw = () => visit.render(html`
    <div class="medium stack">
      <h1>${texts.title}</h1>
      ${session.value?.isStaff ? html`<p class="note">${texts.staff} <a href="/staff/orders">${texts.staffTools}</a></p>` : nothing}
      ${content()}
    </div>`, { title: texts.title, hidden: true });

  async function load() {
    if (isLoading) return;
    isLoading = true;
    error = null;
    redraw();
    const known = orders?.length ?? 0;
    try {
      // after Back, the list is as long as before
      const limit = orders ? PAGE : Math.min(100, Math.max(PAGE, Number(history.state?.orders) || 0));
      const page = await call("GET", `/orders${query({ limit, cursor })}`, { signal: visit.signal });
      orders = [...orders ?? [], ...page.items];
      cursor = page.next_cursor;
      history.replaceState({ ...history.state, orders: orders.length }, "");
    } catch (caught) {
      error = caught;
    }
    isLoading = false;
    redraw();
    if (known && !error) /** @type {HTMLElement | null} */ (document.querySelectorAll(".order-row a")[known])?.focus();
  }
  await load();
}
