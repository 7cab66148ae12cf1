// The order summary beside the steps of the checkout: the toys and the total.

import { total } from "../lib/basket.js";
import { money, moneyWithCurrency } from "../lib/format.js";
import { checkoutTexts as texts } from "../texts/checkout.js";
import { html } from "../vendor/lit-html/lit-html.js";
import { picture } from "./toy.js";

/** @typedef {import("../lib/basket.js").Line} Line */

const WIDE = matchMedia("(min-width: 60rem)");

/**
 * Call a function when the summary changes between a column and a collapsible section.
 *
 * @param {() => void} listener
 * @param {AbortSignal} signal
 */
export function onWidth(listener, signal) {
  WIDE.addEventListener("change", listener, { signal });
}

/** @param {Line} line */
const row = ({ name, image, price, quantity }) => html`
  <li>
    ${picture(image, { sizes: "4rem", alt: "" })}
    <span class="what">${name}<br><span class="note">${texts.quantity(quantity)}</span></span>
    <span class="price">${money({ ...price, amount: price.amount * quantity })}</span>
  </li>`;

/**
 * The toys and their total: a column on wide screens, collapsed on narrow ones.
 *
 * @param {Line[]} lines At least one.
 */
export function purchase(lines) {
  const sum = /** @type {import("../lib/api.js").Money} */ (total(lines));
  return html`
    <details class="purchase panel" ?open=${WIDE.matches}>
      <summary><h2>${texts.summary}</h2> <strong>${moneyWithCurrency(sum)}</strong></summary>
      <ul class="bought">${lines.map(row)}</ul>
      <dl class="sums">
        <dt>${texts.subtotal}</dt><dd>${money(sum)}</dd>
        <dt>${texts.deliveryCost}</dt><dd>${texts.deliveryIncluded}</dd>
        <dt class="sum">${texts.total}</dt><dd class="sum">${moneyWithCurrency(sum)}</dd>
      </dl>
      <p><a class="lone" href="/basket">${texts.editCart}</a></p>
    </details>`;
}
