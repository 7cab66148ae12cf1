// The toys of a category or a search. The address contains all parameters, so that Back, reload and
// links show the same toys.

import { call, listToys, query } from "../lib/api.js";
import { number } from "../lib/format.js";
import { go, openDialog, setQuery } from "../lib/router.js";
import { Stored } from "../lib/storage.js";
import { announce, failure, showNotFound } from "../parts/page.js";
import { card, skeletons } from "../parts/toy.js";
import { categoryName, listTexts, problemText, shop } from "../texts/shop.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../lib/router.js").Visit} Visit */
/** @typedef {import("../lib/api.js").Toy} Toy */
/** @typedef {keyof typeof listTexts.sorts} Sort */
/**
 * @typedef {object} Search
 * @property {string} q
 * @property {string} category
 * @property {string} brand
 * @property {number | null} age
 * @property {number | null} price_min In minor units, as in the API.
 * @property {number | null} price_max
 * @property {Sort} sort
 * @property {number} pages How many pages are shown.
 */
/** @typedef {{visit: Visit, search: Search, result: import("../lib/api.js").ToyList | null, error?: unknown, isLoadingMore?: boolean, moreError?: unknown}} State */

const PAGE = 24; // toys
const MAX_PAGES = 50;
const FEW = 8; // brands shown at once
const AGES = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14];

/** The currency of the shop's prices, known from any toy; empty at first. */
const currency = new Stored("currency", (value) => (typeof value === "string" && /^[A-Z]{3}$/.test(value) ? value : ""));
/** @type {Record<string, Record<string, number>> | null} Counts for the filters. */
let facets = null;
let shownQ = "";
/** @type {typeof import("../parts/price_form.js").priceForm | null} Loaded when it is needed. */
let priceForm = null;

/**
 * Read a search from an address; invalid parameters are ignored.
 *
 * @param {Pick<Visit, "query" | "parameters">} visit
 * @returns {Search}
 */
function parse({ query: given, parameters }) {
  const text = (/** @type {string} */ name, most = 60) => (given.get(name) ?? "").replaceAll(/\p{Cc}/gu, " ").trim().slice(0, most);
  const whole = (/** @type {string} */ name, most = 99_999_999_999) => {
    const value = given.get(name) ?? "";
    return /^\d{1,11}$/.test(value) && Number(value) <= most ? Number(value) : null;
  };
  const q = text("q", 200);
  const sort = given.get("sort") ?? "";
  return {
    q,
    category: parameters.category ?? text("category"),
    brand: text("brand"),
    age: whole("age", 99),
    price_min: whole("price_min"),
    price_max: whole("price_max"),
    sort: Object.hasOwn(listTexts.sorts, sort) && (q || sort !== "relevance") ? /** @type {Sort} */ (sort) : q ? "relevance" : "newest",
    pages: Math.min(MAX_PAGES, Math.max(1, whole("pages") ?? 1)),
  };
}

/** @param {Search} search */
function addressOf({ category, sort, pages, ...others }) {
  const isCategory = category !== "" && !others.q;
  return (isCategory ? `/c/${encodeURIComponent(category)}` : "/search") + query({
    ...others, category: isCategory ? "" : category,
    sort: sort === (others.q ? "relevance" : "newest") ? "" : sort, pages: pages > 1 ? pages : null,
  });
}

/** @param {Search} search @param {Partial<Search>} change */
const changed = (search, change) => addressOf({ ...search, pages: 1, ...change });

/**
 * Load as many toys as the search shows.
 *
 * @param {Search} search
 * @param {AbortSignal} signal
 */
const load = ({ pages, ...given }, signal) => listToys(given, pages * PAGE, signal);

/**
 * @typedef {object} Choice
 * @property {string} text
 * @property {number} count The number of toys that match with it.
 * @property {Partial<Search>} change The change of the search.
 * @property {boolean} isChosen
 */

/**
 * @param {State} state
 * @param {string} title
 * @param {Choice[]} choices
 * @param {Partial<Search>} none The search without this filter.
 * @param {unknown} [more]
 */
function group({ search }, title, choices, none, more = nothing) {
  if (!choices.length) return nothing;
  const list = (/** @type {Choice[]} */ some) => html`<ul>${some.map(({ text, count, change, isChosen }) => html`
    <li><a class="choice" href=${changed(search, isChosen ? none : change)} aria-current=${isChosen ? "true" : nothing}>
      <span class="choice-text">${text}</span> <span class="choice-count">${number(count)}</span></a></li>`)}</ul>`;
  // the chosen value is always visible
  const first = title === listTexts.brand ? choices.filter(({ isChosen }, at) => at < FEW || isChosen) : choices;
  const others = choices.filter((one) => !first.includes(one));
  return html`
    <details class="filter" open>
      <summary>${title}</summary>
      ${list(first)}
      ${others.length ? html`<details class="others"><summary>${listTexts.allBrands(choices.length)}</summary>${list(others)}</details>` : nothing}
      ${more}
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
    // skip an age that adds no toys to the previous one
    .filter(({ count, isChosen }, at) => isChosen || count > (at ? upTo(ages[at - 1]) : 0));
}

/**
 * @param {Record<string, number>} counts By range.
 * @param {Search} search
 * @returns {Choice[]}
 */
function pricesOf(counts, { price_min: min, price_max: max }) {
  if (!currency.value) return [];
  const ranges = Object.keys(counts).map((range) => range.split("-").map((end) => (end ? Number(end) : null)));
  return ranges.sort(([one], [other]) => (one ?? 0) - (other ?? 0)).map(([from = null, to = null]) => ({
    text: listTexts.priceRange(from, to, currency.value), count: counts[`${from}-${to ?? ""}`],
    change: { price_min: from, price_max: to }, isChosen: from === min && to === max,
  }));
}

/**
 * The filters, with the number of toys for each choice.
 *
 * @param {State} state
 * @param {string} id Distinguishes the two places that show them.
 */
function filters(state, id) {
  const { search } = state;
  const named = (/** @type {"category" | "brand"} */ name) => {
    const counts = Object.entries(facets?.[name] ?? {});
    if (search[name] && !counts.some(([value]) => value === search[name])) counts.unshift([search[name], 0]);
    return counts.map(([value, count]) => ({
      text: name === "category" ? categoryName(value) : value, count, change: { [name]: value }, isChosen: value === search[name],
    }));
  };
  const categories = named("category").sort((one, other) => one.text.localeCompare(other.text));
  const ownRange = async () => {
    priceForm ??= (await import("../parts/price_form.js")).priceForm;
    view(state);
  };
  const range = currency.value ? html`<details class="others" @toggle=${() => ownRange().catch(() => {})}><summary>${listTexts.ownRange}</summary>
    ${priceForm ? priceForm(id, search, currency.value, (change) => changed(search, change)) : nothing}</details>` : nothing;
  return html`
    ${group(state, listTexts.category, categories, { category: "" })}
    ${group(state, listTexts.age, agesOf(facets?.age ?? {}, search.age), { age: null })}
    ${group(state, listTexts.price, pricesOf(facets?.price ?? {}, search), { price_min: null, price_max: null }, range)}
    ${group(state, listTexts.brand, named("brand"), { brand: "" })}`;
}

/** @param {Search} search Whose filters can be removed: their texts, and the search without them. */
function chipsOf(search) {
  const { q, category, brand, age, price_min: from, price_max: to } = search;
  /** @type {[string, Partial<Search>][]} */
  const chips = [];
  if (category && q) chips.push([categoryName(category), { category: "" }]);
  if (brand) chips.push([brand, { brand: "" }]);
  if (age !== null) chips.push([listTexts.suitsAge(age), { age: null }]);
  if (from !== null || to !== null) {
    chips.push([listTexts.priceRange(from, to, currency.value), { price_min: null, price_max: null }]);
  }
  return chips;
}

const NO_FILTERS = { brand: "", age: null, price_min: null, price_max: null };

/** @param {Search} search */
function titleOf({ q, category }) {
  if (q) return category ? listTexts.resultsIn(q, categoryName(category)) : listTexts.resultsFor(q);
  return category ? categoryName(category) : listTexts.all;
}

/** @param {State} state */
function toys(state) {
  const { search, result, error } = state;
  if (error) return failure(error);
  if (!result) return skeletons(Math.min(search.pages, 4) * PAGE);
  if (!result.items.length) {
    return html`
      <div class="empty">
        <img src="/pictures/nothing-found.svg" alt="" width="240" height="180">
        <p>${listTexts.none(search.q)}</p>
        ${search.q ? html`<p class="note">${listTexts.noneDetail}</p>` : nothing}
        ${chipsOf(search).length ? html`<a class="button" href=${changed(search, { ...NO_FILTERS, ...(search.q ? { category: "" } : {}) })}>${listTexts.clear}</a>`
          : html`<a class="button" href="/search">${listTexts.seeAll}</a>`}
      </div>`;
  }
  const items = result.items.slice(0, search.pages * PAGE);
  return html`
    <h2 class="hidden">${listTexts.toys}</h2>
    <ul class="grid">${items.map((toy, at) => card(toy, { isFirst: at < 4 }))}</ul>
    ${state.moreError ? html`<p class="problem" role="alert">${problemText(state.moreError)}</p>` : nothing}
    <div class="more">
      <p class="note">${listTexts.shown(items.length, result.total)}</p>
      ${items.length < result.total ? html`
        <button type="button" class="quiet" aria-disabled=${state.isLoadingMore ? "true" : "false"} @click=${() => loadMore(state)}>
          ${state.isLoadingMore ? listTexts.loadingMore : state.moreError ? shop.tryAgain : listTexts.more}</button>` : nothing}
    </div>`;
}

/** @param {State} state */
function view(state) {
  const { visit, search, result } = state;
  const chips = chipsOf(search);
  const link = (/** @type {Partial<Search>} */ change) => changed(search, change);
  const panel = (/** @type {string} */ id) => (facets && !state.error ? filters(state, id)
    : html`<div class="skeleton" aria-hidden="true">${Array.from({ length: state.error ? 0 : 12 }, () => html`<span class="line"></span>`)}</div>`);
  const title = titleOf(search);
  const sheet = () => /** @type {HTMLDialogElement} */ (document.getElementById("filters"));
  visit.render(html`
    <div class="list">
      <aside aria-label=${listTexts.filters} aria-busy=${result ? "false" : "true"}>${panel("side")}</aside>
      <section aria-labelledby="list-title">
        <h1 id="list-title">${title}</h1>
        <div class="list-tools">
          <p class="note total">${result ? listTexts.total(result.total) : state.error ? "" : listTexts.loading}</p>
          <button type="button" class="quiet filter-button" @click=${() => openDialog(sheet())}>${listTexts.filtersOn(chips.length)}</button>
          <label class="sort"><span>${listTexts.sort}</span>
            <select @change=${(/** @type {Event} */ event) => go(link({ sort: /** @type {Sort} */ (/** @type {HTMLSelectElement} */ (event.currentTarget).value) }))}>
              ${Object.entries(listTexts.sorts).filter(([value]) => search.q || value !== "relevance").map(([value, text]) => html`
                <option value=${value} .selected=${value === search.sort}>${text}</option>`)}
            </select></label>
        </div>
        ${chips.length ? html`<ul class="chips" aria-label=${listTexts.active}>
          ${chips.map(([text, change]) => html`<li><a class="chip" href=${link(change)} aria-label=${listTexts.removeFilter(text)}>${text} <span aria-hidden="true">×</span></a></li>`)}
          <li><a class="chip clear" href=${link({ ...NO_FILTERS, ...(search.q ? { category: "" } : {}) })}>${listTexts.clear}</a></li></ul>` : nothing}
        <div aria-busy=${result || state.error ? "false" : "true"}>${toys(state)}</div>
      </section>
    </div>
    <dialog id="filters" class="sheet" aria-labelledby="filters-title" @click=${closeFromBackdrop}>
      <div class="sheet-head"><h2 id="filters-title">${listTexts.filters}</h2>
        <button type="button" class="icon bare" aria-label=${shop.close} @click=${() => sheet().close()}>✕</button></div>
      <div class="sheet-body">${panel("sheet")}</div>
      <div class="sheet-foot"><button type="button" class="wide" @click=${() => sheet().close()}>${result ? listTexts.showToys(result.total) : listTexts.loading}</button></div>
    </dialog>`, {
    title,
    description: search.category && !search.q ? listTexts.description(categoryName(search.category)) : shop.description,
    canonical: search.category && !search.q ? `/c/${encodeURIComponent(search.category)}` : "/search",
    hidden: result !== null && !result.items.length,
  });
}

/** @param {Event} event */
function closeFromBackdrop({ target, currentTarget }) {
  if (target === currentTarget) /** @type {HTMLDialogElement} */ (currentTarget).close();
}

/** @param {State} state */
async function loadMore(state) {
  const { visit, search } = state;
  if (state.isLoadingMore) return;
  const shown = search.pages * PAGE;
  Object.assign(state, { isLoadingMore: true, moreError: null });
  view(state);
  try {
    const result = await load({ ...search, pages: search.pages + 1 }, visit.signal);
    search.pages += 1;
    Object.assign(state, { result });
    if (search.pages <= MAX_PAGES) setQuery(new URL(addressOf(search), location.origin).search);
  } catch (error) {
    if (visit.isOver) return;
    state.moreError = error;
  }
  state.isLoadingMore = false;
  view(state);
  // continue with the first new toy
  const links = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".list .card a"));
  if (!state.moreError) links[shown]?.focus({ preventScroll: true });
}

/** @param {Toy[]} toys */
function rememberCurrency([toy]) {
  if (toy) currency.value = toy.price.currency;
}

/** @param {State} state Whether its category exists, although nothing was found. */
async function isKnown({ search, visit }) {
  const { items } = await call("GET", `/toys${query({ category: search.category, limit: 1 })}`, { signal: visit.signal });
  rememberCurrency(items);
  return items.length > 0;
}

/** @param {Visit} visit */
export async function show(visit) {
  /** @type {State} */
  const state = { visit, search: parse(visit), result: null };
  if (state.search.q !== shownQ) facets = null; // counts of another search
  const isOther = state.search.q !== shownQ && !visit.isReturn;
  shownQ = state.search.q;
  view(state);
  if (isOther) scrollTo(0, 0);
  if (!visit.isReturn && document.activeElement === document.body) focusTitle();
  try {
    const result = await load(state.search, visit.signal);
    if (visit.isOver) return;
    if (!result.total && visit.parameters.category && !await isKnown(state)) {
      showNotFound(visit);
      return;
    }
    rememberCurrency(result.items);
    facets = result.facets;
    state.result = result;
    announce(result.total ? listTexts.total(result.total) : listTexts.none(state.search.q));
  } catch (error) {
    if (visit.isOver) return;
    state.error = error;
  }
  view(state);
}

function focusTitle() {
  const title = document.getElementById("list-title");
  if (!title) return;
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}
