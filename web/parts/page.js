// The frame of the views: the header, notices, and the display of errors.

import { session } from "../lib/api.js";
import { basket, count } from "../lib/basket.js";
import { reload } from "../lib/router.js";
import { basketTexts, problemText, problems, shop } from "../texts/shop.js";
import { html, nothing, render } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../lib/router.js").Visit} Visit */
/** @typedef {import("../lib/router.js").Template} Template */
/** @typedef {{text: string, run: () => void}} Action */

const NOTICE = 5000; // ms

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * Announce a text to screen readers, without moving the focus.
 *
 * @param {string} text
 */
export function announce(text) {
  byId("live").textContent = text;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let noticeEnds;

/** Hide the notice. */
function hideNotice() {
  render(nothing, byId("toast"));
  byId("toast").hidden = true;
}

/**
 * Show a short notice and announce it; it stays while it has the focus or the pointer.
 *
 * @param {string} text
 * @param {Action} [action] Offered as a button, such as Undo.
 */
export function toast(text, action) {
  const run = () => {
    hideNotice();
    action?.run();
  };
  announce(text);
  render(html`<span>${text}</span>${action && html`<button type="button" class="link" @click=${run}>${action.text}</button>`}`, byId("toast"));
  byId("toast").hidden = false;
  clearTimeout(noticeEnds);
  const end = () => {
    if (byId("toast").matches(":hover, :focus-within")) noticeEnds = setTimeout(end, NOTICE);
    else hideNotice();
  };
  noticeEnds = setTimeout(end, NOTICE);
}

/** Focus the heading, when the element with the focus has been removed. */
export function focusHeading() {
  const heading = document.querySelector("h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/**
 * Run something once, when the customer scrolls to an element.
 *
 * @param {Element | null} element
 * @param {AbortSignal} signal Aborted when the visit ends.
 * @param {() => void} run
 * @param {string} [rootMargin] How far outside the window the element may still be.
 */
export function whenSeen(element, signal, run, rootMargin) {
  const observer = new IntersectionObserver((entries) => {
    // a busy browser reports several changes at once, the oldest first
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    run();
  }, { rootMargin });
  if (element) observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect());
}

/**
 * A view's error, with a button to try again.
 *
 * @param {unknown} error
 * @param {() => void} [retry]
 * @returns {Template}
 */
export const failure = (error, retry = reload) => html`
  <div class="empty failed" role="alert">
    <p>${problemText(error)}</p>
    <button type="button" @click=${retry}>${shop.tryAgain}</button>
  </div>`;

/**
 * Show that an address does not exist.
 *
 * @param {Visit} visit
 */
export function showNotFound(visit) {
  visit.render(html`
    <div class="empty">
      <img src="/pictures/not-found.svg" alt="" width="240" height="180">
      <h1>${problems.pageNotFound}</h1>
      <p>${problems.pageNotFoundDetail}</p>
      <a class="button" href="/">${problems.goHome}</a>
    </div>`, { title: problems.pageNotFound, hidden: true });
}

/**
 * Show an error that a view has not handled.
 *
 * @param {Visit} visit
 * @param {unknown} error
 */
export function showFailure(visit, error) {
  if (/** @type {{status?: number}} */ (error)?.status === 404) {
    showNotFound(visit);
    return;
  }
  if (error instanceof Error && "status" in error) {
    visit.render(failure(error), { title: shop.name, hidden: true });
    return;
  }
  // A module that could not be loaded, or a defect: the page has to be reloaded.
  if (navigator.onLine && !visit.beganOnline) {
    location.reload(); // the network has returned in the meantime
    return;
  }
  visit.render(failure(error, () => (navigator.onLine ? location.reload() : reload())), { title: shop.name, hidden: true });
  if (navigator.onLine) reportError(error);
}

/** @param {Event} event */
async function openBasket(event) {
  if (location.pathname === "/basket" || location.pathname === "/checkout") return; // follow the link
  const { button, metaKey, ctrlKey, shiftKey } = /** @type {MouseEvent} */ (event);
  if (button || metaKey || ctrlKey || shiftKey) return; // a new tab
  event.preventDefault();
  event.stopPropagation();
  try {
    const { openDrawer } = await import("./basket_drawer.js");
    openDrawer();
  } catch (error) {
    toast(problemText(error));
  }
}

/** @param {string} path */
const current = (path) => (location.pathname === path || location.pathname.startsWith(`${path}/`) ? "page" : nothing);

/** The address at which to sign in and return to the current address. */
function signInAddress() {
  const here = location.pathname + location.search;
  return here === "/" || location.pathname.startsWith("/account") ? "/account" : `/account?${new URLSearchParams({ next: here })}`;
}

function renderLinks() {
  const { value } = session;
  const number = count();
  render(html`
    ${value?.isStaff ? html`<a href="/staff" aria-current=${current("/staff")}>${shop.staff}</a>` : nothing}
    ${value && !value.isStaff ? html`<a class="on-wide" href="/orders" aria-current=${current("/orders")}>${shop.orders}</a>` : nothing}
    <a class="account-link" href=${value ? "/account" : signInAddress()} aria-current=${current("/account")}>
      <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d="M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.5 20.5c0-3.5 3.4-5.5 7.5-5.5s7.5 2 7.5 5.5" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg>
      <span>${value ? shop.account : shop.signIn}</span>
    </a>
    <a href="/basket" class="basket-link" aria-current=${current("/basket")} aria-label=${basketTexts.open(number)} @click=${openBasket}>
      <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d="M5 8h14l-1.2 12H6.2zM9 8V6a3 3 0 0 1 6 0v2" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round"/></svg>
      ${number ? html`<span class="count">${number}</span>` : nothing}
    </a>`, byId("links"));
}

/** Keep the header up to date, and load suggestions when the search field is focused. */
export function startHeader() {
  const field = /** @type {HTMLInputElement} */ (byId("q"));
  renderLinks();
  session.subscribe(renderLinks);
  basket.subscribe(renderLinks);
  addEventListener("visit", () => {
    renderLinks();
    if (document.activeElement !== field) {
      field.value = location.pathname === "/search" ? new URLSearchParams(location.search).get("q") ?? "" : "";
    }
  });
  field.addEventListener("focus", () => {
    import("./suggestions.js").then(({ suggestFor }) => suggestFor(field), () => {}); // search works without them
  }, { once: true });
  addEventListener("online", () => {
    // a new visit would discard what was entered
    for (const button of document.querySelectorAll("main .failed button")) /** @type {HTMLElement} */ (button).click();
  });
}

/**
 * Load a style sheet that only some views need, before they are shown.
 *
 * @param {string} href
 * @returns {Promise<void>}
 */
export function loadStyles(href) {
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((done) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
    link.onload = link.onerror = () => done();
    document.head.append(link);
  });
}
