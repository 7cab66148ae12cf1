// Shows the view of the current address. Clicks on ordinary links are handled here, so Back, reload,
// deep links and new tabs work as on any other site.

import { shop } from "../texts/shop.js";
import { nothing, render } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../vendor/lit-html/lit-html.js").TemplateResult} Template */
/**
 * Metadata for search engines, link previews and the browser's tab.
 *
 * @typedef {object} Head
 * @property {string} title Without the shop's name.
 * @property {string} [description] The shop's by default.
 * @property {string} [canonical] Path of the canonical address; by default, the current path.
 * @property {string} [image] Path of the picture for link previews.
 * @property {boolean} [hidden] Whether to exclude the page from search engines.
 * @property {{amount: string, currency: string}} [price] A product's, in major units.
 * @property {object} [data] JSON-LD of a product.
 */
/**
 * @typedef {object} Route
 * @property {RegExp} path Matches a path; its named groups are the view's parameters.
 * @property {() => Promise<{show: (visit: Visit) => unknown}>} view Loads the module of the view.
 */

/** One visit of an address. Once it has ended, it cannot change the page any more. */
export class Visit {
  #main;
  #controller;
  /**
   * Asks whether to leave; set by a view while leaving would lose changes.
   *
   * @type {(() => Promise<boolean>) | null}
   */
  mayLeave = null;

  /**
   * Called when the visit first shows something with a head, so with its final heading.
   *
   * @type {(() => void) | undefined}
   */
  onShown;

  /**
   * @param {HTMLElement} main
   * @param {URL} url
   * @param {Record<string, string>} parameters
   * @param {AbortController} controller Aborted when the visit ends.
   * @param {boolean} isReturn Whether the customer used Back or Forward, or reloaded the page.
   */
  constructor(main, url, parameters, controller, isReturn) {
    this.#main = main;
    this.#controller = controller;
    this.path = url.pathname;
    this.query = url.searchParams;
    this.parameters = parameters;
    this.isReturn = isReturn;
    /** Whether the network was connected when the visit began. */
    this.beganOnline = navigator.onLine;
  }

  /** Aborted when the customer leaves; pass it to every request and subscription. */
  get signal() {
    return this.#controller.signal;
  }

  /** Whether the visit has ended. */
  get isOver() {
    return this.signal.aborted;
  }

  /**
   * Show the view, unless the customer has left.
   *
   * @param {Template | typeof nothing} template
   * @param {Head} [head] Given as soon as it is known.
   */
  render(template, head) {
    if (this.isOver) return;
    render(template, this.#main);
    if (!head) return;
    setHead(head, this.path);
    this.onShown?.();
    this.onShown = undefined;
  }
}

/**
 * @param {string} selector
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {string | undefined} value Of the last attribute; the element is removed if there is none.
 */
function setElement(selector, tag, attributes, value) {
  const found = document.head.querySelector(selector);
  if (value === undefined) {
    found?.remove();
    return;
  }
  const element = found ?? document.head.appendChild(document.createElement(tag));
  for (const [name, content] of Object.entries(attributes)) element.setAttribute(name, content);
}

/**
 * @param {Head} head
 * @param {string} path
 */
function setHead({ title, description = shop.description, canonical, image, hidden, price, data }, path) {
  document.title = title === shop.name ? title : `${title} · ${shop.name}`;
  const address = location.origin + (canonical ?? path);
  /** @type {[string, string | undefined][]} */
  const properties = [
    ["og:title", title], ["og:description", description], ["og:url", address],
    ["og:image", image && new URL(image, location.origin).href], ["og:site_name", shop.name],
    ["og:type", data ? "product" : "website"],
    ["product:price:amount", price?.amount], ["product:price:currency", price?.currency],
  ];
  for (const [property, content] of properties) {
    setElement(`meta[property="${property}"]`, "meta", { property, content: content ?? "" }, content);
  }
  setElement("meta[name=description]", "meta", { name: "description", content: description ?? "" }, description);
  setElement("meta[name=robots]", "meta", { name: "robots", content: "noindex" }, hidden ? "" : undefined);
  setElement("link[rel=canonical]", "link", { rel: "canonical", href: address }, hidden ? undefined : "");
  const card = { name: "twitter:card", content: image ? "summary_large_image" : "summary" };
  setElement("meta[name='twitter:card']", "meta", card, data ? "" : undefined);
  const type = "application/ld+json";
  document.head.querySelector(`script[type='${type}']`)?.remove();
  if (data) document.head.append(Object.assign(document.createElement("script"), { type, textContent: JSON.stringify(data) }));
}

/** @type {Route[]} */
let routes = [];
/** @type {AbortController | null} */
let current = null;
/** @type {Visit | null} */
let currentVisit = null;
let isAsking = false;
/** @type {(visit: Visit) => void} */
let notFound = () => {};
/** @type {(visit: Visit, error: unknown) => void} */
let failed = () => {};
/** The dialog that Back closes; while it is open, the history has another entry of the same address. @type {HTMLDialogElement | null} */
let dialog = null;
/** Whether the entry of a dialog that was closed is being left. */
let isReturning = false;
/** @type {(() => void) | null} What to do after that. */
let afterReturn = null;
let shownPath = "";
let shownSearch = "";

/**
 * @param {string} path
 * @returns {[Route, Record<string, string>] | null}
 */
function find(path) {
  for (const route of routes) {
    const match = route.path.exec(path);
    if (!match) continue;
    try {
      const groups = Object.entries(match.groups ?? {}).filter(([, value]) => value !== undefined);
      return [route, Object.fromEntries(groups.map(([name, value]) => [name, decodeURIComponent(value)]))];
    } catch {
      return null; // malformed escape
    }
  }
  return null;
}

/** @param {number} y */
function scrollWhenTall(y) {
  if (!y) {
    scrollTo(0, 0);
    return;
  }
  // Do not scroll after the customer has left the view.
  const signal = current?.signal;
  const until = Date.now() + 2000;
  const attempt = () => {
    if (signal?.aborted) return;
    if (document.documentElement.scrollHeight - innerHeight >= y || Date.now() > until) scrollTo(0, y);
    else requestAnimationFrame(attempt);
  };
  attempt();
}

/** @param {boolean} isReturn */
async function showAddress(isReturn) {
  const main = /** @type {HTMLElement} */ (document.getElementById("main"));
  current?.abort();
  const controller = current = new AbortController();
  const url = new URL(location.href);
  const found = find(url.pathname);
  const visit = currentVisit = new Visit(main, url, found?.[1] ?? {}, controller, isReturn);
  const isFirst = shownPath === "";
  const isOther = shownPath !== url.pathname;
  shownPath = url.pathname;
  shownSearch = url.search;
  dispatchEvent(new CustomEvent("visit", { detail: visit }));
  if (isOther && !isFirst) {
    const focused = document.activeElement;
    visit.onShown = () => {
      // unless the customer has moved on while the view was loading
      if ([focused, document.body].includes(document.activeElement)) focusHeading(main);
    };
  }
  try {
    if (found) {
      const { show } = await found[0].view();
      if (visit.isOver) return;
      const shown = Promise.resolve(show(visit));
      if (isReturn) scrollWhenTall(history.state?.y ?? 0);
      else if (isOther) scrollTo(0, 0);
      await shown;
    } else {
      notFound(visit);
    }
  } catch (error) {
    if (!visit.isOver) failed(visit, error);
  }
}

/**
 * Move the focus of screen readers and the keyboard to the heading of a view.
 *
 * @param {HTMLElement} main
 */
function focusHeading(main) {
  const heading = main.querySelector("h1");
  if (heading) heading.tabIndex = -1;
  (heading ?? main).focus({ preventScroll: true });
}

/** Store the scroll position for Back. */
function rememberScroll() {
  history.replaceState({ ...history.state, y: scrollY }, "");
}

/**
 * Leave if the visit permits it; only one question is open at a time.
 *
 * @param {() => void} leave
 */
async function askAndLeave(leave) {
  const visit = currentVisit;
  if (isAsking || !visit?.mayLeave) return;
  isAsking = true;
  const may = await visit.mayLeave().finally(() => { isAsking = false; });
  if (!may || visit.isOver) return;
  visit.mayLeave = null;
  leave();
}

function pushDialog() {
  if (!history.state?.isDialog) history.pushState({ ...history.state, isDialog: true }, "");
}

/** Leave the history's entry of a dialog. */
function leaveDialog() {
  isReturning = true;
  history.back();
}

const isOpen = () => dialog?.open && dialog.isConnected;

/**
 * Open a dialog that Back closes, like any other way to close it.
 *
 * @param {HTMLDialogElement} element
 */
export function openDialog(element) {
  element.showModal();
  dialog = element;
  element.addEventListener("close", () => {
    if (!isOpen() && !isReturning && history.state?.isDialog) leaveDialog();
  }, { once: true });
  if (isReturning) return; // from an earlier dialog
  rememberScroll();
  pushDialog();
}

/** @returns {boolean} Whether the history is at an entry to be shown, after Back or Forward. */
function settleDialog() {
  if (isReturning) {
    isReturning = false;
    if (isOpen()) pushDialog();
    const next = afterReturn;
    afterReturn = null;
    next?.();
    return !next;
  }
  if (!history.state?.isDialog) {
    if (isOpen()) dialog?.close();
  } else if (!isOpen()) {
    leaveDialog(); // a dialog is not opened again
    return false;
  }
  return true;
}

/**
 * Go to another address of the shop.
 *
 * @param {string} address
 * @param {{replace?: boolean}} [options] Whether to replace the current address in the history.
 */
export function go(address, { replace = false } = {}) {
  if (isReturning) {
    afterReturn = () => go(address, { replace });
    return;
  }
  if (currentVisit?.mayLeave) {
    askAndLeave(() => go(address, { replace }));
    return;
  }
  rememberScroll();
  const isOther = new URL(address, location.href).href !== location.href;
  // the new address takes the entry of a dialog
  if (replace || (isOther && history.state?.isDialog)) history.replaceState({}, "", address);
  else if (isOther) history.pushState({}, "", address);
  showAddress(false);
  if (isOpen()) pushDialog();
}

/**
 * Change the query string of the address without another visit.
 *
 * @param {string} query With its question mark, or empty.
 */
export function setQuery(query) {
  history.replaceState(history.state, "", location.pathname + query);
  shownSearch = location.search;
}

/**
 * Replace the path with the canonical one, without another visit.
 *
 * @param {string} path
 */
export function setPath(path) {
  history.replaceState(history.state, "", path + location.search + location.hash);
  shownPath = location.pathname;
}

/** Show the current address again. */
export const reload = () => showAddress(true);

/** @param {MouseEvent} event */
function onClick(event) {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = /** @type {Element} */ (event.target).closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
  if (!find(link.pathname)) return; // not an address of the page, such as `/docs/`
  event.preventDefault();
  go(link.pathname + link.search + link.hash);
}

/**
 * Show the current address, and then each address that the customer goes to.
 *
 * @param {object} options
 * @param {Route[]} options.routes
 * @param {(visit: Visit) => void} options.notFound Shows that an address does not exist.
 * @param {(visit: Visit, error: unknown) => void} options.failed Shows an error that a view has not handled.
 */
export function start(options) {
  ({ routes, notFound, failed } = options);
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => {
    if (!settleDialog()) return;
    // a link within the page, such as "Skip to the content", does not change the view
    if (location.pathname === shownPath && location.search === shownSearch) return;
    if (currentVisit?.mayLeave) {
      history.pushState({}, "", shownPath + shownSearch); // stay until the customer has decided
      askAndLeave(() => history.back());
    } else showAddress(true);
  });
  addEventListener("pagehide", rememberScroll);
  addEventListener("scrollend", rememberScroll);
  document.addEventListener("click", onClick);
  if (history.state?.isDialog) leaveDialog(); // the page was reloaded
  showAddress(true);
}
