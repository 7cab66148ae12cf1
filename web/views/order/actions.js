// Actions on an order: receipt, cancellation, and ordering again.

import { Problem, call, getCached } from "../../lib/api.js";
import { add, count } from "../../lib/basket.js";
import { date } from "../../lib/format.js";
import { go } from "../../lib/router.js";
import { confirmed } from "../../parts/dialog.js";
import { focusHeading, toast } from "../../parts/page.js";
import { saveReceipt } from "../../parts/receipt.js";
import { orderTexts as texts } from "../../texts/orders.js";
import { basketTexts, problemText } from "../../texts/shop.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";

/** @typedef {import("../../lib/api.js").Order} Order */

export class Actions {
  /** The action that is being carried out. */
  #busy = "";

  /** @param {import("../order.js").OrderView} view */
  constructor(view) {
    this.view = view;
  }

  /**
   * Carry out an action, unless one is being carried out.
   *
   * @param {string} name
   * @param {() => Promise<unknown>} action
   */
  async #run(name, action) {
    if (this.#busy) return;
    this.#busy = name;
    this.view.redraw();
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      toast(name === "receipt" && error.status === 404 ? texts.receiptNotReady : problemText(error));
    } finally {
      this.#busy = "";
      this.view.redraw();
    }
  }

  /** @param {Order} order */
  async #cancel({ id }) {
    const { view } = this;
    const isSure = await confirmed({
      title: texts.cancelTitle, text: texts.cancelText, yes: texts.cancel, no: texts.keep,
    }, view.visit.signal);
    if (!isSure) return;
    view.update(await call("POST", `/orders/${encodeURIComponent(id)}/cancellation`));
    focusHeading();
    toast(texts.cancelled);
  }

  /** @param {Order} order */
  async #orderAgain({ lines }) {
    const { signal } = this.view.visit;
    const missing = (/** @type {unknown} */ error) => {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    };
    const toys = await Promise.all(lines.map(({ toy_id }) => getCached(`/toys/${encodeURIComponent(toy_id)}`, signal).catch(missing)));
    if (signal.aborted) return;
    const before = count();
    let wanted = 0;
    for (const [at, toy] of toys.entries()) {
      if (!toy) continue;
      add(toy, lines[at].quantity);
      wanted += lines[at].quantity;
    }
    const added = count() - before;
    const gone = lines.filter((_, at) => !toys[at]).map(({ name }) => name);
    const said = [
      added ? texts.addedAgain(added) : "",
      added < wanted ? basketTexts.full : "",
      gone.length ? texts.notAdded(gone.join(", ")) : "",
    ];
    toast(said.filter(Boolean).join(" "), added ? { text: texts.viewCart, run: () => go("/basket") } : undefined);
  }

  /**
   * @param {Order} order
   * @param {boolean} isCancellable
   */
  template(order, isCancellable) {
    const busy = (/** @type {string} */ name) => (this.#busy === name ? "true" : nothing);
    const day = date(order.placed_at, { dateStyle: "long" });
    return html`<div class="actions">
      ${order.receipt ? html`<button type="button" aria-disabled=${busy("receipt")} @click=${() => this.#run("receipt", () => saveReceipt(order.id))}>${texts.receipt}</button>` : nothing}
      <button type="button" class="quiet" aria-disabled=${busy("again")} @click=${() => this.#run("again", () => this.#orderAgain(order))}>${texts.orderAgain}</button>
      ${isCancellable ? html`<button type="button" class="quiet" aria-label=${texts.cancelOf(day)} aria-disabled=${busy("cancel")}
        @click=${() => this.#run("cancel", () => this.#cancel(order))}>${texts.cancel}</button>` : nothing}
    </div>`;
  }
}
