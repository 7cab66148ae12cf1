// The frame of the staff's views: the tabs, and lists with a search.

import { staffTexts as texts } from "../../texts/staff.js";
import { failure } from "../../parts/page.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";

/** @typedef {import("../../lib/router.js").Template} Template */

const TABS = /** @type {const} */ ([["orders", texts.orders], ["toys", texts.toys]]);

/**
 * @param {"orders" | "toys"} section
 * @param {unknown} content
 */
export const framed = (section, content) => html`
  <div class="staff">
    <nav class="tabs" aria-label=${texts.tabs}>${TABS.map(([name, text]) => html`
      <a href=${`/staff/${name}`} aria-current=${name === section ? "page" : nothing}>${text}</a>`)}
    </nav>
    ${content}
  </div>`;

/**
 * A list that grows page by page.
 *
 * @template T
 * @typedef {object} Page
 * @property {T[]} items
 * @property {string | null} next_cursor
 */

/**
 * Loads a list page by page; a failure keeps the items that are shown.
 *
 * @template T
 */
export class List {
  /** @type {T[] | null} */
  items = null;
  /** @type {string | null} */
  cursor = null;
  /** @type {unknown} */
  error = null;
  isLoading = false;

  /**
   * @param {object} options
   * @param {import("../../lib/router.js").Visit} options.visit
   * @param {() => void} options.redraw
   * @param {(cursor: string | null, limit: number) => Promise<Page<T>>} options.fetchPage
   * @param {number} [options.least] The least number of items to load at a time, since pages can have fewer.
   */
  constructor({ visit, redraw, fetchPage, least = 1 }) {
    this.visit = visit;
    this.redraw = redraw;
    this.fetchPage = fetchPage;
    this.least = least;
    this.load = this.load.bind(this);
  }

  /** Load the next page; after Back, load as many items as before. */
  async load() {
    if (this.isLoading) return;
    this.isLoading = true;
    this.error = null;
    this.redraw();
    const known = this.items?.length ?? 0;
    try {
      const before = this.items ? 0 : Number(history.state?.shown) || 0;
      const wanted = known + Math.max(this.least, before);
      for (let requests = 0; requests < MOST_REQUESTS; requests += 1) {
        const missing = wanted - (this.items?.length ?? 0);
        const page = await this.fetchPage(this.cursor, Math.min(100, Math.max(PAGE, missing)));
        if (this.visit.isOver) return;
        this.items = [...this.items ?? [], ...page.items];
        this.cursor = page.next_cursor;
        if (!this.cursor || this.items.length >= wanted) break;
      }
      history.replaceState({ ...history.state, shown: this.items?.length }, "");
    } catch (error) {
      this.error = error;
    }
    this.isLoading = false;
    this.redraw();
    const isAtButton = document.activeElement === document.body || document.activeElement?.matches(".more");
    if (known && !this.error && isAtButton) {
      /** @type {HTMLElement | null} */ (document.querySelectorAll("tbody [data-open]")[known])?.focus();
    }
  }

  /** The button for the next page, or the error. */
  get more() {
    if (this.error) return failure(this.error, this.load);
    return this.cursor
      ? html`<button type="button" class="quiet more" aria-disabled=${this.isLoading ? "true" : nothing} @click=${this.load}>${texts.more}</button>`
      : nothing;
  }
}

const PAGE = 20;
const MOST_REQUESTS = 10;

/** Placeholders for the rows of a table. @param {number} columns */
export const rowSkeletons = (columns) => html`
  <p class="note" aria-hidden="true">&nbsp;</p>
  <div class="table-box" aria-hidden="true"><table class="table skeleton"><tbody>${Array.from({ length: 8 }, () => html`
    <tr>${Array.from({ length: columns }, () => html`<td><span class="line"></span></td>`)}</tr>`)}
  </tbody></table></div>`;

/**
 * A term and its value in a list of facts.
 *
 * @param {string} term
 * @param {unknown} value
 */
export const fact = (term, value) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`;
