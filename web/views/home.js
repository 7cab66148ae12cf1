// The home page: new arrivals, and links to categories, ages and prices.

import { getCached, putCached, query } from "../lib/api.js";
import { failure, whenSeen } from "../parts/page.js";
import { card, skeletons } from "../parts/toy.js";
import { categoryName, homeTexts, listTexts, shop } from "../texts/shop.js";
import { html } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../lib/router.js").Visit} Visit */
/** @typedef {import("../lib/api.js").Toy} Toy */
/** @typedef {import("../lib/api.js").ToyPage} ToyPage */
/** @typedef {{visit: Visit, newest: ToyPage | null, cheapest: Toy[] | null, error?: unknown}} State */

const NEW = 8;
const CHEAP = 4;
const PLACES = 16; // places reserved while the categories are loaded
const AGES = [0, 1, 2, 3, 5, 8, 12];
const PICTURES = "/pictures/categories.svg";
/** The categories that have a drawing. */
const PICTURED = new Set([
  "arts-and-crafts", "baby", "board-games", "building", "card-games", "dolls", "musical", "outdoor",
  "plush", "pretend-play", "puzzles", "ride-ons", "robots", "science", "vehicles", "water-play",
]);

/** @param {State} state */
function categories({ newest }) {
  const counts = newest?.facets?.category;
  const names = counts ? Object.keys(counts).sort((one, other) => categoryName(one).localeCompare(categoryName(other))) : null;
  return html`
    <nav class="home-part" aria-labelledby="categories-title">
      <h2 id="categories-title">${homeTexts.categories}</h2>
      <ul class="tiles">${names ? names.map((name) => html`
        <li><a class="tile" href=${`/c/${encodeURIComponent(name)}`}>
          <img src=${`${PICTURES}#${PICTURED.has(name) ? name : "other"}`} alt="" width="72" height="72"><span>${categoryName(name)}</span></a></li>`)
        : Array.from({ length: PLACES }, () => html`<li class="tile skeleton" aria-hidden="true"><span class="picture"></span><span class="line"></span></li>`)}</ul>
    </nav>`;
}

/** @param {State} state */
function ages({ newest }) {
  const counts = Object.entries(newest?.facets?.age ?? {});
  const upTo = (/** @type {number} */ age) => counts.reduce((sum, [least, count]) => sum + (Number(least) <= age ? count : 0), 0);
  return html`
    <section class="home-part" aria-labelledby="ages-title">
      <h2 id="ages-title">${homeTexts.ages}</h2>
      <ul class="ages">${AGES.map((age) => html`
        <li><a href=${`/search${query({ age })}`}>
          <span class="age">${age}</span>
          <span>${age === 0 ? homeTexts.baby : homeTexts.years}</span>
          <span class="note">${newest ? homeTexts.toys(upTo(age)) : "\u00a0"}</span></a></li>`)}</ul>
    </section>`;
}

/** @param {State} state */
function pocketMoney({ newest, cheapest }) {
  const currency = newest?.items[0]?.price.currency;
  // the upper ends of the three lowest price ranges
  const ends = Object.keys(newest?.facets?.price ?? {}).map((range) => Number(range.split("-")[1]))
    .filter(Boolean).sort((one, other) => one - other).slice(0, 3);
  return html`
    <section id="pocket-money" class="home-part" aria-labelledby="cheap-title" ?hidden=${cheapest?.length === 0}>
      <h2 id="cheap-title">${homeTexts.pocketMoney}</h2>
      <ul class="chips">${currency ? ends.map((end) => html`
        <li><a class="chip" href=${`/search${query({ price_max: end, sort: "price" })}`}>${listTexts.priceRange(null, end, currency)}</a></li>`)
        : html`<li><span class="chip">\u00a0</span></li>`}</ul>
      ${cheapest ? html`<ul class="grid row">${cheapest.map((toy) => card(toy))}</ul>` : skeletons(CHEAP, "row")}
    </section>`;
}

/** @param {State} state */
function view(state) {
  const { visit, newest, error } = state;
  const hasToys = !newest || newest.items.length > 0;
  visit.render(html`
    <section class="hero">
      <div class="stack">
        <h1>${homeTexts.title}</h1>
        <p>${homeTexts.lead}</p>
        <a class="button" href="/search?sort=newest">${homeTexts.start}</a>
      </div>
      <img src="/pictures/hero.svg" alt="" width="560" height="360" fetchpriority="high">
    </section>
    ${error ? failure(error) : !hasToys ? html`<p class="empty">${homeTexts.noToys}</p>` : html`
      ${categories(state)}
      <section class="home-part" aria-labelledby="newest-title">
        <div class="home-head"><h2 id="newest-title">${homeTexts.newest}</h2><a href="/search">${homeTexts.seeAllNew}</a></div>
        ${newest ? html`<ul class="grid row">${newest.items.map((toy, at) => card(toy, { isFirst: at < 4 }))}</ul>` : skeletons(NEW, "row")}
      </section>
      ${ages(state)}
      ${pocketMoney(state)}`}`, { title: shop.name, description: shop.description });
}

/** @param {State} state */
async function loadCheapest(state) {
  try {
    const page = await getCached(`/toys${query({ sort: "price", limit: CHEAP })}`, state.visit.signal);
    state.cheapest = page.items;
  } catch {
    state.cheapest = []; // the page is useful without them
  }
  view(state);
}

/** @param {Visit} visit */
export async function show(visit) {
  /** @type {State} */
  const state = { visit, newest: null, cheapest: null };
  view(state);
  try {
    const page = await getCached(`/toys${query({ sort: "newest", limit: NEW, facets: "category,age,price" })}`, visit.signal);
    for (const toy of page.items) putCached(`/toys/${toy.id}`, toy);
    state.newest = page;
    view(state);
  } catch (error) {
    Object.assign(state, { newest: null, error });
    view(state);
    return;
  }
  whenSeen(document.getElementById("pocket-money"), visit.signal, () => loadCheapest(state), "400px");
}
