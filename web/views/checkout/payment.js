// Step 3: payment, and sending the order.

import { Problem, call, isOwn, session } from "../../lib/api.js";
import { basket, total } from "../../lib/basket.js";
import { address, addressLines, inCountry } from "../../lib/delivery.js";
import { OrderedElsewhere, PlacedBefore, pending, place } from "../../lib/placing.js";
import { go } from "../../lib/router.js";
import { isMoney, isObject } from "../../lib/storage.js";
import { Form, submitButton } from "../../parts/form.js";
import { toast } from "../../parts/page.js";
import { CardError } from "../../parts/payment.js";
import { addressLabel, checkoutTexts as texts, invalidPart } from "../../texts/checkout.js";
import { fieldText } from "../../texts/forms.js";
import { problemText, problems } from "../../texts/shop.js";
import { html } from "../../vendor/lit-html/lit-html.js";
import { refuseAddress } from "./delivery.js";

/** @typedef {import("../../lib/api.js").Money} Money */
/** @typedef {import("../../lib/basket.js").Line} Line */
/** @typedef {import("../../lib/placing.js").Body} Body */
/** @typedef {import("../../lib/placing.js").Item} Item */
/** @typedef {{rows: {name: string, before: Money, now: Money}[], before: Money, now: Money, token: string}} Change */
/** @typedef {{error: unknown, lines: Line[], token: string}} Refusal The order's lines and the token of its card. */

const TIME_TO_NOTICE = 2000; // ms

/** Thrown if the basket differs from what the page shows. */
class BasketChanged extends Error {}

let sending = 0; // orders that this tab is sending, even after the customer has left the view

/** Whether this tab is sending an order. */
export const isSending = () => sending > 0;

/** The payment step of the checkout that was opened last. @type {Payment | null} */
let latest = null;

/** Why an order was not placed, until the customer opens the checkout again. @type {Refusal | null} */
let missed = null;
session.subscribe((value) => {
  if (!value) missed = null;
});

/** @param {Refusal} refusal */
function keepMissed(refusal) {
  if (refusal.error instanceof PlacedBefore) {
    toast(texts.placedBefore, { text: texts.seeOrders, run: () => go("/orders") });
    return;
  }
  missed = refusal;
  toast(pending() ? texts.pendingTitle : texts.notPlaced, { text: texts.toCheckout, run: () => go("/checkout?step=payment") });
}

export class Payment {
  /** @type {Change | null} */
  change = null;
  /** @type {string[]} Names of toys that cannot be ordered any more. */
  gone = [];
  isSending = false;

  /** @param {import("../checkout.js").Checkout} checkout */
  constructor(checkout) {
    this.checkout = checkout;
    this.form = new Form(checkout.redraw);
    latest = this;
  }

  /**
   * Return the request for the order that the page shows.
   *
   * @param {Line[]} lines
   * @param {string} token Of the card.
   * @returns {{body: Body, items: Item[]}}
   */
  #draft(lines, token) {
    const isSame = JSON.stringify(basket.value) === JSON.stringify(lines);
    if (!isSame || Date.now() - this.checkout.changedAt < TIME_TO_NOTICE) throw new BasketChanged();
    const entered = address();
    const country = this.checkout.countries?.find(({ code }) => code === entered.country);
    if (!country) throw new BasketChanged();
    return {
      body: {
        lines: lines.map(({ id, quantity }) => ({ toy_id: id, quantity })),
        shipping_address: inCountry(entered, country),
        payment_method: token,
        expected_total: /** @type {Money} */ (total(lines)),
      },
      items: lines.map(({ name, quantity }) => ({ name, quantity })),
    };
  }

  /**
   * Send an order, and open it.
   *
   * @param {() => {body: Body, items: Item[]}} make
   */
  async #send(make) {
    const { visit, shownKey } = this.checkout;
    const email = session.value?.email;
    this.change = null;
    this.isSending = this.form.isBusy = true;
    sending += 1;
    this.checkout.redraw();
    try {
      const order = await place(shownKey, make);
      if (session.value?.email !== email) return; // signed out meanwhile
      const show = () => go(`/orders/${order.id}`, { replace: location.pathname === "/checkout" });
      if (visit.isOver && location.pathname !== "/checkout") toast(texts.placed, { text: texts.seeOrder, run: show });
      else show();
    } finally {
      sending -= 1;
      this.isSending = this.form.isBusy = false;
    }
  }

  /**
   * Show why no order was placed.
   *
   * @param {Refusal} refusal
   */
  async #explain({ error, lines, token }) {
    const { checkout, form } = this;
    if (error instanceof PlacedBefore) {
      toast(texts.placedBefore);
      go("/orders");
    } else if (error instanceof OrderedElsewhere) {
      checkout.isOrderedElsewhere = true;
      form.problem = html`${texts.orderedElsewhere} <a href="/orders">${texts.orderedElsewhereHint}</a>`;
    } else if (error instanceof BasketChanged) form.problem = texts.changed;
    else if (error instanceof CardError) form.problem = texts.cardProblem;
    else if (!(error instanceof Problem)) throw error;
    else if (error.type === "price-changed") this.#reprice(error, lines, token);
    else if (error.status === 422) await this.#refuse(error, lines);
    // without a session, the sign-in forms are shown instead of the error
    else if (session.value && !pending()) form.problem = problemText(error, { forbidden: texts.unconfirmed });
    else if (pending()) form.problem = problemText(error);
  }

  /**
   * @param {Problem} problem
   * @param {Line[]} lines
   * @param {string} token
   */
  #reprice({ members }, lines, token) {
    const prices = new Map((Array.isArray(members.lines) ? members.lines : [])
      .filter((line) => isObject(line) && isMoney(line.unit_price))
      .map((line) => [line.toy_id, line.unit_price]));
    const rows = lines.filter(({ id, price }) => prices.get(id) && prices.get(id).amount !== price.amount)
      .map(({ id, name, price }) => ({ name, before: price, now: prices.get(id) }));
    const before = total(lines);
    basket.value = basket.value.map((line) => ({ ...line, price: prices.get(line.id) ?? line.price }));
    this.checkout.changedAt = -Infinity; // the customer has seen the change
    const now = total(basket.value);
    if (rows.length && before && now) this.change = { rows, before, now, token };
    else this.form.problem = texts.changed;
  }

  /**
   * @param {string} name A field of the address.
   * @param {string} code
   */
  #addressText(name, code) {
    const country = this.checkout.countries?.find((one) => one.code === address().country);
    const field = country?.fields.find((one) => one.name === name);
    return field && code === "format" ? invalidPart(addressLabel(field)) : fieldText(name, code);
  }

  /**
   * @param {Problem} problem
   * @param {Line[]} lines
   */
  async #refuse({ errors }, lines) {
    const { form } = this;
    const at = (/** @type {RegExp} */ pattern) => errors.filter(({ pointer }) => pattern.test(pointer));
    const gone = at(/^\/lines\/\d+\/toy_id$/);
    const ofAddress = at(/^\/shipping_address\//);
    if (gone.length) {
      // the response names only the first one
      const known = await Promise.all(lines.map(({ id }) => call("GET", `/toys/${encodeURIComponent(id)}`, { signal: this.checkout.visit.signal })
        .then(() => true, (error) => error?.status !== 404)));
      const missing = new Set(gone.map(({ pointer }) => Number(pointer.split("/")[2])));
      this.gone = lines.filter((_, at) => !known[at] || missing.has(at)).map(({ id }) => id);
    } else if (ofAddress.length) {
      refuseAddress(Object.fromEntries(ofAddress.map(({ pointer, code }) => {
        const name = pointer.replace(/^.*\//, "");
        return [name, this.#addressText(name, code)];
      })));
      go("/checkout?step=delivery");
    } else if (at(/^\/payment_method/).length) form.problem = texts.badCard;
    else if (at(/^\/lines\/\d+\/quantity$/).length) form.problem = texts.tooMany;
    else form.problem = at(/^\/lines/).length ? texts.unpayable : texts.refused;
  }

  /**
   * @param {() => {body: Body, items: Item[]}} make
   * @param {Line[]} lines
   * @param {string} token
   */
  async #attempt(make, lines, token) {
    const email = session.value?.email;
    if (!navigator.onLine) {
      this.form.problem = problems.offline; // nothing was sent
      this.checkout.redraw();
      return;
    }
    try {
      await this.#send(make);
    } catch (error) {
      const refusal = { error, lines, token };
      if (session.value && !isOwn(email)) return; // another customer has signed in meanwhile
      if (latest && !latest.checkout.visit.isOver) await latest.#explain(refusal);
      else if (session.value) keepMissed(refusal);
    } finally {
      latest?.checkout.redraw();
    }
  }

  /** Explain why an order was not placed while the customer was elsewhere. */
  async explainMissed() {
    if (!missed) return;
    const refusal = missed;
    missed = null;
    await this.#explain(refusal);
    this.checkout.redraw();
  }

  /** Send the order with the unknown outcome again. */
  async retry() {
    const last = pending();
    if (!last || this.isSending || isSending()) return;
    this.form.clear();
    await this.#attempt(() => ({ body: last.body, items: last.items }), basket.value, last.body.payment_method);
  }

  /** Order at the new price. */
  async accept() {
    const { change } = this;
    if (!change || this.isSending) return;
    const { lines } = this.checkout;
    this.form.clear();
    await this.#attempt(() => this.#draft(lines, change.token), lines, change.token);
  }

  /** @param {import("../../parts/payment.js").Cards} cards */
  template(cards) {
    const { form, checkout } = this;
    const { lines } = checkout;
    const sum = /** @type {Money} */ (total(lines));
    const to = address();
    const country = checkout.countries?.find(({ code }) => code === to.country);
    const submit = form.submit(async () => {
      if (!cards.isReady || isSending()) return;
      if (!checkout.countries) await checkout.loadCountries();
      if (!checkout.countries) {
        form.problem = problemText(checkout.failed);
        return;
      }
      let token = "";
      try {
        token = await cards.token({ name: to.name, email: session.value?.email });
      } catch (error) {
        await this.#explain({ error, lines, token });
        return;
      }
      await this.#attempt(() => this.#draft(lines, token), lines, token);
    });
    return html`
      <h2 id="step-title">${texts.payment}</h2>
      <dl class="review panel">
        <div><dt>${texts.contact}</dt><dd>${session.value?.email}</dd><dd><a href="/checkout?step=contact" aria-label=${texts.changeOf(texts.contact)}>${texts.change}</a></dd></div>
        <div><dt>${texts.deliverTo}</dt><dd>${addressLines(country ? inCountry(to, country) : to).join(", ")}</dd><dd><a href="/checkout?step=delivery" aria-label=${texts.changeOf(texts.delivery)}>${texts.change}</a></dd></div>
      </dl>
      <form class="stack" id="pay" novalidate @submit=${submit}>
        ${cards.template}
        ${form.summary}
        ${cards.isReady ? submitButton(form, texts.pay(sum), texts.paying) : html`<button type="button" class="wide" aria-disabled="true">${texts.pay(sum)}</button>`}
      </form>`;
  }
}
