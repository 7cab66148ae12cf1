// The catalogue: search, filters, a grid that grows by cursor, and one toy in a dialog.

import { $, announce, el, money, picture } from "./dom.js";
import { call, query } from "./api.js";
import * as cart from "./cart.js";

const PAGE = 24;
const CATEGORIES = "toyshop.categories";
const FILTERS = ["q", "category", "age", "sort"];

let shown = null; // the search on the page, as its query string
let cursor = null;
let waiting = null; // aborts the request that a newer one replaces
const seen = new Map();

const title = (slug) => {
  const words = slug.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const age = ({ min_age: years }) => (
  years === 0 ? "from birth" : `from ${years} ${years === 1 ? "year" : "years"}`);

function card(toy) {
  seen.set(toy.id, toy);
  const image = picture(toy);
  // The name beside it says the same: read aloud once is enough.
  if (image.tagName === "IMG") image.alt = "";
  return el("li", { className: "card" },
    image,
    el("div", { className: "card-text" },
      el("h2", {}, el("a", { href: `#/toys/${toy.id}` }, toy.name)),
      el("p", { className: "maker" }, `${toy.brand} · ${age(toy)}`),
      el("div", { className: "buy" },
        el("span", { className: "price" }, money(toy.price)),
        el("button", {
          type: "button", "aria-label": `Add ${toy.name} to cart`, onclick: () => cart.add(toy),
        }, "Add"))));
}

async function load(parameters, after) {
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const { q, category } = parameters;
  const sort = parameters.sort || (q ? "relevance" : "newest");
  const search = { q, category, age: parameters.age, sort, limit: PAGE, cursor: after };
  $("grid").setAttribute("aria-busy", "true");
  $("more").disabled = true;
  if (!after) $("catalogue-status").textContent = "Fetching toys…";
  try {
    const page = await call("GET", `/toys${query(search)}`, { signal });
    const cards = page.items.map(card);
    const first = cards[0]?.querySelector("a");
    if (after) $("grid").append(...cards);
    else $("grid").replaceChildren(...cards);
    cursor = page.next_cursor;
    $("more").hidden = cursor === null;
    const count = $("grid").children.length;
    $("catalogue-status").textContent = count === 0
      ? "No toy matches. Try fewer words or another category."
      : `${cursor ? "The first" : "All"} ${count} ${count === 1 ? "toy" : "toys"}${q ? ` for “${q}”` : ""}`;
    if (after) first?.focus({ preventScroll: true });
  } catch (problem) {
    if (problem.name === "AbortError") return;
    shown = null; // so that looking again asks again
    $("catalogue-status").textContent = problem.message;
    announce(problem.message);
  }
  if (signal === waiting.signal) {
    $("grid").setAttribute("aria-busy", "false");
    $("more").disabled = false;
  }
}

/** Learn the categories by walking the catalogue once a tab: there are no facets to ask for. */
async function categories() {
  const known = JSON.parse(sessionStorage.getItem(CATEGORIES) ?? "null");
  if (known) return known;
  const found = new Set();
  let after = null;
  for (let pages = 0; pages < 10 && (pages === 0 || after); pages += 1) {
    const page = await call("GET", `/toys${query({ limit: 100, cursor: after })}`);
    for (const toy of page.items) found.add(toy.category);
    after = page.next_cursor;
  }
  const sorted = [...found].sort();
  if (sorted.length) sessionStorage.setItem(CATEGORIES, JSON.stringify(sorted));
  return sorted;
}

function chosen() {
  return Object.fromEntries(FILTERS.map((name) => [name, $(name).value.trim()]));
}

function offer(category) {
  const known = [...$("category").options].some((option) => option.value === category);
  if (!known) $("category").append(el("option", { value: category }, title(category)));
}

/** Show the search that the address holds; does nothing if it is on the page already. */
export function show(parameters) {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name) ?? ""]));
  if (wanted.category) offer(wanted.category);
  for (const name of FILTERS) {
    // Never under the fingers of somebody who is typing.
    if ($(name) !== document.activeElement || name !== "q") $(name).value = wanted[name];
  }
  const key = query(wanted);
  if (key === shown) return;
  shown = key;
  load(wanted, null);
}

export const address = () => `#/${shown ?? ""}`;

/** Wire the controls; `go` changes the address. */
export function start(go) {
  let typing;
  const search = () => {
    clearTimeout(typing);
    // One entry in the history per visit to the grid, not one per letter.
    go(`#/${query(chosen())}`, { replace: !$("view-catalogue").hidden });
  };
  $("q").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, 300);
  });
  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("change", search);
  $("filters").addEventListener("reset", () => {
    $("q").value = "";
    setTimeout(search); // after the browser has cleared the fields
  });
  $("more").addEventListener("click", () => load(chosen(), cursor));
  $("toy-close").addEventListener("click", () => $("toy").close());
  $("toy").addEventListener("click", (event) => {
    if (event.target === $("toy")) $("toy").close(); // the backdrop
  });
  $("toy").addEventListener("close", () => {
    if (location.hash.startsWith("#/toys/")) location.hash = address();
  });
  const learn = () => categories().then((all) => all.forEach(offer), () => {});
  (window.requestIdleCallback ?? setTimeout)(learn);
}

function details(toy) {
  const facts = { category: title(toy.category), age: age(toy), ...toy.attributes };
  return el("div", { className: "toy-inside" },
    picture(toy),
    el("div", { className: "toy-text" },
      el("p", { className: "maker" }, toy.brand),
      el("h2", { id: "toy-name" }, toy.name),
      el("p", {}, toy.description),
      el("dl", {}, ...Object.entries(facts).flatMap(([name, value]) => [
        el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, value),
      ])),
      el("div", { className: "buy" },
        el("span", { className: "price" }, money(toy.price)),
        el("button", {
          type: "button", className: "wide", onclick: () => { cart.add(toy); $("toy").close(); },
        }, "Add to cart"))));
}

export async function showToy(id) {
  const dialog = $("toy");
  const known = seen.get(id);
  const message = (text) => el("p", { className: "toy-text", id: "toy-name" }, text);
  $("toy-body").replaceChildren(known ? details(known) : message("Fetching the toy…"));
  if (!dialog.open) dialog.showModal();
  if (known) return;
  try {
    const toy = await call("GET", `/toys/${encodeURIComponent(id)}`);
    seen.set(id, toy);
    $("toy-body").replaceChildren(details(toy));
  } catch (problem) {
    $("toy-body").replaceChildren(message(
      problem.status === 404 ? "This toy is no longer sold." : problem.message));
  }
}
