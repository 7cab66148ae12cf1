// Pays an order with another card.

import { Problem, call, session } from "../../lib/api.js";
import { isPayable } from "../../lib/order_state.js";
import { Form, submitButton } from "../../parts/form.js";
import { focusHeading, toast } from "../../parts/page.js";
import { CardError, Cards } from "../../parts/payment.js";
import { checkoutTexts } from "../../texts/checkout.js";
import { orderTexts as texts } from "../../texts/orders.js";
import { html } from "../../vendor/lit-html/lit-html.js";

/** @typedef {import("../../lib/api.js").Order} Order */

export class PayAgain {
  /** @type {Cards | null} */
  cards = null;
  /** The request whose outcome is unknown, to be sent again with its key. @type {{token: string, key: string} | null} */
  #last = null;

  /** @param {import("../order.js").OrderView} view */
  constructor(view) {
    this.view = view;
    this.form = new Form(view.redraw);
  }

  /** @param {Order} order */
  async #pay(order) {
    const { cards, view } = this;
    if (!cards?.isReady) return;
    let token = "";
    try {
      token = await cards.token({ name: order.shipping_address.name, email: session.value?.email });
    } catch (error) {
      if (!(error instanceof CardError)) throw error;
      this.form.problem = checkoutTexts.cardProblem;
      return;
    }
    if (this.#last?.token !== token) this.#last = { token, key: crypto.randomUUID() };
    try {
      const changed = await call("POST", `/orders/${encodeURIComponent(order.id)}/payment`, {
        body: { payment_method: token }, headers: { "Idempotency-Key": this.#last.key },
      });
      this.#last = null;
      view.update(changed);
      focusHeading();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!error.outcomeUnknown) this.#last = null;
      if ([404, 409].includes(error.status)) await view.load();
      if (view.order && !isPayable(view.order)) {
        toast(texts.notPayable); // the form is not shown any more
        return;
      }
      if (error.status === 422) this.form.problem = checkoutTexts.badCard;
      else throw error;
    }
  }

  /** @param {Order} order An order that is not paid. */
  template(order) {
    this.cards ??= new Cards({ redraw: this.view.redraw, signal: this.view.visit.signal, total: order.total, legend: texts.payAgainTitle });
    const submit = this.form.submit(() => this.#pay(order), { own: { conflict: texts.notPayable, "not-found": texts.notPayable } });
    return html`<section class="panel stack" aria-label=${texts.payAgainTitle}>
      <form class="stack" id="pay-again" novalidate @submit=${submit}>
        ${this.cards.template}
        ${this.form.summary}
        ${submitButton(this.form, texts.pay(order.total), checkoutTexts.paying)}
      </form>
    </section>`;
  }
}
