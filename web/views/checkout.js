// The checkout: contact, delivery and payment. Each step has an address.

import { session } from "../lib/api.js";
import { basket, total } from "../lib/basket.js";
import { address, countries, isComplete } from "../lib/delivery.js";
import { attempt, pending, stored } from "../lib/placing.js";
import { Stored } from "../lib/storage.js";
import { loadStyles } from "../parts/page.js";
import { Cards } from "../parts/payment.js";
import { onWidth, purchase } from "../parts/purchase.js";
import { SignIn } from "../parts/sign_in.js";
import { checkoutTexts as texts, testCards } from "../texts/checkout.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { contact } from "./checkout/contact.js";
import { Delivery } from "./checkout/delivery.js";
import { emptyCart, goneToys, orderedElsewhere, outcomeUnknown, priceChange } from "./checkout/interruptions.js";
import { Payment, isSending } from "./checkout/payment.js";

/** @typedef {import("../lib/basket.js").Line} Line */
/** @typedef {import("../lib/delivery.js").Country} Country */
/** @typedef {import("../lib/router.js").Visit} Visit */
/** @typedef {"contact" | "delivery" | "payment"} Step */

/** @type {Step[]} */
const STEPS = ["contact", "delivery", "payment"];

/** The token of the test card that the customer chose last. */
const chosenCard = new Stored("card", (value) => testCards.find(({ token }) => token === value)?.token ?? "");

/** One visit of the checkout. */
export class Checkout {
  /** @type {Country[] | null} */
  countries = null;
  /** @type {unknown} Why the countries could not be loaded. */
  failed = null;
  /** @type {Cards | null} */
  cards = null;
  /** @type {Line[]} The lines that the page shows; another tab may have changed the basket since. */
  lines = [];
  /** @type {string | null} The key of the attempt that the page shows. */
  shownKey = null;
  changedAt = -Infinity; // when the lines changed, other than by the customer in this tab
  isOrderedElsewhere = false;
  /** Whether another tab, or this one earlier, is sending an order. */
  isSentElsewhere = false;
  /** @type {ReturnType<typeof pending>} The attempt whose outcome the page shows as unknown. */
  #seen = null;

  /** @param {Visit} visit */
  constructor(visit) {
    this.visit = visit;
    this.redraw = this.redraw.bind(this);
    this.signIn = new SignIn({
      redraw: this.redraw,
      switchTo: (mode) => {
        this.signIn.mode = mode;
        this.redraw();
        this.#focusStep();
      },
    });
    this.delivery = new Delivery(this);
    this.payment = new Payment(this);
  }

  start() {
    const { signal } = this.visit;
    let email = session.value?.email;
    session.subscribe((value) => {
      if (value?.email !== email) this.cards = null; // unless the session was only renewed
      email = value?.email;
      this.redraw();
    }, signal);
    stored.subscribe(this.redraw, signal);
    basket.subscribe(() => {
      if (!isSending()) this.changedAt = Date.now();
      this.payment.change = null; // it had the total of the previous basket
      this.redraw();
    }, signal);
    onWidth(this.redraw, signal);
    this.redraw();
    this.loadCountries();
    this.payment.explainMissed();
  }

  async loadCountries() {
    this.failed = null;
    this.redraw();
    try {
      this.countries = await countries(this.visit.signal);
    } catch (error) {
      this.failed = error;
    }
    this.redraw();
  }

  /** The step to show: the address's, if the steps before it are complete. @returns {Step} */
  get step() {
    if (!session.value) return "contact";
    const wanted = this.visit.query.get("step");
    if (wanted === "contact") return "contact";
    return wanted === "payment" && (!this.countries || isComplete(address(), this.countries)) ? "payment" : "delivery";
  }

  #cards() {
    const sum = total(this.lines);
    if (!sum) return null;
    this.cards ??= new Cards({
      redraw: this.redraw, signal: this.visit.signal, total: sum, chosen: chosenCard.value, onChoice: (card) => { chosenCard.value = card; },
    });
    this.cards.update(sum);
    return this.cards;
  }

  /** Render the current state. */
  redraw() {
    if (this.visit.isOver) return;
    if (!this.payment.isSending) {
      this.lines = basket.value;
      this.shownKey = attempt()?.key ?? null;
    }
    const before = document.querySelector("[data-step]")?.getAttribute("data-step");
    const [name, content] = this.#content();
    this.visit.render(html`
      <div class="checkout" data-step=${name}>
        <h1>${texts.title}</h1>
        ${content}
      </div>`, { title: texts.title, hidden: true });
    if (before && before !== name) this.#focusStep();
    this.cards?.mount();
  }

  /** The name of the content, and the content. @returns {[string, unknown]} */
  #content() {
    // an earlier visit that is sending an order also decides what to show next
    const unknown = pending() ?? (isSending() ? this.#seen : null);
    if (unknown && !this.payment.isSending) {
      this.#watch(unknown);
      return ["pending", outcomeUnknown(this, unknown)];
    }
    if (session.value && this.#seen && !unknown && !this.lines.length) this.isOrderedElsewhere = true;
    if (!this.lines.length) return this.isOrderedElsewhere ? ["elsewhere", orderedElsewhere()] : ["empty", emptyCart()];
    const { step } = this;
    if (session.value && this.lines.some(({ id }) => this.payment.gone.includes(id))) return ["gone", goneToys(this)];
    if (session.value && this.payment.change) return ["price", priceChange(this, this.payment.change)];
    return [step, html`
      <nav class="steps" aria-label=${texts.steps}><ol>${STEPS.map((one) => this.#stepLink(one, step))}</ol></nav>
      <div class="columns">
        <section class="stack" aria-labelledby="step-title">${this.#stepContent(step)}</section>
        <aside>${purchase(this.lines)}</aside>
      </div>`];
  }

  /**
   * Show that an attempt is being sent, until the tab that sends it has finished.
   *
   * @param {NonNullable<ReturnType<typeof pending>>} unknown
   */
  async #watch(unknown) {
    if (this.#seen?.key === unknown.key) return;
    this.#seen = unknown;
    this.isSentElsewhere = true;
    await navigator.locks.request("toyshop.order", () => {}); // a tab holds the lock while it sends an order
    this.isSentElsewhere = false;
    this.redraw();
  }

  /**
   * @param {Step} one
   * @param {Step} shown
   */
  #stepLink(one, shown) {
    const isReachable = session.value && (STEPS.indexOf(one) <= STEPS.indexOf(shown)
      || one === "delivery" || (this.countries && isComplete(address(), this.countries)));
    return html`<li>${one === shown ? html`<span aria-current="step">${texts[one]}</span>`
      : isReachable ? html`<a href=${`/checkout?step=${one}`}>${texts[one]}</a>` : html`<span>${texts[one]}</span>`}</li>`;
  }

  /** @param {Step} step */
  #stepContent(step) {
    if (step === "contact") return contact(this);
    if (step === "delivery") return this.delivery.template;
    const cards = this.#cards();
    return cards ? this.payment.template(cards) : nothing;
  }

  #focusStep() {
    const heading = /** @type {HTMLElement | null} */ (document.getElementById("step-title"));
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

/** @param {Visit} visit */
export async function show(visit) {
  await loadStyles("/styles/checkout.css");
  if (!visit.isOver) new Checkout(visit).start();
}
