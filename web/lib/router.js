// Shows the view that the address names. Links are ordinary links: their clicks are handled here, so
// that Back, reload, deep links and new tabs work as on any other site.

import { shop } from "../texts/shop.js";
import { nothing, render } from "../vendor/lit-html/lit-html.js";

/** @typedef {import("../vendor/lit-html/lit-html.js").TemplateResult} Template */
/**
 * What a page tells search engines, link previews and the browser's tab.
 *
 * @typedef {object} Head
 * @property {string} title Without the shop's name.
 * @property {string} [description] The shop’s by default.
 * @property {string} [canonical] Path of the page's only address; the path of this one by default.
 * @property {string} [image] Path of a picture for link previews.
 * @property {boolean} [hidden] Whether search engines should leave the page out.
 * @property {object} [data] JSON-LD.
 */
/**
 * @typedef {object} Route
 * @property {RegExp} path Matches a path; its named groups are the view's parameters.
 * @property {() => Promise<{show: (visit: Visit) => unknown}>} view Loads the module of the view.
 */


/** One visit of an address. Nothing that it does later reaches the page once another one has begun. */
export class Visit {
  #main;
  #controller;
  /**
   * Asks before the customer leaves; set by a view while something would be lost.
   *
   * @type {(() => Promise<boolean>) | null}
   */
  mayLeave = null;

  /**
   * Called when the visit first shows something.
   *
   * @type {(() => void) | undefined}
   */
  onShown;

  /**
   * @param {HTMLElement} main
   * @param {URL} url
   * @param {Record<string, string>} parameters
   * @param {AbortController} controller Aborted when the visit ends.
   * @param {boolean} isReturn Whether the customer came with Back or Forward, or reloaded the page.
   */
  constructor(main, url, parameters, controller, isReturn) {
    this.#main = main;
    this.#controller = controller;
    this.path = url.pathname;
    this.query = url.searchParams;
    this.parameters = parameters;
    this.isReturn = isReturn;
  }

  /** Aborted when the customer leaves; to be passed to every request and subscription. */
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
    if (head) setHead(head, this.path);
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
function setHead({ title, description = shop.description, canonical, image, hidden, data }, path) {
  document.title = title === shop.name ? title : `${title} · ${shop.name}`;
  const address = location.origin + (canonical ?? path);
  /** @type {[string, string | undefined][]} */
  const properties = [
    ["og:title", title], ["og:description", description], ["og:url", address],
    ["og:image", image && new URL(image, location.origin).href], ["og:site_name", shop.name],
    ["og:type", data ? "product" : "website"],
  ];
  for (const [property, content] of properties) {
    setElement(`meta[property="${property}"]`, "meta", { property, content: content ?? "" }, content);
  }
  setElement("meta[name=description]", "meta", { name: "description", content: description ?? "" }, description);
  setElement("meta[name=robots]", "meta", { name: "robots", content: "noindex" }, hidden ? "" : undefined);
  setElement("link[rel=canonical]", "link", { rel: "canonical", href: address }, hidden ? undefined : "");
  const script = document.head.querySelector("script[type='application/ld+json']");
  script?.remove();
  if (data) {
    const fresh = document.createElement("script");
    fresh.type = "application/ld+json";
    fresh.textContent = JSON.stringify(data);
    document.head.append(fresh);
  }
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
      return null; // a malformed escape names nothing
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
  // A view that was left must not be scrolled once its content has arrived.
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
  if (isOther && !isFirst) visit.onShown = () => focusHeading(main);
  dispatchEvent(new CustomEvent("visit", { detail: visit }));
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
 * Let screen readers and the keyboard go on from the heading of a view.
 *
 * @param {HTMLElement} main
 */
function focusHeading(main) {
  const heading = main.querySelector("h1");
  if (heading) heading.tabIndex = -1;
  (heading ?? main).focus({ preventScroll: true });
}

/** Remember how far the page is scrolled, for Back. */
function rememberScroll() {
  history.replaceState({ ...history.state, y: scrollY }, "");
}

/**
 * Ask the visit whether the customer may leave, and do so. It is asked once at a time.
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

/**
 * Go to another address of the shop.
 *
 * @param {string} address
 * @param {{replace?: boolean}} [options] Whether Back should skip the present address.
 */
export function go(address, { replace = false } = {}) {
  if (currentVisit?.mayLeave) {
    askAndLeave(() => go(address, { replace }));
    return;
  }
  rememberScroll();
  if (replace) history.replaceState({}, "", address);
  else if (new URL(address, location.href).href !== location.href) history.pushState({}, "", address);
  showAddress(false);
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
 * Replace the path of the address by the one it should have, without another visit.
 *
 * @param {string} path
 */
export function setPath(path) {
  history.replaceState(history.state, "", path + location.search + location.hash);
  shownPath = location.pathname;
}

/** Show the present address once more. */
export const reload = () => showAddress(true);

/** @param {MouseEvent} event */
function onClick(event) {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = /** @type {Element} */ (event.target).closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
  if (!find(link.pathname)) return; // not an address of this page: the API's documents, for example
  event.preventDefault();
  go(link.pathname + link.search + link.hash);
}

/**
 * Show the present address, and every one that the customer goes to.
 *
 * @param {object} options
 * @param {Route[]} options.routes
 * @param {(visit: Visit) => void} options.notFound Shows an address that does not exist.
 * @param {(visit: Visit, error: unknown) => void} options.failed Shows an error that a view has not handled.
 */
export function start(options) {
  ({ routes, notFound, failed } = options);
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => {
    // a link within the page, such as "Skip to the content", leads to no other view
    if (location.pathname === shownPath && location.search === shownSearch) return;
    if (currentVisit?.mayLeave) {
      history.pushState({}, "", shownPath + shownSearch); // stay until the customer has answered
      askAndLeave(() => history.back());
    } else showAddress(true);
  });
  addEventListener("pagehide", rememberScroll);
  addEventListener("scrollend", rememberScroll);
  document.addEventListener("click", onClick);
  showAddress(true);
}
