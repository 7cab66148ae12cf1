// All orders, newest first, with a search by number, customer and status.

import { call, query } from "../../lib/api.js";
import { date, moneyWithCurrency } from "../../lib/format.js";
import { go } from "../../lib/router.js";
import { orderTexts } from "../../texts/orders.js";
import { orderState, staffOrderTexts as texts, staffTexts } from "../../texts/staff.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { List, framed, rowSkeletons } from "./frame.js";

/** @typedef {import("../../lib/api.js").Order} Order */
/** @typedef {import("../../lib/router.js").Visit} Visit */

const STATUSES = /** @type {const} */ (["placed", "cancelled"]);

/** @param {Order} order */
export const orderPill = (order) => html`<span class="pill" data-status=${order.status === "cancelled" ? "cancelled" : order.payment.status}>${orderState(order)}</span>`;

/** @param {Order} order */
function row(order) {
  const [first, ...others] = order.lines;
  const time = date(order.placed_at, { dateStyle: "medium", timeStyle: "short" });
  return html`
    <tr>
      <th scope="row"><a data-open href=${`/staff/orders/${order.id}`} aria-label=${texts.open(time, order)}>${time}</a></th>
      <td data-label=${texts.customer}><div>${order.contact.name}<div class="note">${order.contact.email}</div></div></td>
      <td data-label=${texts.contents}>${orderTexts.contents(first?.name ?? "", others.length)}</td>
      <td data-label=${texts.state}>${orderPill(order)}</td>
      <td data-label=${texts.total} class="number">${moneyWithCurrency(order.total)}</td>
    </tr>`;
}

/** @param {Visit} visit */
export async function show(visit) {
  const email = (visit.query.get("email") ?? "").slice(0, 254);
  const status = STATUSES.find((one) => one === visit.query.get("status")) ?? "";
  const isSearch = Boolean(email || status);
  let problem = "";
  /** @type {List<Order>} */
  const list = new List({
    visit,
    redraw: () => redraw(),
    fetchPage: (cursor, limit) => call("GET", `/orders${query({ email, status, limit, cursor })}`, { signal: visit.signal }),
  });

  /** @param {SubmitEvent} event */
  function search(event) {
    event.preventDefault();
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const text = String(fields.get("q")).trim();
    if (/^ord_\w+$/i.test(text)) go(`/staff/orders/${encodeURIComponent(text)}`);
    else if (!text || /^\S+@\S+$/.test(text)) go(`/staff/orders${query({ email: text, status: String(fields.get("status")) })}`);
    else {
      problem = texts.neither;
      redraw();
      document.getElementById("staff-q")?.focus();
    }
  }
  const choose = (/** @type {Event} */ event) => go(`/staff/orders${query({ email, status: /** @type {HTMLSelectElement} */ (event.currentTarget).value })}`);

  function content() {
    if (!list.items) return list.error ? list.more : rowSkeletons(5);
    if (!list.items.length && !list.cursor) {
      return html`<div class="empty"><p>${isSearch ? texts.noMatch : texts.none}</p>
        ${isSearch ? html`<a class="button quiet" href="/staff/orders">${staffTexts.clear}</a>` : nothing}</div>`;
    }
    return html`
      <p class="note" role="status">${list.items.length ? (list.cursor ? texts.loadedSoFar : texts.loaded)(list.items.length) : texts.searchOn}</p>
      <div class="table-box"><table class="table">
        <caption class="hidden">${texts.listCaption}</caption>
        <thead><tr>${[texts.date, texts.customer, texts.contents, texts.state].map((text) => html`<th scope="col">${text}</th>`)}<th scope="col" class="number">${texts.total}</th></tr></thead>
        <tbody>${list.items.map(row)}</tbody>
      </table></div>
      ${list.more}`;
  }
  const redraw = () => visit.render(framed("orders", html`
    <h1>${staffTexts.orders}</h1>
    <form class="search-bar" role="search" aria-label=${texts.search} novalidate @submit=${search}>
      <div class="field">
        <label for="staff-q">${texts.query}</label>
        <input id="staff-q" name="q" type="search" maxlength="254" autocomplete="off" spellcheck="false" autocapitalize="off" value=${email}
          aria-invalid=${problem ? "true" : nothing} aria-describedby=${problem ? "staff-q-hint staff-q-error" : "staff-q-hint"}
          @input=${() => { if (problem) { problem = ""; redraw(); } }}>
        <p class="note" id="staff-q-hint">${texts.queryHint}</p>
        ${problem ? html`<span class="field-error" id="staff-q-error" role="alert">${problem}</span>` : nothing}
      </div>
      <div class="field"><label for="staff-status">${texts.status}</label>
        <select id="staff-status" name="status" @change=${choose}>
          <option value="" ?selected=${!status}>${texts.anyStatus}</option>
          ${STATUSES.map((one) => html`<option value=${one} ?selected=${one === status}>${texts[one]}</option>`)}
        </select></div>
      <button type="submit">${staffTexts.search}</button>
    </form>
    ${content()}`), { title: staffTexts.orders, hidden: true });
  await list.load();
}
