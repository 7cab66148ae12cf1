// The lines of the basket for the drawer and the basket's page, kept up to date with the catalogue.

import { call, session } from "../lib/api.js";
import { basket, remove, setQuantity, total } from "../lib/basket.js";
import { money } from "../lib/format.js";
import { isMoney, isText } from "../lib/storage.js";
import { basketTexts, shop } from "../texts/shop.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { addressOf, isRepeated, picture, stepper } from "./toy.js";

/** @typedef {import("../lib/basket.js").Line} Line */
/** @typedef {import("../lib/api.js").Money} Money */
/** @typedef {import("../lib/api.js").Toy} Toy */

const AT_ONCE = 6; // requests

/** @type {Map<string, Money>} Prices that the customer saw before they changed, by toy. */
const before = new Map();
/** @type {Map<string, string>} Names of toys that the shop no longer sells, by id. */
const gone = new Map();
/** @type {{name: string, undo: () => void} | null} */
let removed = null;
let isStale = false;
/** @type {() => void} */
let retry = () => {};

session.subscribe((value) => {
  if (value) return;
  before.clear();
  gone.clear();
  removed = null;
});

/**
 * Update the basket from the catalogue: names, prices and pictures, and remove toys that the shop no
 * longer sells.
 *
 * @param {() => void} update Shows the basket again.
 * @param {AbortSignal} signal
 */
export async function refresh(update, signal) {
  retry = () => refresh(update, signal);
  /** @type {Map<string, Toy | null>} */
  const fresh = new Map();
  const ids = basket.value.map(({ id }) => id);
  let hasFailed = false;
  const work = async () => {
    for (let id = ids.pop(); id; id = ids.pop()) {
      try {
        const toy = await call("GET", `/toys/${encodeURIComponent(id)}`, { signal });
        if (isMoney(toy?.price) && isText(toy.name) && Array.isArray(toy.images)) fresh.set(id, toy);
        else hasFailed = true;
      } catch (error) {
        if (signal.aborted) return;
        if (/** @type {{status?: number}} */ (error).status === 404) fresh.set(id, null);
        else hasFailed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (signal.aborted) return;
  isStale = hasFailed;
  // the customer may have changed the basket meanwhile
  basket.value = basket.value.flatMap((line) => {
    const toy = fresh.get(line.id);
    if (toy === undefined) return [line];
    if (toy === null) {
      gone.set(line.id, line.name);
      return [];
    }
    if (toy.price.amount !== line.price.amount) before.set(line.id, before.get(line.id) ?? line.price);
    return [{ ...line, name: toy.name, price: toy.price, image: toy.images[0] ?? null }];
  });
  update();
}

/** Drop the offer to undo, when the basket is no longer shown. */
export function leave() {
  removed = null;
}

/**
 * @param {Line} line
 * @param {() => void} update
 */
function removeLine({ id, name }, update) {
  const undo = remove(id);
  removed = { name, undo };
  before.delete(id);
  update();
}

/**
 * @param {Line} line
 * @param {object} options
 * @param {string} options.place
 * @param {string} [options.added]
 * @param {() => void} options.update
 */
function row(line, { place, added, update }) {
  const { id, name, price, image, quantity } = line;
  const known = before.get(id);
  const change = (/** @type {number} */ value) => {
    if (value) {
      removed = null;
      setQuantity(id, value);
    } else {
      removeLine(line, update);
    }
  };
  return html`
    <li class="line ${id === added ? "added" : ""}">
      <a href=${addressOf(line)} tabindex="-1" aria-hidden="true">${picture(image, { sizes: "6rem", alt: "" })}</a>
      <div class="line-text">
        ${id === added ? html`<p class="good">${basketTexts.justAdded}</p>` : nothing}
        <h3><a href=${addressOf(line)}>${name}</a></h3>
        <p class="note">${basketTexts.each(price)}</p>
        ${known && known.amount !== price.amount ? html`<p class="changed">${basketTexts.priceChanged(known, price)}</p>` : nothing}
        <div class="line-tools">
          ${stepper({ id: `${place}-${id}`, name, value: quantity, least: 0, change })}
          <button type="button" class="link" aria-label=${basketTexts.removeToy(name)}
            @click=${(/** @type {Event} */ event) => isRepeated(event) || removeLine(line, update)}>${basketTexts.remove}</button>
        </div>
      </div>
      <p class="line-total">${money({ ...price, amount: price.amount * quantity })}</p>
    </li>`;
}

/** @param {() => void} update */
function notices(update) {
  const undo = () => {
    removed?.undo();
    removed = null;
    update();
  };
  const dismiss = () => {
    gone.clear();
    update();
  };
  return html`
    <div role="status" class="stack notices">
      ${removed ? html`<p class="notice">${basketTexts.removed(removed.name)} <button type="button" class="link" @click=${undo}>${shop.undo}</button></p>` : nothing}
      ${gone.size ? html`<div class="notice"><h3>${basketTexts.gone}</h3><p>${basketTexts.goneDetail}</p>
        <ul>${[...gone.values()].map((name) => html`<li>${name}</li>`)}</ul>
        <button type="button" class="link" @click=${dismiss}>${basketTexts.goneDone}</button></div>` : nothing}
      ${isStale && basket.value.length ? html`<p class="note">${basketTexts.stale} <button type="button" class="link" @click=${retry}>${shop.tryAgain}</button></p>` : nothing}
    </div>`;
}

/**
 * The lines of the basket and notices about them, or an empty state.
 *
 * @param {object} options
 * @param {string} options.place Where the basket is shown; makes ids unique.
 * @param {string} [options.added] Id of the toy that has just been added: shown first.
 * @param {() => void} options.update Shows the basket again.
 */
export function basketLines({ place, added, update }) {
  const lines = basket.value;
  const first = lines.filter(({ id }) => id === added);
  const ordered = [...first, ...lines.filter(({ id }) => id !== added)];
  return html`
    ${notices(update)}
    ${lines.length ? html`<ul class="lines">${ordered.map((line) => row(line, { place, added, update }))}</ul>`
      : html`<div class="empty">
          <img src="/pictures/empty-cart.svg" alt="" width="240" height="180">
          <p><strong>${basketTexts.empty}</strong></p>
          <p class="note">${basketTexts.emptyDetail}</p>
          <a class="button" href="/search">${basketTexts.browse}</a>
        </div>`}`;
}

/** The subtotal and the link to the checkout; nothing if the basket is empty. */
export function basketTotal() {
  const sum = total(basket.value);
  if (!sum) return nothing;
  return html`
    <p class="subtotal" aria-live="polite"><span>${basketTexts.subtotal}</span> <strong>${money(sum)}</strong></p>
    <p class="note">${basketTexts.delivery}</p>
    <a class="button wide" href="/checkout">${basketTexts.checkout}</a>`;
}
