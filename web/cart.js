// The cart: kept in this browser, checked against the catalogue whenever it is looked at.

import { $, announce, el, money, picture, toast } from "./dom.js";
import { call } from "./api.js";

const CART = "toyshop.cart";
const MOST = 10000;

export const lines = () => JSON.parse(localStorage.getItem(CART) ?? "[]");

function keep(changed) {
  localStorage.setItem(CART, JSON.stringify(changed));
  showCount();
}

export function showCount() {
  const count = lines().reduce((sum, line) => sum + line.quantity, 0);
  $("cart-count").textContent = count;
}

export function add(toy, quantity = 1) {
  const changed = lines();
  const line = changed.find((other) => other.toy.id === toy.id);
  if (line) line.quantity = Math.min(MOST, line.quantity + quantity);
  else {
    const { id, name, price, images } = toy;
    changed.push({ toy: { id, name, price, images: images.slice(0, 1) }, quantity });
  }
  keep(changed);
  toast(`${toy.name} is in your cart.`);
}

/** Take out what an order holds; what was added since stays. */
export function take(ordered) {
  const ids = new Set(ordered.map((line) => line.toy_id));
  keep(lines().filter((line) => !ids.has(line.toy.id)));
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
    type: "number", min: 1, max: MOST, value: quantity, inputMode: "numeric",
    onchange: () => {
      const wanted = Math.round(Number(amount.value));
      amount.value = Math.max(1, Math.min(MOST, wanted || 1));
      keep(lines().map((line) => (
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
          keep(lines().filter((line) => line.toy.id !== toy.id));
          announce(`${toy.name} is removed.`);
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

/** Show the cart at once, then again with today's names and prices. */
export async function show() {
  draw();
  const today = await Promise.all(lines().map(async (line) => {
    try {
      return { ...line, toy: await call("GET", `/toys/${encodeURIComponent(line.toy.id)}`) };
    } catch (problem) {
      return problem.status === 404 ? { ...line, gone: true } : line;
    }
  }));
  const fresh = new Map(today.map((line) => [line.toy.id, line]));
  const before = JSON.stringify(lines());
  // Read again: a quantity may have been changed while the shop answered.
  const changed = lines()
    .filter((line) => !fresh.get(line.toy.id)?.gone)
    .map((line) => {
      const { id, name, price, images } = fresh.get(line.toy.id)?.toy ?? line.toy;
      return { toy: { id, name, price, images: images.slice(0, 1) }, quantity: line.quantity };
    });
  const withdrawn = today.filter((line) => line.gone).map((line) => line.toy.name);
  if (withdrawn.length) toast(`No longer sold: ${withdrawn.join(", ")}.`);
  if (JSON.stringify(changed) === before) return;
  keep(changed);
  draw();
}
