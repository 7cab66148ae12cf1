// States that interrupt the checkout.

import { basket } from "../../lib/basket.js";
import { moneyWithCurrency, money } from "../../lib/format.js";
import { addressLines } from "../../lib/delivery.js";
import { abandon } from "../../lib/placing.js";
import { go } from "../../lib/router.js";
import { confirmed } from "../../parts/dialog.js";
import { checkoutTexts as texts } from "../../texts/checkout.js";
import { formTexts } from "../../texts/forms.js";
import { orderTexts } from "../../texts/orders.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { isSending } from "./payment.js";

/** @typedef {import("../checkout.js").Checkout} Checkout */

export const emptyCart = () => html`
  <div class="empty">
    <h2 id="step-title">${texts.empty}</h2>
    <a class="button" href="/">${texts.browse}</a>
  </div>`;

export const orderedElsewhere = () => html`
  <div class="empty">
    <h2 id="step-title">${texts.orderedElsewhere}</h2>
    <a class="button" href="/orders">${texts.seeOrders}</a>
  </div>`;

/**
 * An order was sent, but its outcome is unknown. It can only be sent again unchanged.
 *
 * @param {Checkout} checkout
 * @param {import("../../lib/placing.js").Attempt & {body: import("../../lib/placing.js").Body}} last
 */
export function outcomeUnknown({ payment, visit, isSentElsewhere }, { body, items }) {
  const isBusy = isSending() || isSentElsewhere;
  const change = async () => {
    const isSure = await confirmed({
      title: texts.changeOrderTitle, text: texts.changeOrderText, yes: texts.changeOrder, no: texts.back,
    }, visit.signal);
    if (!isSure) return;
    abandon();
    go("/basket");
  };
  return html`
    <section class="panel stack pending" aria-labelledby="step-title">
      <h2 id="step-title">${isBusy ? texts.pendingSending : texts.pendingTitle}</h2>
      ${isBusy ? nothing : html`<p>${texts.pendingText}</p>`}
      <ul>${items.map(({ quantity, name }) => html`<li>${orderTexts.line(quantity, name)}</li>`)}</ul>
      <p><strong>${texts.total} ${moneyWithCurrency(body.expected_total)}</strong></p>
      <p class="note">${texts.deliverTo}: ${addressLines(body.shipping_address).join(", ")}</p>
      ${payment.form.problem ? html`<p class="problem" role="alert">${payment.form.problem}</p>` : nothing}
      <button type="button" class="wide" aria-disabled=${isBusy ? "true" : nothing} @click=${() => payment.retry()}>
        ${isBusy ? formTexts.sending : texts.tryAgain}</button>
      ${isBusy ? nothing : html`<p class="actions"><a href="/orders">${texts.seeOrders}</a>
        <button type="button" class="link" @click=${change}>${texts.changeOrder}</button></p>`}
    </section>`;
}

/**
 * @param {Checkout} checkout
 * @param {import("./payment.js").Change} change
 */
export const priceChange = ({ payment }, { rows, before, now }) => html`
  <section class="panel stack" aria-labelledby="step-title">
    <h2 id="step-title">${texts.priceTitle}</h2>
    <p>${texts.priceText}</p>
    <table class="prices">
      <thead><tr><th scope="col">${texts.toy}</th><th scope="col">${texts.before}</th><th scope="col">${texts.now}</th></tr></thead>
      <tbody>${rows.map((row) => html`<tr><th scope="row">${row.name}</th><td><s>${money(row.before)}</s></td><td>${money(row.now)}</td></tr>`)}</tbody>
      <tfoot><tr><th scope="row">${texts.total}</th><td><s>${money(before)}</s></td><td>${money(now)}</td></tr></tfoot>
    </table>
    ${payment.form.summary}
    <button type="button" class="wide" @click=${() => payment.accept()}>${texts.acceptPrice(now)}</button>
    <p><a href="/basket">${texts.declinePrice}</a></p>
  </section>`;

/** @param {Checkout} checkout */
export function goneToys(checkout) {
  const { payment, lines, redraw } = checkout;
  const names = lines.filter(({ id }) => payment.gone.includes(id)).map(({ name }) => name);
  const removeGone = () => {
    const { gone } = payment;
    payment.gone = [];
    basket.value = basket.value.filter(({ id }) => !gone.includes(id));
    checkout.changedAt = -Infinity; // the customer has seen the change
    redraw();
  };
  return html`
    <section class="panel stack" aria-labelledby="step-title">
      <h2 id="step-title">${texts.goneTitle}</h2>
      <p>${texts.gone(names)}</p>
      <button type="button" class="wide" @click=${removeGone}>${texts.goneRest(names.length)}</button>
      <p><a href="/basket">${texts.declinePrice}</a></p>
    </section>`;
}
