// An order's full record, and its cancellation.

import { Problem, call } from "../../lib/api.js";
import { addressLines } from "../../lib/delivery.js";
import { poll } from "../../lib/polling.js";
import { date, money, moneyWithCurrency, number } from "../../lib/format.js";
import { isCancellable, isChanging } from "../../lib/order_state.js";
import { confirmed } from "../../parts/dialog.js";
import { announce, failure, showNotFound, toast } from "../../parts/page.js";
import { saveReceipt } from "../../parts/receipt.js";
import { addressOf } from "../../parts/toy.js";
import { problemText } from "../../texts/shop.js";
import { DISPUTES, declineText, orderState, paymentState, staffOrderTexts as texts, staffTexts } from "../../texts/staff.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { fact, framed } from "./frame.js";
import { orderPill } from "./orders.js";

/** @typedef {import("../../lib/api.js").Order} Order */
/** @typedef {import("../../lib/router.js").Visit} Visit */

/** @param {string} time */
const moment = (time) => html`<time datetime=${time}>${date(time, { dateStyle: "long", timeStyle: "medium" })}</time>`;

/**
 * A customer whose data are erased has no email address.
 * @param {Order} order
 */
const customer = ({ contact, customer_id }) => html`
  <section class="panel stack" aria-labelledby="customer-title">
    <h2 id="customer-title">${texts.customer}</h2>
    <dl class="facts">
      ${fact(texts.name, contact.name)}
      ${contact.email ? fact(texts.email, html`<a href=${`mailto:${encodeURIComponent(contact.email)}`}>${contact.email}</a>`) : nothing}
      ${fact(texts.customerId, html`<code>${customer_id}</code>`)}
    </dl>
    ${contact.email ? html`<p><a href=${`/staff/orders?${new URLSearchParams({ email: contact.email })}`}>${texts.ofCustomer}</a></p>` : nothing}
  </section>`;

/** @param {Order} order */
const contents = ({ lines, total }) => html`
  <section class="panel stack" aria-labelledby="items-title">
    <h2 id="items-title">${texts.items}</h2>
    <div class="table-box"><table class="table plain">
      <thead><tr><th scope="col">${texts.toy}</th><th scope="col" class="number">${texts.quantity}</th><th scope="col" class="number">${texts.each}</th><th scope="col" class="number">${texts.line}</th></tr></thead>
      <tbody>${lines.map((line) => html`
        <tr><th scope="row"><a href=${addressOf({ id: line.toy_id, name: line.name })}>${line.name}</a></th>
          <td class="number" data-label=${texts.quantity}>${number(line.quantity)}</td>
          <td class="number" data-label=${texts.each}>${money(line.unit_price)}</td>
          <td class="number" data-label=${texts.line}>${money(line.line_total)}</td></tr>`)}
      </tbody>
      <tfoot><tr><th scope="row" colspan="3">${texts.total}</th><td class="number">${moneyWithCurrency(total)}</td></tr></tfoot>
    </table></div>
  </section>`;

/**
 * @param {Order} order
 * @param {() => void} getReceipt
 */
const payment = (order, getReceipt) => html`
  <section class="panel stack" aria-labelledby="payment-title">
    <h2 id="payment-title">${texts.payment}</h2>
    <dl class="facts">
      ${fact(texts.method, paymentState(order))}
      ${order.payment.decline_code ? fact(texts.declined, declineText(order.payment.decline_code)) : nothing}
      ${order.payment.refunded_amount ? fact(texts.refunded, moneyWithCurrency(order.payment.refunded_amount)) : nothing}
      ${fact(texts.dispute, DISPUTES[order.payment.dispute ?? ""] ?? texts.noDispute)}
      ${fact(texts.transaction, order.payment.transaction_id ? html`<code>${order.payment.transaction_id}</code>` : texts.noTransaction)}
      ${fact(texts.receipt, order.receipt ? html`<button type="button" class="link" @click=${getReceipt}>${texts.receiptReady}</button>` : texts.noReceipt)}
    </dl>
  </section>`;

/** @param {Order} order */
const record = (order) => html`
  <section class="panel stack" aria-labelledby="address-title">
    <h2 id="address-title">${texts.delivery}</h2>
    <address>${addressLines(order.shipping_address).map((line) => html`${line}<br>`)}</address>
  </section>
  <section class="panel stack" aria-labelledby="record-title">
    <h2 id="record-title">${texts.details}</h2>
    <dl class="facts">
      ${fact(texts.id, html`<code>${order.id}</code>`)}
      ${fact(texts.placedAt, moment(order.placed_at))}
      ${order.updated_at ? fact(texts.updatedAt, moment(order.updated_at)) : nothing}
      ${fact(texts.version, number(order.version))}
    </dl>
    <p><a href=${`/journey/${encodeURIComponent(order.id)}`}>${texts.journey}</a></p>
  </section>`;

/** @param {Visit} visit */
export async function show(visit) {
  const { signal, parameters: { id } } = visit;
  const path = `/orders/${encodeURIComponent(id)}`;
  /** @type {Order | null} */
  let order = null;
  /** @type {unknown} */
  let error = null;
  let isBusy = false;
  let isPolling = false;

  async function cancel() {
    if (isBusy || !order) return;
    const agreed = await confirmed({
      title: texts.cancelTitle, text: texts.cancelText(moneyWithCurrency(order.total)), yes: texts.cancel, no: texts.keep,
    }, signal);
    if (!agreed || isBusy) return;
    await once(async () => {
      update(await call("POST", `${path}/cancellation`));
      toast(texts.cancelDone);
    });
    pollChanges();
  }
  const getReceipt = () => once(() => saveReceipt(id));

  /** Poll the order while it changes. */
  async function pollChanges() {
    if (isPolling) return;
    isPolling = true;
    await poll(id, { signal, shouldContinue: () => order !== null && isChanging(order), onAnswer: update });
    isPolling = false;
  }

  /** @param {() => Promise<void>} action */
  async function once(action) {
    if (isBusy) return;
    isBusy = true;
    redraw();
    try {
      await action();
    } catch (caught) {
      if (!visit.isOver) toast(problemText(caught));
    }
    isBusy = false;
    redraw();
  }

  /** @param {Order} now */
  function update(now) {
    if (order && orderState(order) !== orderState(now)) announce(orderState(now));
    order = now;
    redraw();
  }

  function content() {
    if (!order) {
      return html`<h1>${staffTexts.orders}</h1>${error ? failure(error, load)
        : html`<div class="columns" aria-hidden="true">${[1, 2].map(() => html`<div class="panel skeleton fields"><span class="line"></span><span class="line"></span><span class="line"></span></div>`)}</div>`}`;
    }
    return html`
      <header class="order-head"><h1>${texts.title(date(order.placed_at))}</h1>${orderPill(order)}
        ${isCancellable(order) ? html`<button type="button" class="quiet danger" aria-disabled=${isBusy ? "true" : nothing} @click=${cancel}>${texts.cancel}</button>` : nothing}</header>
      ${error ? html`<p class="problem" role="alert">${staffTexts.stale}</p>` : nothing}
      <div class="columns"><div class="stack">${contents(order)}${payment(order, getReceipt)}</div>
        <div class="stack">${customer(order)}${record(order)}</div></div>`;
  }
  const redraw = () => visit.render(framed("orders", html`
    <p><a class="back" href="/staff/orders">${texts.back}</a></p>${content()}`), { title: order ? texts.title(date(order.placed_at)) : staffTexts.orders, hidden: true });

  async function load() {
    error = null;
    redraw();
    try {
      update(await call("GET", path, { signal }));
      await pollChanges();
    } catch (caught) {
      if (visit.isOver) return;
      if (caught instanceof Problem && [400, 404].includes(caught.status)) showNotFound(visit);
      else {
        error = caught;
        redraw();
      }
    }
  }
  await load();
}
