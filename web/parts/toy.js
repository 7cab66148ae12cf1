// A toy's address, picture, quantity field, and card in a list.

import { MAX_QUANTITY, add } from "../lib/basket.js";
import { slug } from "../lib/format.js";
import { basketTexts, toyTexts } from "../texts/shop.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { toast } from "./page.js";

/** @typedef {import("../lib/api.js").Toy} Toy */
/** @typedef {import("../lib/basket.js").ToyImage} ToyImage */

/** @param {{id: string, name: string}} toy */
export const addressOf = ({ id, name }) => `/toys/${slug(name)}-${id}`;

/** @param {Event} event An image that could not be loaded. */
export function onImageError({ currentTarget }) {
  const image = /** @type {HTMLImageElement} */ (currentTarget);
  if (image.src.endsWith("missing.svg")) return; // the placeholder failed as well
  image.classList.add("missing"); // styled like a toy without a picture; screen readers still read its text
  image.removeAttribute("srcset");
  image.src = "/missing.svg";
}

/**
 * A toy's picture in a square, or a placeholder of the same size.
 *
 * @param {ToyImage | null | undefined} image
 * @param {object} options
 * @param {string} options.sizes The `sizes` attribute.
 * @param {string} [options.alt] Replaces the picture's own text; empty next to the toy's name.
 * @param {boolean} [options.isFirst] Whether to load it immediately, because it is visible at first.
 */
export function picture(image, { sizes, alt, isFirst = false }) {
  if (!image) return html`<img class="picture missing" src="/missing.svg" width="640" height="640" alt=${alt ?? toyTexts.noPicture}>`;
  const copies = image.width ? [...image.variants ?? [], { url: image.url, width: image.width }] : [];
  const srcset = copies.map(({ url, width }) => `${url} ${width}w`).join(", ");
  return html`<img class="picture" width="640" height="640" alt=${alt ?? image.alt}
    loading=${isFirst ? "eager" : "lazy"} fetchpriority=${isFirst ? "high" : "auto"} decoding="async"
    sizes=${sizes} srcset=${srcset || nothing} src=${image.url} @error=${onImageError}>`;
}

/**
 * Add a toy and show the basket.
 *
 * @param {Toy} toy
 */
export async function addToBasket(toy, quantity = 1) {
  if (!add(toy, quantity)) {
    toast(basketTexts.full);
    return;
  }
  try {
    const { openDrawer } = await import("./basket_drawer.js");
    openDrawer(toy.id);
  } catch {
    toast(basketTexts.added(toy.name)); // offline; the toy is in the basket anyway
  }
}

/** Whether a click is the second one of a double click, which is ignored. @param {Event} event */
export const isRepeated = (event) => /** @type {UIEvent} */ (event).detail > 1;

/**
 * A quantity field with buttons to decrease and increase it.
 *
 * @param {object} options
 * @param {string} options.id Of the message beside the field.
 * @param {string} options.name The toy's.
 * @param {number} options.value
 * @param {number} [options.least] 0 where a toy can be removed.
 * @param {(value: number) => void} options.change Called with a valid quantity only.
 * @param {() => void} [options.refuse] Called with an invalid one, which remains in the field; without this
 *   function, the last valid one returns.
 */
export function stepper({ id, name, value, least = 1, change, refuse }) {
  /** @param {Event} event */
  const onChange = ({ currentTarget }) => {
    const field = /** @type {HTMLInputElement} */ (currentTarget);
    const wanted = Number(field.value);
    const isValid = field.value.trim() !== "" && Number.isInteger(wanted) && wanted >= least && wanted <= MAX_QUANTITY;
    const message = /** @type {HTMLElement} */ (field.closest(".quantity")?.querySelector(".field-error"));
    message.textContent = isValid ? "" : toyTexts.quantityRule(least, MAX_QUANTITY);
    if (isValid) change(wanted);
    else if (refuse) refuse();
    else field.value = String(value);
  };
  /** @param {Event} event @param {number} by */
  const step = ({ currentTarget }, by) => {
    const quantity = /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (currentTarget).closest(".quantity"));
    /** @type {HTMLElement} */ (quantity.querySelector(".field-error")).textContent = "";
    change(value + by);
  };
  return html`
    <div class="quantity">
      <div class="stepper">
        <button type="button" class="icon" aria-label=${toyTexts.fewer(name)} ?disabled=${value <= least} @click=${(/** @type {Event} */ event) => step(event, -1)}>−</button>
        <input type="number" inputmode="numeric" min=${least} max=${MAX_QUANTITY} step="1" autocomplete="off"
          aria-label=${toyTexts.quantity(name)} aria-describedby=${id} .value=${String(value)} @change=${onChange}>
        <button type="button" class="icon" aria-label=${toyTexts.more(name)} ?disabled=${value >= MAX_QUANTITY} @click=${(/** @type {Event} */ event) => step(event, 1)}>+</button>
      </div>
      <span id=${id} class="field-error" role="status"></span>
    </div>`;
}

/**
 * A toy in a grid of toys.
 *
 * @param {Toy} toy
 * @param {{isFirst?: boolean}} [options] Whether its picture is visible at first.
 */
export const card = (toy, { isFirst = false } = {}) => html`
  <li class="card">
    ${picture(toy.images[0], { sizes: "(max-width: 40rem) 46vw, 18rem", alt: "", isFirst })}
    <span class="badge">${toyTexts.age(toy.min_age)}</span>
    <div class="card-text">
      <h3><a href=${addressOf(toy)}>${toy.name}</a></h3>
      <p class="maker">${toy.brand}</p>
      <p class="price">${toyTexts.price(toy.price)}</p>
    </div>
    <button type="button" class="icon add" aria-label=${toyTexts.add(toy.name)} @click=${(/** @type {Event} */ event) => isRepeated(event) || addToBasket(toy)}>
      <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d="M12 5v14M5 12h14" stroke="currentColor" stroke-width="2.5" stroke-linecap="round"/></svg>
    </button>
  </li>`;

/**
 * Placeholders for cards that are being loaded.
 *
 * @param {number} count
 * @param {string} [layout] `row` for a few toys in one row.
 */
export const skeletons = (count, layout = "") => html`
  <ul class="grid ${layout}" aria-hidden="true">${Array.from({ length: count }, () => html`
    <li class="card skeleton"><span class="picture"></span><div class="card-text"><span class="line"></span><span class="line short"></span><span class="line short"></span></div></li>`)}
  </ul>`;
