// An order: its progress and contents, and the customer's actions.

import { Problem, call, customerId, session } from "../lib/api.js";
import { addressLines } from "../lib/delivery.js";
import { poll } from "../lib/polling.js";
import { date, money, moneyWithCurrency } from "../lib/format.js";
import { isCancellable, isChanging, isConfirmable, isPayable, steps } from "../lib/order_state.js";
import { takePlaced } from "../lib/placing.js";
import { announce, failure, loadStyles, showNotFound } from "../parts/page.js";
import { addressOf } from "../parts/toy.js";
import { disputeText, orderTexts as texts, statusText, stepName, stepStates, stepText } from "../texts/orders.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { Bank } from "./order/bank.js";
import { Actions } from "./order/actions.js";
import { PayAgain } from "./order/pay_again.js";
import { requireSession } from "./orders.js";

/** @typedef {import("../lib/api.js").Order} Order */
/** @typedef {import("../lib/router.js").Visit} Visit */

/** One visit of an order. */
export class OrderView {
  /** @type {Order | null} */
  order = null;
  /** @type {unknown} */
  error = null;
  isThanking = false;
  /** Whether the order is expected to change because of an action elsewhere, such as at the bank. */
  isExpectingChange = false;
  #isFollowing = false;

  /** @param {Visit} visit */
  constructor(visit) {
    this.visit = visit;
    this.redraw = this.redraw.bind(this);
    this.bank = new Bank(this);
    this.actions = new Actions(this);
    this.payAgain = new PayAgain(this);
  }

  /** The id in the address. */
  get id() {
    return this.visit.parameters.id;
  }

  async start() {
    const placed = takePlaced(this.id);
    this.isThanking = placed !== null;
    if (placed) this.update(placed);
    else await this.load();
    this.visit.signal.addEventListener("abort", () => { this.order = null; });
    const catchUp = () => {
      if (!document.hidden && this.order && !this.#isFollowing) this.load();
    };
    document.addEventListener("visibilitychange", catchUp, { signal: this.visit.signal });
  }

  /** Load the order; a failure keeps what is shown. */
  async load() {
    this.error = null;
    this.redraw();
    try {
      this.update(await call("GET", `/orders/${encodeURIComponent(this.id)}`, { signal: this.visit.signal }));
    } catch (error) {
      if (this.visit.isOver) return;
      if (error instanceof Problem && [400, 404].includes(error.status)) showNotFound(this.visit);
      else {
        this.error = error;
        this.redraw();
      }
    }
  }

  /** @param {Order} order As it is now. */
  update(order) {
    if (this.visit.isOver) return;
    const before = this.order;
    this.order = order;
    this.error = null;
    if (JSON.stringify(before?.payment) !== JSON.stringify(order.payment) || before?.status !== order.status) {
      this.isExpectingChange = false;
      if (before) announce(statusText(order));
    }
    if (order.status === "cancelled" || !["pending", "unknown", "succeeded", "action_required"].includes(order.payment.status)) {
      this.isThanking = false;
    }
    this.redraw();
    this.follow();
  }

  /** Poll the order while it changes. */
  async follow() {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    await poll(this.id, {
      signal: this.visit.signal,
      shouldContinue: () => this.order !== null && (isChanging(this.order) || this.isExpectingChange),
      onAnswer: (order) => this.update(order),
    });
    this.#isFollowing = false;
  }

  redraw() {
    const { order, error } = this;
    const title = order ? texts.order(date(order.placed_at, { dateStyle: "long" })) : texts.one;
    const content = order ? this.#order(order) : error ? failure(error, () => this.load()) : skeleton();
    this.visit.render(html`
      <div class="order">
        <header class="order-head"><h1>${title}</h1>
          ${order ? html`<span class="pill" data-status=${order.status === "cancelled" ? "cancelled" : order.payment.status}>${statusText(order)}</span>` : nothing}</header>
        ${content}
      </div>`, { title, hidden: true });
    this.payAgain.cards?.mount();
  }

  /** @param {Order} order */
  #order(order) {
    const isOwn = !session.value?.isStaff || order.customer_id === customerId();
    return html`
      ${this.isThanking ? html`<div class="thanks panel"><h2>${texts.thanks}</h2><p>${texts.thanksHint}</p></div>` : nothing}
      ${this.error ? html`<p class="problem" role="alert">${texts.stale}</p>` : nothing}
      <div class="columns">
        <div class="stack">
          ${timeline(order)}
          ${isOwn && isConfirmable(order) ? this.bank.template(order) : nothing}
          ${isOwn && isPayable(order) ? this.payAgain.template(order) : nothing}
          ${this.actions.template(order, isCancellable(order))}
        </div>
        <aside class="stack">${details(order)}</aside>
      </div>`;
  }
}

/** @param {Order} order */
const timeline = (order) => html`
  <section class="panel stack" aria-labelledby="progress-title">
    <h2 id="progress-title">${texts.progress}</h2>
    <ol class="timeline">${steps(order).map((step) => html`
      <li data-state=${step.state} aria-current=${step.state === "current" ? "step" : nothing}>
        <strong>${stepName(step)}<span class="hidden"> (${stepStates[step.state]})</span></strong>
        <span class="note">${step.name === "placed" ? html`<time datetime=${order.placed_at}>${date(order.placed_at)}</time>` : stepText(step, order)}</span>
      </li>`)}</ol>
    ${disputeText(order) ? html`<p>${disputeText(order)}</p>` : nothing}
  </section>`;

/** @param {Order} order */
const details = (order) => html`
  <section class="panel stack" aria-labelledby="items-title">
    <h2 id="items-title">${texts.items}</h2>
    <ul class="bought">${order.lines.map((line) => html`
      <li>
        <span class="what"><a href=${addressOf({ id: line.toy_id, name: line.name })}>${texts.line(line.quantity, line.name)}</a>
          ${line.quantity > 1 ? html`<br><span class="note">${texts.each(line.unit_price)}</span>` : nothing}</span>
        <span class="price">${money(line.line_total)}</span>
      </li>`)}</ul>
    <dl class="sums"><dt class="sum">${texts.total}</dt><dd class="sum">${moneyWithCurrency(order.total)}</dd></dl>
  </section>
  <section class="panel stack" aria-labelledby="address-title">
    <h2 id="address-title">${texts.delivery}</h2>
    <address>${addressLines(order.shipping_address).map((line) => html`${line}<br>`)}</address>
    <p class="note">${texts.number}: ${order.id}</p>
  </section>`;

const skeleton = () => html`
  <div class="columns" aria-hidden="true">
    <div class="panel skeleton fields"><span class="line"></span><span class="line"></span><span class="line"></span></div>
    <div class="panel skeleton fields"><span class="line"></span><span class="line short"></span></div>
  </div>`;

/** @param {Visit} visit */
export async function show(visit) {
  await loadStyles("/styles/checkout.css");
  if (visit.isOver || !requireSession(visit, texts.signInForOrder)) return;
  if (session.value) await new OrderView(visit).start();
}
