// The basket in a drawer beside the page, opened from the header and after a toy was added.

import { basket } from "../lib/basket.js";
import { openDialog } from "../lib/router.js";
import { basketTexts, shop } from "../texts/shop.js";
import { html, nothing, render } from "../vendor/lit-html/lit-html.js";
import { basketLines, basketTotal, leave, refresh } from "./basket_lines.js";

/** @type {AbortController | null} */
let shown = null;

/**
 * @param {string} [added] Id of the toy that has just been added.
 */
export function openDrawer(added) {
  const drawer = /** @type {HTMLDialogElement} */ (document.getElementById("drawer"));
  if (drawer.open) return;
  const { signal } = shown = new AbortController();
  const close = () => drawer.close();
  const update = () => {
    if (signal.aborted) return;
    const hadFocus = drawer.contains(document.activeElement);
    const isEmpty = !basket.value.length;
    render(html`
      <div class="sheet-head">
        <h2 id="drawer-title" tabindex="-1">${basketTexts.title}</h2>
        <button type="button" class="icon bare" aria-label=${shop.close} @click=${close}>✕</button>
      </div>
      <div class="sheet-body">${basketLines({ place: "drawer", added, update })}</div>
      ${isEmpty ? nothing : html`<div class="sheet-foot">
        ${basketTotal()}
        <div class="drawer-links"><a href="/basket">${basketTexts.view}</a>
          <button type="button" class="link" @click=${close}>${basketTexts.keepShopping}</button></div>
      </div>`}`, drawer);
    // the element with the focus may have been removed
    if (hadFocus && !drawer.contains(document.activeElement)) document.getElementById("drawer-title")?.focus();
  };
  update();
  basket.subscribe(update, signal);
  addEventListener("visit", close, { signal });
  drawer.addEventListener("click", ({ target }) => target === drawer && close(), { signal });
  drawer.addEventListener("close", () => {
    shown?.abort();
    leave();
    render(nothing, drawer);
  }, { once: true, signal });
  openDialog(drawer);
  drawer.querySelector(".sheet-body")?.scrollTo(0, 0);
  document.getElementById("drawer-title")?.focus();
  refresh(update, signal);
}
