// The product page: pictures, details, price, and related toys.

import { getCached, putCached, query } from "../lib/api.js";
import { label, majorUnits } from "../lib/format.js";
import { setPath } from "../lib/router.js";
import { Stored, isObject, isText } from "../lib/storage.js";
import { failure, toast, whenSeen } from "../parts/page.js";
import { addToBasket, addressOf, card, isRepeated, picture, skeletons, stepper } from "../parts/toy.js";
import { categoryName, listTexts, problemText, problems, shop, toyTexts } from "../texts/shop.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../lib/router.js").Visit} Visit */
/** @typedef {import("../lib/api.js").Toy} Toy */
/** @typedef {{id: string, name: string, url: string}} Viewed */
/** @typedef {{visit: Visit, toy: Toy | null, at: number, quantity: number, isQuantityValid: boolean, related: Toy[] | null}} State */

const MOST_VIEWED = 8;
const RELATED = 4;

/** Toys that the customer has viewed, the latest first. */
const viewed = new Stored("viewed", parseViewed);

/**
 * @param {unknown} value
 * @returns {Viewed[]}
 */
function parseViewed(value) {
  if (!Array.isArray(value)) return [];
  return value.filter((toy) => isObject(toy) && isText(toy.id) && isText(toy.name) && typeof toy.url === "string"
    && (toy.url === "" || toy.url.startsWith("/files/")))
    .map(({ id, name, url }) => ({ id, name, url })).slice(0, MOST_VIEWED);
}

/** @param {Toy} toy */
function rememberViewed({ id, name, images }) {
  const smallest = images[0]?.variants?.[0]?.url ?? images[0]?.url ?? "";
  viewed.value = [{ id, name, url: smallest }, ...viewed.value.filter((other) => other.id !== id)].slice(0, MOST_VIEWED);
}

/**
 * Return the first words of a text on one line, at most 160 characters; as the storefront does.
 *
 * @param {string} text
 */
export function excerpt(text) {
  const characters = [...text.trim().replaceAll(/\s+/g, " ")];
  if (characters.length <= 160) return characters.join("");
  // not every language has spaces
  return `${characters.slice(0, 159).join("").replace(/ [^ ]*$/, "").replace(/[,;:.]+$/, "")}…`;
}

/**
 * A toy's schema.org product, for search engines; the storefront's document contains the same one.
 *
 * @param {Toy} toy
 */
const dataOf = (toy) => ({
  "@context": "https://schema.org",
  "@type": "Product",
  name: toy.name,
  description: toy.description,
  sku: toy.id,
  category: toy.category,
  brand: { "@type": "Brand", name: toy.brand },
  image: toy.images.map(({ url }) => new URL(url, location.origin).href),
  audience: { "@type": "PeopleAudience", suggestedMinAge: toy.min_age },
  offers: {
    "@type": "Offer",
    url: location.origin + addressOf(toy),
    price: majorUnits(toy.price),
    priceCurrency: toy.price.currency,
    availability: "https://schema.org/InStock",
    itemCondition: "https://schema.org/NewCondition",
  },
});

/**
 * Return the head of a toy's page.
 *
 * @param {Toy} toy
 * @returns {import("../lib/router.js").Head}
 */
export const headOf = (toy) => ({
  title: toy.name,
  description: excerpt(toy.description) || toy.name,
  canonical: addressOf(toy),
  image: toy.images[0]?.url,
  price: { amount: majorUnits(toy.price), currency: toy.price.currency },
  data: dataOf(toy),
});

/** @param {State} state */
function gallery(state) {
  const { toy, at } = state;
  if (!toy) return html`<div class="gallery skeleton" aria-hidden="true"><span class="picture"></span></div>`;
  const { images } = toy;
  const select = (/** @type {number} */ chosen) => {
    state.at = chosen;
    view(state);
  };
  const zoom = async () => {
    try {
      const { openZoom } = await import("../parts/zoom.js");
      if (!state.visit.isOver) openZoom(images, state.at);
    } catch (error) {
      toast(problemText(error));
    }
  };
  const main = picture(images[at], { sizes: "(max-width: 52rem) 92vw, 42rem", isFirst: true });
  return html`
    <div class="gallery">
      ${images.length ? html`<button type="button" class="zoom" @click=${zoom}>${main}<span class="hidden">${toyTexts.zoom}</span>
        <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d="M11 5.500v11M5.500 11h11M16 16l5 5M11 18.500a7.500 7.500 0 1 1 0-15 7.500 7.500 0 0 1 0 15z" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg></button>` : main}
      ${images.length > 1 ? html`<ul class="thumbnails" aria-label=${toyTexts.pictures}>${images.map((image, index) => html`
        <li><button type="button" class="thumbnail" aria-label=${toyTexts.showPicture(index + 1, images.length)} aria-current=${index === at ? "true" : "false"}
          @click=${() => select(index)}>${picture(image, { sizes: "5rem", alt: "" })}</button></li>`)}</ul>` : nothing}
    </div>`;
}

/** @param {State} state */
function facts({ toy }) {
  if (!toy) return nothing;
  /** @type {[string, unknown][]} */
  const rows = [
    [toyTexts.ageLabel, toyTexts.years(toy.min_age)],
    [toyTexts.category, html`<a href=${`/c/${encodeURIComponent(toy.category)}`}>${categoryName(toy.category)}</a>`],
    [toyTexts.brand, html`<a href=${`/search${query({ brand: toy.brand })}`}>${toy.brand}</a>`],
    ...Object.entries(toy.attributes).map(([name, value]) => /** @type {[string, string]} */ ([label(name), value])),
  ];
  return html`<h2>${toyTexts.facts}</h2>
    <dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {State} state */
function others({ toy, related }) {
  const seen = toy ? viewed.value.filter(({ id }) => id !== toy.id).slice(0, 6) : [];
  return html`
    <section class="more-toys" aria-labelledby="related-title" ?hidden=${related?.length === 0}>
      <h2 id="related-title">${toyTexts.related}</h2>
      ${related ? html`<ul class="grid row">${related.map((other) => card(other))}</ul>` : skeletons(RELATED, "row")}
    </section>
    ${seen.length ? html`<section class="more-toys" aria-labelledby="viewed-title">
      <h2 id="viewed-title">${toyTexts.viewed}</h2>
      <ul class="viewed">${seen.map((other) => html`<li><a href=${addressOf(other)}>
        ${picture(other.url ? { id: "", alt: "", url: other.url, width: null, height: null, variants: [] } : null, { sizes: "8rem", alt: "" })}<span>${other.name}</span></a></li>`)}</ul>
    </section>` : nothing}`;
}

/** @param {State} state */
function view(state) {
  const { visit, toy, quantity } = state;
  const change = (/** @type {number} */ value) => {
    Object.assign(state, { quantity: value, isQuantityValid: true });
    view(state);
  };
  const refuse = () => { state.isQuantityValid = false; };
  const addIt = (/** @type {Event} */ event) => {
    if (!toy || isRepeated(event)) return;
    if (state.isQuantityValid) addToBasket(toy, state.quantity);
    else document.querySelector(/** @type {"input"} */ (".buy input"))?.focus();
  };
  visit.render(html`
    <nav class="crumbs" aria-label=${toyTexts.breadcrumbs}><ol>
      <li><a href="/">${shop.home}</a></li>
      <li>${toy ? html`<a href=${`/c/${encodeURIComponent(toy.category)}`}>${categoryName(toy.category)}</a>` : listTexts.all}</li>
      <li aria-current="page">${toy?.name ?? toyTexts.loading}</li></ol></nav>
    <article class="toy" aria-busy=${toy ? "false" : "true"}>
      ${gallery(state)}
      <div class="toy-text stack">
        <p class="maker">${toy?.brand ?? toyTexts.loading}</p>
        <h1>${toy?.name ?? toyTexts.loading}</h1>
        ${toy ? html`
          <p class="price large">${toyTexts.price(toy.price)} <span class="badge outlined">${toyTexts.age(toy.min_age)}</span></p>
          <div class="buy">
            ${stepper({ id: "toy-quantity", name: toy.name, value: quantity, change, refuse })}
            <button type="button" class="wide" @click=${addIt}>${toyTexts.addToCart}</button>
          </div>
          <ul class="promises">${toyTexts.promises.map((text) => html`<li>${text}</li>`)}</ul>
          <p class="description">${toy.description}</p>
          ${facts(state)}` : html`<div class="skeleton toy-skeleton" aria-hidden="true"><span class="line short"></span><span class="line"></span><span class="line"></span><span class="line short"></span></div>`}
      </div>
    </article>
    ${others(state)}`, toy ? headOf(toy) : undefined);
}

/** @param {State} state Its toy is known. */
async function loadRelated(state) {
  const { visit, toy } = state;
  if (!toy) return;
  try {
    const page = await getCached(`/toys${query({ category: toy.category, limit: RELATED + 1 })}`, visit.signal);
    for (const other of page.items) putCached(`/toys/${other.id}`, other);
    state.related = page.items.filter((/** @type {Toy} */ other) => other.id !== toy.id).slice(0, RELATED);
  } catch {
    state.related = []; // the page is useful without them
  }
  view(state);
}

/** @param {Visit} visit A visit of a toy that the shop does not sell any more. */
function showGone(visit) {
  viewed.value = viewed.value.filter(({ id }) => id !== visit.parameters.id);
  visit.render(html`
    <div class="empty">
      <img src="/pictures/not-found.svg" alt="" width="240" height="180">
      <h1>${problems.toyGone}</h1>
      <a class="button" href="/search">${listTexts.seeAll}</a>
    </div>`, { title: problems.toyGone.replace(/\.$/, ""), hidden: true });
}

/** @param {Visit} visit */
export async function show(visit) {
  /** @type {State} */
  const state = { visit, toy: null, at: 0, quantity: 1, isQuantityValid: true, related: null };
  view(state);
  try {
    const toy = await getCached(`/toys/${encodeURIComponent(visit.parameters.id)}`, visit.signal);
    if (visit.isOver) return;
    state.toy = toy;
    view(state);
    const address = addressOf(toy);
    if (visit.path !== address) setPath(address);
    rememberViewed(toy);
  } catch (error) {
    if (/** @type {{status?: number}} */ (error).status === 404) showGone(visit);
    else visit.render(failure(error), { title: shop.name, hidden: true });
    return;
  }
  viewed.subscribe(() => view(state), visit.signal);
  whenSeen(document.querySelector(".more-toys"), visit.signal, () => loadRelated(state));
}
