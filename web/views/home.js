// The first page: what is new.

import { query, remember } from "../lib/api.js";
import { failure } from "../parts/page.js";
import { card, skeletons } from "../parts/toy.js";
import { shop } from "../texts/shop.js";
import { html } from "../vendor/lit-html/lit-html.js";

/** @param {import("../lib/router.js").Visit} visit */
export async function show(visit) {
  const view = (/** @type {unknown} */ content) => visit.render(html`<h1>${shop.description}</h1>${content}`, { title: shop.name, description: shop.description });
  view(skeletons());
  try {
    const page = await remember(`/toys${query({ sort: "newest", limit: 12, facets: "category,age,price" })}`, visit.signal);
    view(html`<ul class="grid">${page.items.map((/** @type {import("../lib/api.js").Toy} */ toy, /** @type {number} */ at) => card(toy, { isFirst: at < 4 }))}</ul>`);
  } catch (error) {
    view(failure(error));
  }
}
