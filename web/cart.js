// The cart: stored in this browser, and compared with the catalogue whenever it is shown.

import { $, announce, el, money, moneyWithCurrency, picture, toast } from "./dom.js";
import { call } from "./api.js";

const CART = "toyshop.cart";
const MAX_QUANTITY = 10000;
const TIME_TO_NOTICE = 2000; // ms

// The lines that this tab shows. Another tab may have stored others since.
let shown = [];
let changedAt = -Infinity; // when they last changed without the customer's doing

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
  const quantities = new Map(ordered.map((line) => [line.toy_id, line.quantity]));
  save(lines()
    .map((line) => ({ ...line, quantity: line.quantity - (quantities.get(line.toy.id) ?? 0) }))
    .filter((line) => line.quantity > 0));
}

function total(all) {
  const amount = all.reduce((sum, { toy, quantity }) => sum + toy.price.amount * quantity, 0);
  return { amount, currency: all[0].toy.price.currency };
}

/** The lines and the total that this tab shows; `null` if the cart is empty. */
export function shownOrder() {
  if (!shown.length) return null;
  return {
    lines: shown.map(({ toy, quantity }) => ({ toy_id: toy.id, quantity })),
    total: total(shown),
    texts: shown.map(({ toy, quantity }) => `${quantity} × ${toy.name}`),
  };
}

function showTotal() {
  $("cart-empty").hidden = shown.length > 0;
  $("cart-full").hidden = shown.length === 0;
  if (shown.length) $("cart-total").textContent = moneyWithCurrency(total(shown));
}

/** Show the stored cart if it is not the one that this tab shows; return whether that was so. */
export function sync() {
  showCount();
  if (JSON.stringify(lines()) === JSON.stringify(shown)) return false;
  changedAt = Date.now();
  draw();
  return true;
}

/** Whether the shown cart has changed so recently that the customer may not have noticed. */
export const justChanged = () => Date.now() - changedAt < TIME_TO_NOTICE;

/** Use the names and prices of an order that the shop has calculated. */
export function reprice(current) {
  const fresh = new Map(current.map((line) => [line.toy_id, line]));
  save(lines().map((line) => {
    const now = fresh.get(line.toy.id);
    return now ? { ...line, toy: { ...line.toy, name: now.name, price: now.unit_price } } : line;
  }));
  sync();
}

function row({ toy, quantity }) {
  const price = el("strong", {}, money({ ...toy.price, amount: toy.price.amount * quantity }));
  const amount = el("input", {
    type: "number", min: 1, max: MAX_QUANTITY, value: quantity, inputMode: "numeric",
    onchange: () => {
      const wanted = Math.round(Number(amount.value));
      amount.value = Math.max(1, Math.min(MAX_QUANTITY, wanted || 1));
      const change = (all) => all.map((line) => (
        line.toy.id === toy.id ? { ...line, quantity: Number(amount.value) } : line));
      save(change(lines()));
      shown = change(shown);
      price.textContent = money({ ...toy.price, amount: toy.price.amount * amount.value });
      showTotal();
      sync();
    },
  });
  return el("li", { className: "line" },
    picture(toy, "5rem"),
    el("div", {},
      el("p", {}, el("a", { href: `#/toys/${toy.id}` }, toy.name)),
      el("p", {}, el("label", {}, "Quantity ", amount)),
      el("button", {
        type: "button", className: "link", "aria-label": `Remove ${toy.name}`,
        onclick: () => {
          const change = (all) => all.filter((line) => line.toy.id !== toy.id);
          save(change(lines()));
          shown = change(shown);
          announce(`${toy.name} removed from your cart.`);
          if (!sync()) draw();
          $("cart-title").focus();
        },
      }, "Remove")),
    price);
}

function draw() {
  shown = lines();
  $("cart-lines").replaceChildren(...shown.map(row));
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
  if (JSON.stringify(changed) !== before) save(changed);
  sync();
}

/** React to a change of the cart in another tab. */
export function changedElsewhere() {
  if (sync() && !$("view-cart").hidden) toast("Your cart was changed in another tab.");
}
