// The pictures of a toy: upload, the state of their checks, and removal.

import { Problem, call, refetch } from "../../lib/api.js";
import { upload } from "../../lib/upload.js";
import { confirmed } from "../../parts/dialog.js";
import { toast } from "../../parts/page.js";
import { fieldText } from "../../texts/forms.js";
import { problemText } from "../../texts/shop.js";
import { pictureTexts as texts, rejectionText } from "../../texts/staff.js";
import { picturesPanel } from "./pictures_panel.js";

/** @typedef {import("../../types/api.js").components["schemas"]["UploadedImage"]} UploadedImage */
/**
 * A file to upload.
 *
 * @typedef {object} Entry
 * @property {number} id
 * @property {File} file
 * @property {string} preview
 * @property {string} alt
 * @property {"waiting" | "uploading" | "checking" | "failed"} state
 * @property {number} percent
 * @property {string} problem The error; empty if there is none.
 * @property {string} altProblem
 * @property {string | null} imageId
 */

export const TYPES = ["image/jpeg", "image/png", "image/webp", "image/gif"];
const MOST_BYTES = 5 * 1024 * 1024;
const MOST_PICTURES = 20;
const DELAYS = [700, 1000, 1500, 2000, 3000, 5000]; // ms; the last one repeats
const MOST_REQUESTS = 40;
const RECENT = 10 * 60_000; // ms after which an upload is no longer expected
let lastId = 0;

export class Pictures {
  /** @type {UploadedImage[] | null} */
  images = null;
  /** @type {Entry[]} */
  entries = [];
  /** @type {unknown} */
  error = null;
  isOver = false; // whether files are dragged over the drop area
  #isPolling = false;
  #isRemoving = false;

  /**
   * @param {import("../../lib/router.js").Visit} visit
   * @param {string | null} toyId
   * @param {() => void} redraw
   */
  constructor(visit, toyId, redraw) {
    this.visit = visit;
    this.toyId = toyId;
    this.redraw = redraw;
    this.load = this.load.bind(this);
    visit.signal.addEventListener("abort", () => this.entries.forEach(({ preview }) => URL.revokeObjectURL(preview)));
  }

  /** Whether there are files that have not been uploaded. */
  get isUnsaved() {
    return this.entries.some(({ state, problem }) => state === "uploading" || (state === "waiting" && !problem));
  }

  get path() {
    return `/toys/${encodeURIComponent(this.toyId ?? "")}/images`;
  }

  /** Recently announced pictures that are being checked, including those of other sessions. */
  get checking() {
    return (this.images ?? []).filter(({ status, created_at }) => status === "pending" && Date.now() - Date.parse(created_at) < RECENT);
  }

  async load() {
    this.error = null;
    this.redraw();
    try {
      await this.#refresh();
    } catch (error) {
      this.error = error;
    }
    this.redraw();
    if (this.checking.length) this.#poll();
  }

  async #refresh() {
    /** @type {{items: UploadedImage[]}} */
    const { items } = await call("GET", `${this.path}?limit=100`, { signal: this.visit.signal });
    const ready = this.images?.filter(({ status }) => status === "ready").length;
    this.images = items;
    if (ready !== items.filter(({ status }) => status === "ready").length) refetch();
    for (const entry of this.entries.filter(({ state }) => state === "checking")) {
      const image = items.find(({ id }) => id === entry.imageId);
      if (image?.status === "ready") this.discard(entry);
      else if (image?.status === "rejected") Object.assign(entry, { state: "failed", problem: rejectionText(image.reason) });
    }
  }

  /** Poll the checks until they are finished. */
  async #poll() {
    if (this.#isPolling) return;
    this.#isPolling = true;
    const isWaiting = () => !this.visit.isOver && (this.entries.some(({ state }) => state === "checking") || this.checking.length > 0);
    for (let request = 0; request < MOST_REQUESTS && isWaiting(); request += 1) {
      await new Promise((done) => { setTimeout(done, DELAYS[Math.min(request, DELAYS.length - 1)]); });
      if (this.visit.isOver) break;
      await this.#refresh().catch(() => {}); // polled again
      this.redraw();
    }
    this.#isPolling = false;
    for (const entry of this.entries.filter(({ state }) => state === "checking")) entry.problem = texts.slow;
    this.redraw();
  }

  /**
   * Add chosen or dropped files, which are uploaded once each has a description.
   *
   * @param {Iterable<File>} files
   */
  add(files) {
    for (const file of files) {
      const problem = !TYPES.includes(file.type) ? texts.wrongType
        : file.size > MOST_BYTES ? texts.tooLarge : file.size === 0 ? texts.isEmpty : "";
      this.entries.push({
        id: (lastId += 1), file, problem, preview: problem ? "" : URL.createObjectURL(file),
        alt: "", state: "waiting", percent: 0, altProblem: "", imageId: null,
      });
    }
    this.redraw();
    const first = this.entries.find(({ state, problem, alt }) => state === "waiting" && !problem && !alt);
    if (first) document.getElementById(`alt-${first.id}`)?.focus();
  }

  /** @param {Entry} entry */
  discard(entry) {
    if (entry.preview) URL.revokeObjectURL(entry.preview);
    this.entries = this.entries.filter((one) => one !== entry);
    this.redraw();
  }

  /** Discard all files, because the toy was withdrawn. */
  forget() {
    this.entries = [];
  }

  /** The files that can be uploaded. */
  get uploadable() {
    return this.entries.filter(({ state, problem }) => state === "waiting" && !problem);
  }

  /** Upload all files, unless one has no description. */
  async uploadAll() {
    const entries = this.uploadable;
    for (const entry of entries) {
      const alt = entry.alt.trim();
      entry.altProblem = !alt ? texts.altMissing : alt.length > 300 ? texts.altTooLong : "";
    }
    const wrong = entries.find(({ altProblem }) => altProblem);
    this.redraw();
    if (wrong) document.getElementById(`alt-${wrong.id}`)?.focus();
    else await Promise.all(entries.map((entry) => this.upload(entry)));
  }

  /** @param {Entry} entry */
  async upload(entry) {
    if (entry.state === "uploading" || entry.state === "checking") return;
    Object.assign(entry, { state: "uploading", percent: 0, problem: "", altProblem: "" });
    this.redraw();
    const { signal } = this.visit;
    const { file } = entry;
    try {
      const ticket = await call("POST", this.path, {
        body: { content_type: file.type, size: file.size, alt: entry.alt.trim() }, signal,
      });
      entry.imageId = ticket.image.id;
      await upload(ticket.upload, file, {
        signal,
        onProgress: (share) => {
          entry.percent = Math.floor(share * 100);
          this.redraw();
        },
      });
      entry.state = "checking";
      this.#poll();
    } catch (error) {
      if (signal.aborted) return;
      this.#fail(entry, error);
    }
    this.redraw();
  }

  /**
   * @param {Entry} entry
   * @param {unknown} error
   */
  #fail(entry, error) {
    entry.state = "failed";
    if (!(error instanceof Problem)) {
      entry.problem = texts.failed;
      return;
    }
    const ofAlt = error.errors.find(({ pointer }) => pointer === "/alt");
    if (ofAlt) Object.assign(entry, { state: "waiting", altProblem: fieldText("alt", ofAlt.code) });
    else entry.problem = error.status === 409 ? texts.tooMany : error.status === 404 ? texts.gone : problemText(error);
  }

  /** @param {UploadedImage} image */
  async remove(image) {
    const { signal } = this.visit;
    if (this.#isRemoving) return;
    const agreed = await confirmed({ title: texts.removeTitle, text: image.alt, yes: texts.remove, no: texts.keep }, signal);
    if (!agreed || this.#isRemoving) return;
    this.#isRemoving = true;
    try {
      await call("DELETE", `${this.path}/${encodeURIComponent(image.id)}`, { signal })
        .catch((error) => { if (!(error instanceof Problem) || error.status !== 404) throw error; });
      this.images = this.images?.filter(({ id }) => id !== image.id) ?? null;
      refetch();
      toast(texts.removed);
      document.getElementById("pictures-title")?.focus();
    } catch (error) {
      if (!signal.aborted) toast(problemText(error));
    }
    this.#isRemoving = false;
    this.redraw();
  }

  get isFull() {
    return (this.images ?? []).filter(({ status }) => status === "ready").length >= MOST_PICTURES;
  }

  template() {
    return picturesPanel(this);
  }
}
