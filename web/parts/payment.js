// The choice of a card: Stripe's Payment Element, or test cards.

import { settings } from "../lib/settings.js";
import { appearance, stripe } from "../lib/stripe.js";
import { checkoutTexts as texts, testCards } from "../texts/checkout.js";
import { shop } from "../texts/shop.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../lib/api.js").Money} Money */

/** Thrown if the customer has to correct the card. */
export class CardError extends Error {}

/** The choice of a card for one payment. */
export class Cards {
  chosen;
  /** @type {"loading" | "test" | "stripe" | "failed"} */
  state = "loading";
  /** @type {any} */
  #stripe = null;
  /** @type {any} */
  #elements = null;
  #signal;
  #total;
  #redraw;
  #onChoice;
  #legend;

  /**
   * @param {object} options
   * @param {() => void} options.redraw
   * @param {AbortSignal} options.signal
   * @param {Money} options.total
   * @param {string} [options.legend]
   * @param {string} [options.chosen] The token of the test card that is chosen initially.
   * @param {(token: string) => void} [options.onChoice]
   */
  constructor({ redraw, signal, total, legend = texts.paymentTitle, chosen, onChoice }) {
    this.#legend = legend;
    this.chosen = chosen || testCards[0].token;
    this.#onChoice = onChoice;
    this.#redraw = redraw;
    this.#signal = signal;
    this.#total = total;
    this.load();
  }

  /** Load the settings, and Stripe.js if they require it. */
  async load() {
    this.state = "loading";
    try {
      const { stripeKey } = await settings(this.#signal);
      if (!stripeKey) {
        this.state = "test";
        this.#redraw();
        return;
      }
      this.#stripe = await stripe(stripeKey);
      if (this.#signal.aborted) return;
      this.state = "stripe";
      this.#redraw();
      this.mount();
    } catch {
      this.state = "failed";
      this.#redraw();
    }
  }

  /** Insert Stripe's form, unless it is shown already. */
  mount() {
    const place = document.getElementById("payment-element");
    if (this.state !== "stripe" || !place || place.hasChildNodes() || this.#signal.aborted) return;
    this.#elements = this.#stripe.elements({
      mode: "payment", amount: this.#total.amount, currency: this.#total.currency.toLowerCase(),
      paymentMethodCreation: "manual", paymentMethodTypes: ["card"], appearance: appearance(),
    });
    this.#elements.create("payment", { layout: "tabs" }).mount(place);
  }

  /** Whether there is a card to pay with. */
  get isReady() {
    return this.state === "test" || this.state === "stripe";
  }

  /** @param {Money} total The new total. */
  update(total) {
    if (this.#total.amount !== total.amount) this.#elements?.update({ amount: total.amount });
    this.#total = total;
  }

  /**
   * Return the token of the card.
   *
   * @param {{name: string, email?: string}} owner
   * @returns {Promise<string>}
   * @throws {CardError}
   */
  async token(owner) {
    if (this.state !== "stripe") return this.chosen;
    const checked = await this.#elements.submit();
    if (checked.error) throw new CardError(checked.error.type);
    const { paymentMethod, error } = await this.#stripe.createPaymentMethod({
      elements: this.#elements, params: { billing_details: owner },
    });
    if (error) throw new CardError(error.type);
    return paymentMethod.id;
  }

  #testCards() {
    return html`<p class="note">${texts.testCards}</p>
      <div class="pay-cards">${testCards.map(({ token, brand, last4, effect }) => html`
        <label class="pay-card">
          <input type="radio" name="card" value=${token} .checked=${this.chosen === token} @change=${() => {
            this.chosen = token;
            this.#onChoice?.(token);
            this.#redraw();
          }}>
          <span><b>${brand} •••• ${last4}</b><br><span class="note">${effect}</span></span>
        </label>`)}
      </div>`;
  }

  get template() {
    return html`<fieldset class="stack cards">
      <legend>${this.#legend}</legend>
      ${this.state === "test" ? this.#testCards() : nothing}
      ${this.state === "loading" ? html`<p class="note" role="status">${texts.paymentLoading}</p><div class="skeleton" aria-hidden="true"><span class="line"></span><span class="line"></span><span class="line short"></span></div>` : nothing}
      ${this.state === "failed" ? html`<div class="problem" role="alert">${texts.paymentFailed} <button type="button" class="link" @click=${() => this.load()}>${shop.tryAgain}</button></div>` : nothing}
      <div id="payment-element" ?hidden=${this.state !== "stripe"}></div>
    </fieldset>`;
  }
}
