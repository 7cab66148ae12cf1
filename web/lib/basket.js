// The basket, stored in this browser and shared by its tabs. The page calls it the cart.

import { Stored, isMoney, isObject, isText } from "./storage.js";

/** @typedef {import("./api.js").Money} Money */
/** @typedef {import("./api.js").Toy} Toy */
/** @typedef {Schemas["ToyImage"]} ToyImage */
/** @typedef {import("../types/api.js").components["schemas"]} Schemas */
/** @typedef {{id: string, name: string, price: Money, image: ToyImage | null, quantity: number}} Line */

export const MAX_QUANTITY = 10_000;
const MAX_LINES = 100;

/**
 * @param {unknown} value
 * @returns {ToyImage | null}
 */
function parseImage(value) {
  if (!isObject(value) || !isText(value.url) || !value.url.startsWith("/files/")) return null;
  const variants = Array.isArray(value.variants) ? value.variants : [];
  return {
    id: String(value.id),
    url: value.url,
    alt: typeof value.alt === "string" ? value.alt : "",
    width: typeof value.width === "number" ? value.width : null,
    height: typeof value.height === "number" ? value.height : null,
    variants: variants.filter((one) => isObject(one) && isText(one.url) && one.url.startsWith("/files/")
      && typeof one.width === "number"),
  };
}

/**
 * Return the valid lines of what was stored.
 *
 * @param {unknown} value
 * @returns {Line[]}
 */
function parse(value) {
  if (!Array.isArray(value)) return [];
  /** @type {Map<string, Line>} */
  const lines = new Map();
  for (const line of value) {
    if (!isObject(line) || !isText(line.id) || !isText(line.name) || !isMoney(line.price)) continue;
    const quantity = Number(line.quantity);
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > MAX_QUANTITY) continue;
    const { id, name, price } = line;
    lines.set(id, { id, name, price, image: parseImage(line.image), quantity });
  }
  return [...lines.values()].slice(0, MAX_LINES);
}

export const basket = new Stored("basket", parse);

/** The number of toys in the basket. */
export const count = () => basket.value.reduce((sum, { quantity }) => sum + quantity, 0);

/**
 * Return the total price of the lines; `null` if there are none.
 *
 * @param {Line[]} lines
 * @returns {Money | null}
 */
export const total = (lines) => (lines.length ? {
  amount: lines.reduce((sum, { price, quantity }) => sum + price.amount * quantity, 0),
  currency: lines[0].price.currency,
} : null);

/**
 * @param {Toy} toy
 * @param {number} quantity
 * @returns {Line}
 */
const lineOf = ({ id, name, price, images }, quantity) => (
  { id, name, price, image: images[0] ?? null, quantity });

/**
 * Add a toy, up to the largest quantity and the largest number of lines.
 *
 * @param {Toy} toy
 * @param {number} [quantity]
 * @returns {number} The new quantity in the basket; 0 if it is full.
 */
export function add(toy, quantity = 1) {
  const lines = basket.value;
  const known = lines.find(({ id }) => id === toy.id)?.quantity ?? 0;
  if (!known && lines.length === MAX_LINES) return 0;
  const line = lineOf(toy, Math.min(MAX_QUANTITY, known + quantity));
  basket.value = known
    ? lines.map((other) => (other.id === toy.id ? line : other)) : [...lines, line];
  return line.quantity;
}

/**
 * @param {string} id
 * @param {number} quantity 1 to MAX_QUANTITY
 */
export function setQuantity(id, quantity) {
  basket.value = basket.value.map((line) => (line.id === id ? { ...line, quantity } : line));
}

/**
 * Remove a line.
 *
 * @param {string} id
 * @returns {() => void} Restores the line at its place, unless the toy was added again.
 */
export function remove(id) {
  const before = basket.value;
  const at = before.findIndex((line) => line.id === id);
  basket.value = before.filter((line) => line.id !== id);
  return () => {
    const now = basket.value;
    if (at >= 0 && !now.some((line) => line.id === id)) basket.value = now.toSpliced(at, 0, before[at]);
  };
}

/**
 * Remove ordered quantities, and keep what was added since.
 *
 * @param {{toy_id: string, quantity: number}[]} ordered
 */
export function removeOrdered(ordered) {
  const quantities = new Map(ordered.map((line) => [line.toy_id, line.quantity]));
  basket.value = basket.value
    .map((line) => ({ ...line, quantity: line.quantity - (quantities.get(line.id) ?? 0) }))
    .filter(({ quantity }) => quantity > 0);
}
