// The basket's page.

import { basket } from "../lib/basket.js";
import { toast } from "../parts/page.js";
import { basketLines, basketTotal, leave, refresh } from "../parts/basket_lines.js";
import { basketTexts, listTexts } from "../texts/shop.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

/** @param {import("../lib/router.js").Visit} visit */
export function show(visit) {
  const update = () => {
    if (visit.isOver) return;
    const section = document.querySelector(".basket");
    const hadFocus = section?.contains(document.activeElement);
    const isEmpty = !basket.value.length;
    visit.render(html`
      <div class="basket ${isEmpty ? "" : "two"}">
        <h1 id="basket-title" tabindex="-1">${basketTexts.title}</h1>
        <section aria-labelledby="basket-title"><h2 class="hidden">${listTexts.toys}</h2>${basketLines({ place: "page", update })}</section>
        ${isEmpty ? nothing : html`<aside class="panel stack" aria-label=${basketTexts.subtotal}>${basketTotal()}</aside>`}
      </div>`, { title: basketTexts.title, hidden: true });
    if (hadFocus && !section?.contains(document.activeElement)) document.getElementById("basket-title")?.focus();
  };
  update();
  basket.subscribe(update, visit.signal);
  addEventListener("storage", ({ key, isTrusted }) => {
    if (isTrusted && key === "toyshop.basket") toast(basketTexts.changedElsewhere);
  }, { signal: visit.signal });
  visit.signal.addEventListener("abort", leave);
  refresh(update, visit.signal);
}
