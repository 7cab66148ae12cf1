// The confirmation of a payment with the customer's bank: on its page, or in Stripe.js.

import { settings } from "../../lib/settings.js";
import { stripe } from "../../lib/stripe.js";
import { toast } from "../../parts/page.js";
import { orderTexts as texts } from "../../texts/orders.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";

/** @typedef {import("../../lib/api.js").Order} Order */

export class Bank {
  /** @type {import("../../lib/settings.js").Settings | null} */
  #settings = null;
  #isLoading = false;
  #isOpen = false;

  /** @param {import("../order.js").OrderView} view */
  constructor(view) {
    this.view = view;
  }

  async #load() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      this.#settings = await settings(this.view.visit.signal);
      this.view.redraw();
    } catch {
      this.#isLoading = false; // loaded again when the order is shown again
    }
  }

  #expect() {
    this.view.isExpectingChange = true;
    this.view.follow();
  }

  /** @param {string} secret */
  async #openStripe(secret) {
    if (this.#isOpen || !this.#settings) return;
    this.#isOpen = true;
    this.view.redraw();
    try {
      const loaded = await stripe(this.#settings.stripeKey);
      await loaded.handleNextAction({ clientSecret: secret });
      this.#expect();
    } catch {
      toast(texts.bankFailed);
    }
    this.#isOpen = false;
    this.view.redraw();
  }

  /** @param {Order} order An order that waits for the bank. */
  template(order) {
    const secret = order.payment.action?.client_secret ?? "";
    if (!this.#settings) this.#load();
    const { bankPage, stripeKey } = this.#settings ?? { bankPage: "", stripeKey: "" };
    const way = bankPage
      ? html`<a class="button wide" href=${bankPage + encodeURIComponent(secret)} target="_blank" rel="noopener" @click=${() => this.#expect()}>
          ${texts.confirm} <span class="hidden">${texts.newTab}</span></a>`
      : stripeKey ? html`<button type="button" class="wide" aria-disabled=${this.#isOpen ? "true" : nothing} @click=${() => this.#openStripe(secret)}>${texts.confirm}</button>` : nothing;
    return html`<section class="panel stack attention">
      <h2>${texts.confirm}</h2>
      <p>${texts.confirmHint}</p>
      ${way}
    </section>`;
  }
}
