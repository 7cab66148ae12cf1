// The cart: stored in this browser, and compared with the catalogue whenever it is shown.

import { $, announce, el, money, picture, toast } from "./dom.js";
import { call } from "./api.js";

const CART = "toyshop.cart";
const MAX_QUANTITY = 10000;

/** The lines of the cart: `{toy, quantity}`. */
export const lines = () => JSON.parse(localStorage.getItem(CART) ?? "[]");

function save(changed) {
  localStorage.setItem(CART, JSON.stringify(changed));
  showCount();
}

/** Update the number of toys in the header. */
export function showCount() {
  const count = lines().reduce((sum, line) => sum + line.quantity, 0);
  $("cart-count").textContent = count;
}

/** Add a toy to the cart. */
export function add(toy, quantity = 1) {
  const changed = lines();
  const line = changed.find((other) => other.toy.id === toy.id);
  if (line) line.quantity = Math.min(MAX_QUANTITY, line.quantity + quantity);
  else {
    const { id, name, price, images } = toy;
    changed.push({ toy: { id, name, price, images: images.slice(0, 1) }, quantity });
  }
  save(changed);
  toast(`${toy.name} added to your cart.`);
}

/** Remove the toys that were ordered; those added since then stay. */
export function removeOrdered(ordered) {
  const ids = new Set(ordered.map((line) => line.toy_id));
  save(lines().filter((line) => !ids.has(line.toy.id)));
}

function total(all) {
  const amount = all.reduce((sum, { toy, quantity }) => sum + toy.price.amount * quantity, 0);
  return { amount, currency: all[0].toy.price.currency };
}

function showTotal() {
  const all = lines();
  $("cart-empty").hidden = all.length > 0;
  $("cart-full").hidden = all.length === 0;
  if (all.length) $("cart-total").textContent = money(total(all));
}

function row({ toy, quantity }) {
  const price = el("strong", {}, money({ ...toy.price, amount: toy.price.amount * quantity }));
  const amount = el("input", {
    type: "number", min: 1, max: MAX_QUANTITY, value: quantity, inputMode: "numeric",
    onchange: () => {
      const wanted = Math.round(Number(amount.value));
      amount.value = Math.max(1, Math.min(MAX_QUANTITY, wanted || 1));
      save(lines().map((line) => (
        line.toy.id === toy.id ? { ...line, quantity: Number(amount.value) } : line)));
      price.textContent = money({ ...toy.price, amount: toy.price.amount * amount.value });
      showTotal();
    },
  });
  return el("li", { className: "line" },
    picture(toy),
    el("div", {},
      el("p", {}, el("a", { href: `#/toys/${toy.id}` }, toy.name)),
      el("p", {}, el("label", {}, "Quantity ", amount)),
      el("button", {
        type: "button", className: "link", "aria-label": `Remove ${toy.name}`,
        onclick: () => {
          save(lines().filter((line) => line.toy.id !== toy.id));
          announce(`${toy.name} removed from your cart.`);
          draw();
          $("cart-title").focus();
        },
      }, "Remove")),
    price);
}

function draw() {
  $("cart-lines").replaceChildren(...lines().map(row));
  showTotal();
}

/** Show the stored cart at once, then again with current names and prices. */
export async function show() {
  draw();
  const current = await Promise.all(lines().map(async (line) => {
    try {
      return { ...line, toy: await call("GET", `/toys/${encodeURIComponent(line.toy.id)}`) };
    } catch (problem) {
      return problem.status === 404 ? { ...line, discontinued: true } : line;
    }
  }));
  const fresh = new Map(current.map((line) => [line.toy.id, line]));
  const before = JSON.stringify(lines());
  // Read the cart again: the customer may have changed a quantity in the meantime.
  const changed = lines()
    .filter((line) => !fresh.get(line.toy.id)?.discontinued)
    .map((line) => {
      const { id, name, price, images } = fresh.get(line.toy.id)?.toy ?? line.toy;
      return { toy: { id, name, price, images: images.slice(0, 1) }, quantity: line.quantity };
    });
  const discontinued = current.filter((line) => line.discontinued).map((line) => line.toy.name);
  if (discontinued.length) toast(`No longer available: ${discontinued.join(", ")}.`);
  if (JSON.stringify(changed) === before) return;
  save(changed);
  draw();
}
