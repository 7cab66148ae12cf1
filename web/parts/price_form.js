// The form for a custom price range, loaded when it is opened.

import { decimals, majorUnits } from "../lib/format.js";
import { go } from "../lib/router.js";
import { listTexts } from "../texts/shop.js";
import { html } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../views/list.js").Search} Search */

/**
 * Return an amount in minor units, `null` if the text is empty, or `NaN` if it is not a price.
 *
 * @param {string} text
 * @param {string} currency
 */
function parsePrice(text, currency) {
  if (!text.trim()) return null;
  const places = decimals(currency);
  const match = /^(\d{1,8})(?:[.,](\d+))?$/.exec(text.trim());
  if (!match || (match[2]?.length ?? 0) > places) return NaN;
  return Number(match[1] + (match[2] ?? "").padEnd(places, "0"));
}

/**
 * The form; submitting it opens the list with that range.
 *
 * @param {string} id Distinguishes the two places that show the filters.
 * @param {Search} search
 * @param {string} currency
 * @param {(change: Partial<Search>) => string} link
 */
export function priceForm(id, { price_min: min, price_max: max }, currency, link) {
  const text = (/** @type {number | null} */ amount) => (amount === null ? "" : majorUnits({ amount, currency }));
  /** @param {SubmitEvent} event */
  const onSubmit = (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const fields = /** @type {HTMLInputElement[]} */ ([form.elements.namedItem("from"), form.elements.namedItem("to")]);
    const [from, to] = fields.map(({ value }) => parsePrice(value, currency));
    const isOrdered = from === null || to === null || !(from > to);
    const isValid = [from, to].map((value) => !Number.isNaN(value) && isOrdered);
    fields.forEach((field, at) => field.setAttribute("aria-invalid", String(!isValid[at])));
    const message = /** @type {HTMLElement} */ (form.querySelector(".field-error"));
    message.textContent = isValid.every(Boolean) ? "" : isOrdered ? listTexts.priceRule : listTexts.priceOrder;
    if (isValid.every(Boolean)) go(link({ price_min: from, price_max: to }));
    else fields[isValid.indexOf(false)].focus();
  };
  return html`
    <form class="range" novalidate aria-label=${listTexts.priceIn(currency)} @submit=${onSubmit}>
      <label>${listTexts.priceFrom}<input name="from" inputmode="decimal" autocomplete="off" maxlength="12" aria-describedby=${`${id}-range`} .value=${text(min)}></label>
      <label>${listTexts.priceTo}<input name="to" inputmode="decimal" autocomplete="off" maxlength="12" aria-describedby=${`${id}-range`} .value=${text(max)}></label>
      <button type="submit" class="quiet">${listTexts.apply}</button>
      <span id=${`${id}-range`} class="field-error" role="status"></span>
    </form>`;
}
