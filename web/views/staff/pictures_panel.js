// The panel with the pictures of a toy and the files that are being uploaded.

import { Problem } from "../../lib/api.js";
import { failure } from "../../parts/page.js";
import { picture } from "../../parts/toy.js";
import { pictureTexts as texts, rejectionText } from "../../texts/staff.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { TYPES } from "./pictures.js";

/** @typedef {import("./pictures.js").Pictures} Pictures */
/** @typedef {import("./pictures.js").Entry} Entry */
/** @typedef {import("./pictures.js").UploadedImage} UploadedImage */

const MOST_REJECTED = 5;

/** @param {Pictures} pictures */
export const picturesPanel = (pictures) => html`
  <section class="panel stack" aria-labelledby="pictures-title">
    <h2 id="pictures-title" tabindex="-1">${texts.title}</h2>
    ${pictures.toyId ? html`${dropPlace(pictures)}${entries(pictures)}${uploaded(pictures)}` : html`<p class="note">${texts.saveFirst}</p>`}
  </section>`;

/** @param {Pictures} pictures */
function dropPlace(pictures) {
  if (pictures.isFull) return html`<p class="note">${texts.tooMany}</p>`;
  /** @param {boolean} isOver */
  const over = (isOver) => (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    if (pictures.isOver === isOver) return;
    pictures.isOver = isOver;
    pictures.redraw();
  };
  return html`
    <label class="drop" data-over=${pictures.isOver ? "" : nothing} @dragenter=${over(true)} @dragover=${over(true)} @dragleave=${over(false)}
      @drop=${(/** @type {DragEvent} */ event) => {
        over(false)(event);
        pictures.add(event.dataTransfer?.files ?? []);
      }}>
      <span>${texts.drop} <u>${texts.choose}</u></span>
      <span class="note">${texts.rules}</span>
      <input type="file" class="hidden" multiple accept=${TYPES.join(",")} @change=${(/** @type {Event} */ event) => {
        const input = /** @type {HTMLInputElement} */ (event.currentTarget);
        pictures.add([...input.files ?? []]);
        input.value = ""; // so that the same file can be chosen again
      }}>
    </label>`;
}

/** @param {Pictures} pictures */
function entries(pictures) {
  if (!pictures.entries.length) return nothing;
  const count = pictures.uploadable.length;
  return html`
    <ul class="entries">${pictures.entries.map((entry) => html`<li>${entryRow(pictures, entry)}</li>`)}</ul>
    ${count ? html`<button type="button" class="wide" @click=${() => pictures.uploadAll()}>${texts.upload(count)}</button>` : nothing}`;
}

/** @param {Event} event A file that the browser cannot show. */
function onUnreadable({ currentTarget }) {
  const image = /** @type {HTMLImageElement} */ (currentTarget);
  image.classList.add("missing");
  image.src = "/missing.svg";
}

/**
 * @param {Pictures} pictures
 * @param {Entry} entry
 */
function entryRow(pictures, entry) {
  const { id, file, state, problem } = entry;
  const isBusy = state === "uploading" || state === "checking";
  return html`
    ${entry.preview ? html`<img class="picture" src=${entry.preview} alt="" width="96" height="96" @error=${onUnreadable}>` : html`<img class="picture missing" src="/missing.svg" alt="" width="96" height="96">`}
    <div class="stack">
      <p class="file">${file.name}</p>
      ${state === "waiting" && !problem ? altField(pictures, entry) : entry.alt ? html`<p class="note">${entry.alt}</p>` : nothing}
      ${state === "uploading" ? html`<progress max="100" value=${entry.percent} aria-label=${file.name}></progress><p class="note">${texts.uploading(entry.percent)}</p>` : nothing}
      ${state === "checking" ? html`<p class="note" role="status">${problem || texts.checking}</p>` : nothing}
      ${problem && state !== "checking" ? html`<p class="field-error" role="alert">${problem}</p>` : nothing}
      ${isBusy ? nothing : html`<p class="actions">
        ${state === "failed" ? html`<button type="button" class="quiet" aria-label=${texts.retryOf(file.name)} @click=${() => pictures.upload(entry)}>${texts.retry}</button>` : nothing}
        <button type="button" class="quiet" aria-label=${texts.removeFile(file.name)} id=${`discard-${id}`} @click=${() => {
          pictures.discard(entry);
          document.getElementById("pictures-title")?.focus();
        }}>${texts.discard}</button></p>`}
    </div>`;
}

/**
 * @param {Pictures} pictures
 * @param {Entry} entry
 */
const altField = (pictures, entry) => html`
  <div class="field">
    <label for=${`alt-${entry.id}`}>${texts.alt(entry.file.name)}</label>
    <input id=${`alt-${entry.id}`} maxlength="300" autocomplete="off" .value=${entry.alt} required
      aria-invalid=${entry.altProblem ? "true" : nothing} aria-describedby=${`alt-${entry.id}-hint${entry.altProblem ? ` alt-${entry.id}-error` : ""}`}
      @input=${(/** @type {Event} */ event) => {
        entry.alt = /** @type {HTMLInputElement} */ (event.currentTarget).value;
        entry.altProblem = "";
        pictures.redraw();
      }}>
    <p class="note" id=${`alt-${entry.id}-hint`}>${texts.altHint}</p>
    ${entry.altProblem ? html`<span class="field-error" id=${`alt-${entry.id}-error`}>${entry.altProblem}</span>` : nothing}
  </div>`;

/** @param {Pictures} pictures */
function uploaded(pictures) {
  const { images, error, entries: own } = pictures;
  if (error instanceof Problem && error.status === 404) return html`<p class="note">${texts.gone}</p>`;
  if (!images) return error ? failure(error, pictures.load) : html`<ul class="pictures" aria-hidden="true">${[1, 2].map(() => html`<li class="skeleton"><span class="picture"></span></li>`)}</ul>`;
  const isOwn = ({ id = "" }) => own.some(({ imageId }) => imageId === id);
  const ready = images.filter(({ status }) => status === "ready").reverse(); // in the order of the shop
  const checking = pictures.checking.filter((image) => !isOwn(image));
  const rejected = images.filter((image) => image.status === "rejected" && !isOwn(image)).slice(0, MOST_REJECTED);
  return html`
    ${images.length || own.length ? nothing : html`<p class="note">${texts.none}</p>`}
    <ul class="pictures">
      ${ready.map((image) => html`<li>
        ${picture(image, { sizes: "10rem" })}
        <p class="note">${image.alt}</p>
        <button type="button" class="quiet" aria-label=${texts.removeOf(image.alt)} @click=${() => pictures.remove(image)}>${texts.remove}</button>
      </li>`)}
      ${checking.map((image) => html`<li><span class="picture checking"></span><p class="note">${image.alt}<br>${texts.checking}</p></li>`)}
    </ul>
    ${rejected.length ? html`<details class="rejected"><summary>${texts.earlier}</summary>
      <ul>${rejected.map((image) => html`<li><strong>${image.alt}</strong> ${rejectionText(image.reason)}</li>`)}</ul></details>` : nothing}`;
}
