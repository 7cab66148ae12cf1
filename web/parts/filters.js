// The filters of a list: each choice is a link to the list that it leads to.

import { decimals, label, money, number } from "../lib/format.js";
import { go } from "../lib/router.js";
import { listTexts } from "../texts/shop.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../views/list.js").Search} Search */
/** @typedef {(change: Partial<Search>) => string} Link */
/**
 * @typedef {object} Choice
 * @property {string} text
 * @property {number} count
 * @property {Partial<Search>} change What the search becomes by choosing it.
 * @property {boolean} isChosen
 */

const FEW = 8; // brands shown at once
const AGES = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14];

/**
 * Describe a range of prices, both ends included.
 *
 * @param {number | null} from In minor units.
 * @param {number | null} to
 * @param {string} currency Empty if it is not known.
 */
export function priceText(from, to, currency) {
  const price = (/** @type {number} */ amount) => (currency ? money({ amount, currency }) : number(amount / 100));
  // a range ends just below the next one: 1999 is "under $20.00"
  const end = to === null ? null : price(to % 10 === 9 ? to + 1 : to);
  if (end === null) return listTexts.over(price(from ?? 0));
  return from ? listTexts.between(price(from), end) : listTexts.under(end);
}

/**
 * @param {Choice} choice
 * @param {Partial<Search>} none The search without this filter.
 * @param {Link} link
 */
const choice = ({ text, count, change, isChosen }, none, link) => html`
  <li><a class="choice" href=${link(isChosen ? none : change)} aria-current=${isChosen ? "true" : nothing}>
    <span class="choice-text">${text}</span> <span class="choice-count">${number(count)}</span></a></li>`;

/**
 * @param {string} title
 * @param {Choice[]} choices
 * @param {Partial<Search>} none
 * @param {Link} link
 * @param {unknown} [more]
 */
function group(title, choices, none, link, more) {
  if (!choices.length) return nothing;
  const list = (/** @type {Choice[]} */ some) => html`<ul>${some.map((one) => choice(one, none, link))}</ul>`;
  // what is chosen is always in sight
  const first = choices.filter(({ isChosen }, at) => at < FEW || isChosen);
  const others = title === listTexts.brand ? choices.filter((one) => !first.includes(one)) : [];
  return html`
    <details class="filter" open>
      <summary>${title}</summary>
      ${list(others.length ? first : choices)}
      ${others.length ? html`<details class="others"><summary>${listTexts.allBrands(choices.length)}</summary>${list(others)}</details>` : nothing}
      ${more ?? nothing}
    </details>`;
}

/**
 * @param {Record<string, number>} counts By `min_age`.
 * @param {number | null} chosen
 * @returns {Choice[]}
 */
function agesOf(counts, chosen) {
  const upTo = (/** @type {number} */ age) => Object.entries(counts)
    .reduce((sum, [least, count]) => sum + (Number(least) <= age ? count : 0), 0);
  const ages = chosen === null || AGES.includes(chosen) ? AGES : [...AGES, chosen].sort((one, other) => one - other);
  return ages.map((age) => ({ text: listTexts.suitsAge(age), count: upTo(age), change: { age }, isChosen: age === chosen }))
    // an age that adds no toy to those of the one before is no choice
    .filter(({ count, isChosen }, at) => isChosen || count > (at ? upTo(ages[at - 1]) : 0));
}

/**
 * @param {Record<string, number>} counts By range.
 * @param {Search} search
 * @param {string} currency
 * @returns {Choice[]}
 */
function pricesOf(counts, { price_min: min, price_max: max }, currency) {
  const choices = Object.entries(counts).map(([range, count]) => {
    const [from, to] = range.split("-").map((end) => (end ? Number(end) : null));
    return {
      text: priceText(from, to ?? null, currency), count,
      change: { price_min: from, price_max: to ?? null },
      isChosen: from === min && (to ?? null) === max,
    };
  });
  return choices.sort((one, other) => (one.change.price_min ?? 0) - (other.change.price_min ?? 0));
}

/**
 * Return an amount in minor units, `null` if the text is empty, or `NaN` if it is no price.
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
 * A form for a range of prices.
 *
 * @param {string} id Differs between the two places that show the filters.
 * @param {Search} search
 * @param {string} currency
 * @param {Link} link
 */
function priceForm(id, { price_min: min, price_max: max }, currency, link) {
  const text = (/** @type {number | null} */ amount) => (amount === null ? "" : String(amount / 10 ** decimals(currency)));
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

/**
 * The filters, with how many toys each choice leaves.
 *
 * @param {object} options
 * @param {string} options.id
 * @param {Search} options.search
 * @param {Record<string, Record<string, number>>} options.facets
 * @param {string} options.currency
 * @param {Link} options.link
 */
export function filters({ id, search, facets, currency, link }) {
  const named = (/** @type {"category" | "brand"} */ name) => {
    const counts = Object.entries(facets[name] ?? {});
    if (search[name] && !counts.some(([value]) => value === search[name])) counts.unshift([search[name], 0]);
    return counts.map(([value, count]) => ({
      text: name === "category" ? label(value) : value, count, change: { [name]: value }, isChosen: value === search[name],
    }));
  };
  const byText = (/** @type {Choice} */ one, /** @type {Choice} */ other) => one.text.localeCompare(other.text);
  return html`
    ${group(listTexts.category, named("category").sort(byText), { category: "" }, link)}
    ${group(listTexts.age, agesOf(facets.age ?? {}, search.age), { age: null }, link)}
    ${group(listTexts.price, pricesOf(facets.price ?? {}, search, currency), { price_min: null, price_max: null }, link,
      currency ? priceForm(id, search, currency, link) : nothing)}
    ${group(listTexts.brand, named("brand"), { brand: "" }, link)}`;
}
