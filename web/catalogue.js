// The catalogue: search, filters, a grid that loads page by page, and a dialog for one toy.

import { $, announce, el, money, picture } from "./dom.js";
import { call, query } from "./api.js";
import * as cart from "./cart.js";

const PAGE_SIZE = 24;
const CATEGORIES = "toyshop.categories";
const FILTERS = ["q", "category", "age", "sort"];

let shown = null; // the query string of the search that is shown
let cursor = null;
let pending = null; // the AbortController of the latest request
const seen = new Map(); // toys that were loaded, by id

const title = (slug) => {
  const words = slug.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const age = ({ min_age: years }) => (
  years === 0 ? "from birth" : `from ${years} ${years === 1 ? "year" : "years"}`);

function card(toy) {
  seen.set(toy.id, toy);
  const image = picture(toy, "(max-width: 30rem) 92vw, 18rem");
  // The toy's name stands next to the image; screen readers need not read it twice.
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
  pending?.abort();
  pending = new AbortController();
  const { signal } = pending;
  const { q, category } = parameters;
  const sort = parameters.sort || (q ? "relevance" : "newest");
  const search = { q, category, age: parameters.age, sort, limit: PAGE_SIZE, cursor: after };
  $("grid").setAttribute("aria-busy", "true");
  $("more").disabled = true;
  if (!after) $("catalogue-status").textContent = "Loading toys…";
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
      ? "No toys found. Try fewer words or another category."
      : `${cursor ? "The first" : "All"} ${count} ${count === 1 ? "toy" : "toys"}${q ? ` for “${q}”` : ""}`;
    if (after) first?.focus({ preventScroll: true });
  } catch (problem) {
    if (problem.name === "AbortError") return;
    shown = null; // so that the same search is sent again
    if (!after) {
      $("grid").replaceChildren();
      $("more").hidden = true;
    }
    $("catalogue-status").textContent = problem.message;
    announce(problem.message);
  }
  if (signal === pending.signal) {
    $("grid").setAttribute("aria-busy", "false");
    $("more").disabled = false;
  }
}

/** Collect the categories from the whole catalogue, once per tab: the API has no facets. */
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

function selectedFilters() {
  return Object.fromEntries(FILTERS.map((name) => [name, $(name).value.trim()]));
}

function addCategoryOption(category) {
  const known = [...$("category").options].some((option) => option.value === category);
  if (!known) $("category").append(el("option", { value: category }, title(category)));
}

/** Show the search in the address; does nothing if it is shown already. */
export function show(parameters) {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name) ?? ""]));
  if (wanted.category) addCategoryOption(wanted.category);
  for (const name of FILTERS) {
    // Never overwrite the search field while the customer is typing.
    if ($(name) !== document.activeElement || name !== "q") $(name).value = wanted[name];
  }
  const key = query(wanted);
  if (key === shown) return;
  shown = key;
  load(wanted, null);
}

/** The address of the search that is shown. */
export const address = () => `#/${shown ?? ""}`;

/** Connect the controls; `go` changes the address. */
export function start(go) {
  let typing;
  const search = () => {
    clearTimeout(typing);
    // One history entry per visit to the grid, not one per letter.
    go(`#/${query(selectedFilters())}`, { replace: !$("view-catalogue").hidden });
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
  $("more").addEventListener("click", () => load(selectedFilters(), cursor));
  $("toy-close").addEventListener("click", () => $("toy").close());
  $("toy").addEventListener("click", (event) => {
    if (event.target === $("toy")) $("toy").close(); // the backdrop
  });
  $("toy").addEventListener("close", () => {
    if (location.hash.startsWith("#/toys/")) location.hash = address();
  });
  const loadCategories = () => categories().then((all) => all.forEach(addCategoryOption), () => {});
  (window.requestIdleCallback ?? setTimeout)(loadCategories);
}

function details(toy) {
  const facts = { category: title(toy.category), age: age(toy), ...toy.attributes };
  return el("div", { className: "toy-inside" },
    picture(toy, "(max-width: 42rem) 94vw, 29rem"),
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

/** Show a toy in the dialog, loading it if necessary. */
export async function showToy(id) {
  const dialog = $("toy");
  const known = seen.get(id);
  const message = (text) => el("p", { className: "toy-text", id: "toy-name" }, text);
  $("toy-body").replaceChildren(known ? details(known) : message("Loading…"));
  if (!dialog.open) dialog.showModal();
  if (known) return;
  try {
    const toy = await call("GET", `/toys/${encodeURIComponent(id)}`);
    seen.set(id, toy);
    $("toy-body").replaceChildren(details(toy));
  } catch (problem) {
    $("toy-body").replaceChildren(message(
      problem.status === 404 ? "Sorry, this toy is no longer available." : problem.message));
  }
}
