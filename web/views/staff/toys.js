// The catalogue as staff see it.

import { call, query } from "../../lib/api.js";
import { date, money, number } from "../../lib/format.js";
import { go } from "../../lib/router.js";
import { picture } from "../../parts/toy.js";
import { categoryName, toyTexts } from "../../texts/shop.js";
import { staffTexts, staffToyTexts as texts } from "../../texts/staff.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { List, framed, rowSkeletons } from "./frame.js";

/** @typedef {import("../../lib/api.js").Toy} Toy */
/** @typedef {import("../../lib/router.js").Visit} Visit */

/** @param {Toy} toy */
const row = (toy) => html`
  <tr>
    <td class="thumb">${picture(toy.images[0], { sizes: "4rem", alt: "" })}</td>
    <th scope="row"><a data-open href=${`/staff/toys/${toy.id}`} aria-label=${texts.edit(toy.name)}>${toy.name}</a><br><span class="note">${toy.brand}</span></th>
    <td data-label=${texts.category}>${categoryName(toy.category)}</td>
    <td data-label=${texts.age}>${toyTexts.age(toy.min_age)}</td>
    <td data-label=${texts.pictures}>${toy.images.length ? number(toy.images.length) : texts.noPicture}</td>
    <td data-label=${texts.changed}>${date(toy.updated_at, { dateStyle: "medium" })}</td>
    <td data-label=${texts.price} class="number">${money(toy.price)}</td>
  </tr>`;

/** @param {Visit} visit */
export async function show(visit) {
  const q = (visit.query.get("q") ?? "").slice(0, 200);
  const category = visit.query.get("category") ?? "";
  let total = 0;
  /** @type {string[]} */
  let categories = category ? [category] : [];
  /** @type {List<Toy>} */
  const list = new List({
    visit,
    redraw: () => redraw(),
    fetchPage: async (cursor, limit) => {
      const page = await call("GET", `/toys${query({ q, category, sort: q ? "relevance" : "newest", limit, cursor, facets: cursor ? null : "category" })}`, { signal: visit.signal });
      total = page.total;
      if (page.facets) categories = [...new Set([...Object.keys(page.facets.category), ...categories])].sort();
      return page;
    },
  });

  /** @param {Event} event */
  function search(event) {
    event.preventDefault();
    const form = /** @type {HTMLInputElement} */ (event.currentTarget).closest("form");
    if (!form) return;
    const fields = new FormData(form);
    go(`/staff/toys${query({ q: String(fields.get("q")).trim(), category: String(fields.get("category")) })}`);
  }

  function content() {
    if (!list.items) return list.error ? list.more : rowSkeletons(6);
    if (!list.items.length) {
      return html`<div class="empty"><p>${q || category ? texts.noMatch : texts.none}</p>
        ${q || category ? html`<a class="button quiet" href="/staff/toys">${staffTexts.clear}</a>` : nothing}</div>`;
    }
    return html`
      <p class="note" role="status">${texts.total(total)}</p>
      <div class="table-box"><table class="table toys">
        <caption class="hidden">${texts.listCaption}</caption>
        <thead><tr><td></td>${[texts.name, texts.category, texts.age, texts.pictures, texts.changed].map((text) => html`<th scope="col">${text}</th>`)}<th scope="col" class="number">${texts.price}</th></tr></thead>
        <tbody>${list.items.map(row)}</tbody>
      </table></div>
      ${list.more}`;
  }
  const redraw = () => visit.render(framed("toys", html`
    <header class="order-head"><h1>${staffTexts.toys}</h1><a class="button" href="/staff/toys/new">${texts.add}</a></header>
    <form class="search-bar" role="search" aria-label=${texts.search} @submit=${search}>
      <div class="field"><label for="staff-q">${texts.query}</label>
        <input id="staff-q" name="q" type="search" maxlength="200" autocomplete="off" value=${q}></div>
      <div class="field"><label for="staff-category">${texts.category}</label>
        <select id="staff-category" name="category" @change=${search}>
          <option value="" ?selected=${!category}>${texts.anyCategory}</option>
          ${categories.map((one) => html`<option value=${one} ?selected=${one === category}>${categoryName(one)}</option>`)}
        </select></div>
      <button type="submit">${staffTexts.search}</button>
    </form>
    ${content()}`), { title: staffTexts.toys, hidden: true });
  await list.load();
}
