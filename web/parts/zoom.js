// A toy's pictures at full size, in a dialog.

import { openDialog } from "../lib/router.js";
import { toyTexts } from "../texts/shop.js";
import { html, nothing, render } from "../vendor/lit-html/lit-html.js";
import { onImageError } from "./toy.js";

/** @typedef {import("../lib/basket.js").ToyImage} ToyImage */

/**
 * @param {ToyImage[]} images
 * @param {number} at Index of the picture to begin with.
 */
export function openZoom(images, at) {
  const dialog = document.body.appendChild(document.createElement("dialog"));
  dialog.className = "zoom-dialog";
  dialog.setAttribute("aria-label", toyTexts.pictures);
  const ended = new AbortController();
  const close = () => dialog.close();
  let isLarge = false;
  const enlarge = () => {
    isLarge = !isLarge;
    update();
  };
  const update = () => render(html`
    <button type="button" class="icon bare zoom-close" aria-label=${toyTexts.closeZoom} @click=${close}>✕</button>
    <div class="zoom-area ${isLarge ? "large" : ""}" tabindex="0" role="group" aria-label=${images[at].alt}
      @click=${enlarge} @keydown=${(/** @type {KeyboardEvent} */ { key }) => key === "Enter" && enlarge()}>
      <img src=${images[at].url} alt=${images[at].alt} width=${images[at].width ?? nothing} height=${images[at].height ?? nothing} @error=${onImageError}></div>
    ${images.length > 1 ? html`<div class="zoom-tools">
      <button type="button" class="icon" aria-label=${toyTexts.previousPicture} @click=${() => step(-1)}>‹</button>
      <span aria-live="polite">${at + 1} / ${images.length}</span>
      <button type="button" class="icon" aria-label=${toyTexts.nextPicture} @click=${() => step(1)}>›</button></div>` : nothing}`, dialog);
  /** @param {number} by */
  const step = (by) => {
    at = (at + by + images.length) % images.length;
    update();
  };
  update();
  dialog.addEventListener("keydown", ({ key }) => {
    if (isLarge || images.length < 2) return;
    if (key === "ArrowRight") step(1);
    if (key === "ArrowLeft") step(-1);
  });
  addEventListener("visit", close, { signal: ended.signal });
  dialog.addEventListener("close", () => {
    ended.abort();
    dialog.remove();
  });
  openDialog(dialog);
}
