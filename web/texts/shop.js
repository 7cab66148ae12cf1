// Texts of browsing and the cart, and of errors in any view. A translation replaces this folder.

import { label, money, number, plural, roundMoney } from "../lib/format.js";

/** @typedef {import("../lib/api.js").Money} Money */

export const shop = {
  name: "The Toy Shop",
  description: "Puzzles, plush, robots and rockets: toys worth keeping.",
  home: "Home",
  orders: "Orders",
  account: "Account",
  signIn: "Sign in",
  staff: "Staff",
  close: "Close",
  tryAgain: "Try again",
  undo: "Undo",
};

export const basketTexts = {
  title: "Your cart",
  /** @param {number} count */
  open: (count) => `Cart, ${plural(count, { one: "# toy", other: "# toys" })}`,
  empty: "Your cart is empty.",
  emptyDetail: "When you add a toy, you’ll find it here.",
  browse: "Find a toy",
  keepShopping: "Keep shopping",
  justAdded: "Added to your cart",
  view: "View cart",
  /** @param {string} name */
  added: (name) => `${name} added to your cart.`,
  /** @param {string} name */
  removed: (name) => `${name} removed from your cart.`,
  remove: "Remove",
  /** @param {string} name */
  removeToy: (name) => `Remove ${name}`,
  /** @param {Money} price */
  each: (price) => `${money(price)} each`,
  /** @param {Money} before @param {Money} now */
  priceChanged: (before, now) => `Price changed from ${money(before)} to ${money(now)}`,
  gone: "No longer available",
  goneDetail: "We’ve removed these from your cart:",
  goneDone: "Got it",
  stale: "We couldn’t check the latest prices. You’ll see the final total before you pay.",
  changedElsewhere: "Your cart was changed in another tab.",
  full: "Your cart is full. Check out before you add more.",
  subtotal: "Subtotal",
  delivery: "Delivery included",
  checkout: "Check out",
};

/** Names of categories whose identifier does not give the name. @type {Map<string, string>} */
const CATEGORIES = new Map([["ride-ons", "Ride-ons"]]);

/** @param {string} id */
export const categoryName = (id) => CATEGORIES.get(id) ?? label(id);

export const toyTexts = {
  /** @param {string} name */
  add: (name) => `Add ${name} to your cart`,
  addToCart: "Add to cart",
  /** @param {number} years */
  age: (years) => (years === 0 ? "From birth" : `Ages ${years}+`),
  /** @param {number} years Without the word, beside `ageLabel`. */
  years: (years) => (years === 0 ? "From birth" : `${years}+`),
  /** @param {Money} price */
  price: (price) => money(price),
  noPicture: "No picture yet",
  loading: "Loading…",
  /** @param {string} name */
  quantity: (name) => `Quantity of ${name}`,
  /** @param {string} name */
  fewer: (name) => `Decrease quantity of ${name}`,
  /** @param {string} name */
  more: (name) => `Increase quantity of ${name}`,
  /** @param {number} least @param {number} most */
  quantityRule: (least, most) => `Enter a whole number ${least ? `from ${number(least)} to` : "up to"} ${number(most)}.`,
  breadcrumbs: "Breadcrumbs",
  pictures: "Pictures",
  /** @param {number} at @param {number} count */
  showPicture: (at, count) => `Show picture ${at} of ${count}`,
  zoom: "Zoom in",
  closeZoom: "Close picture",
  previousPicture: "Previous picture",
  nextPicture: "Next picture",
  facts: "Good to know",
  brand: "Brand",
  ageLabel: "Age",
  category: "Category",
  /** The promises of the product page. */
  promises: ["Delivery is included in the price.", "Changed your mind? Cancel for a full refund."],
  related: "You may also like",
  viewed: "Recently viewed",
};

export const listTexts = {
  all: "All toys",
  toys: "Toys",
  /** @param {string} q */
  resultsFor: (q) => `Results for “${q}”`,
  /** @param {string} q @param {string} category */
  resultsIn: (q, category) => `“${q}” in ${category}`,
  /** @param {number} total */
  total: (total) => plural(total, { one: "# toy", other: "# toys" }),
  loading: "Loading toys…",
  /** @param {string} category */
  description: (category) => `${category}: toys worth keeping from The Toy Shop.`,
  /** @param {number} shown @param {number} total */
  shown: (shown, total) => `${number(shown)} of ${plural(total, { one: "# toy", other: "# toys" })}`,
  more: "Load more toys",
  loadingMore: "Loading…",
  sort: "Sort by",
  sorts: { relevance: "Best match", newest: "Newest", price: "Price: low to high", "-price": "Price: high to low", name: "Name" },
  filters: "Filters",
  /** @param {number} count */
  filtersOn: (count) => (count ? `Filters (${number(count)})` : "Filters"),
  /** @param {number} total */
  showToys: (total) => plural(total, { one: "Show # toy", other: "Show # toys" }),
  active: "Active filters",
  /** @param {string} filter */
  removeFilter: (filter) => `Remove filter ${filter}`,
  clear: "Clear filters",
  seeAll: "See all toys",
  /** @param {string} q */
  none: (q) => (q ? `No toys match “${q}”.` : "No toys match these filters."),
  noneDetail: "Check the spelling, or try fewer words.",
  category: "Category",
  brand: "Brand",
  price: "Price",
  age: "Age",
  /** @param {number} years */
  suitsAge: (years) => (years === 0 ? "From birth" : plural(years, { one: "# year old", other: "# years old" })),
  /**
   * A range of prices in minor units, both ends included.
   *
   * @param {number | null} from @param {number | null} to @param {string} currency Empty if it is not known.
   */
  priceRange(from, to, currency) {
    if (!currency) return listTexts.price;
    const price = (/** @type {number} */ amount) => roundMoney({ amount, currency });
    if (to === null) return `${price(from ?? 0)} and over`;
    // the upper bound is inclusive: 1999 means "under $20"
    const isBelow = to % 10 === 9;
    const end = price(isBelow ? to + 1 : to);
    if (from) return `${price(from)} to ${end}`;
    return isBelow ? `Under ${end}` : `Up to ${end}`;
  },
  ownRange: "Custom range",
  priceFrom: "From",
  priceTo: "To",
  /** @param {string} currency */
  priceIn: (currency) => `Custom range, in ${currency}`,
  apply: "Apply",
  priceRule: "Enter prices such as 20 or 19.95.",
  priceOrder: "“From” can’t be higher than “To”.",
  /** @param {number} count */
  allBrands: (count) => `All ${number(count)} brands`,
  suggestions: "Suggestions",
  /** @param {number} count */
  suggested: (count) => plural(count, { one: "# suggestion", other: "# suggestions" }),
};

export const homeTexts = {
  title: "Toys worth keeping",
  lead: "Puzzles, plush, robots and rockets, made to last. Delivery included.",
  start: "See what’s new",
  categories: "Shop by category",
  newest: "New arrivals",
  seeAllNew: "See all new arrivals",
  ages: "Shop by age",
  years: "years",
  baby: "From birth",
  /** @param {number} count */
  toys: (count) => plural(count, { one: "# toy", other: "# toys" }),
  noToys: "There are no toys yet. Please come back soon.",
  pocketMoney: "Little treats",
};

/** Errors of any request; a view overrides those that it can explain better. */
export const problems = {
  offline: "You seem to be offline. Check your connection and try again.",
  unavailable: "Part of the shop isn’t available right now. Please try again in a moment.",
  busy: "Too many attempts. Please wait a moment and try again.",
  signedOut: "Your session has expired. Please sign in again.",
  forbidden: "Only our staff can do that.",
  notFound: "We couldn’t find that.",
  unexpected: "Something went wrong on our side. Please try again.",
  refused: "We couldn’t do that. Please reload the page and try again.",
  changed: "This has changed in the meantime. Please reload the page and try again.",
  priceChanged: "A price has changed. Please check the new total.",
  tooLarge: "This is too large. Please make it smaller and try again.",
  invalid: "Some of this isn’t right. Please check it and try again.",
  sentBefore: "We’ve already received this. Please check your orders before you try again.",
  fields: "Please check the marked fields.",
  toyGone: "This toy is no longer available.",
  pageNotFound: "Page not found",
  pageNotFoundDetail: "This page doesn’t exist. The link may be old or mistyped.",
  goHome: "Back to the shop",
};

/** @type {Record<string, string>} By the last part of a problem's `type`. */
const BY_TYPE = {
  // requests that only another version of the page sends
  "bad-request": problems.refused,
  "method-not-allowed": problems.refused,
  "unsupported-media-type": problems.refused,
  "precondition-required": problems.refused,
  conflict: problems.changed,
  "precondition-failed": problems.changed,
  "price-changed": problems.priceChanged,
  "too-large": problems.tooLarge,
  invalid: problems.invalid,
  "idempotency-key-reused": problems.sentBefore,
  "internal-error": problems.unexpected,
  unauthorized: problems.signedOut,
  forbidden: problems.forbidden,
  "not-found": problems.notFound,
  "too-many-requests": problems.busy,
  unavailable: problems.unavailable,
  timeout: problems.unavailable,
  "request-timeout": problems.unavailable,
};

/**
 * Return the shop's text for an error.
 *
 * @param {unknown} error A `Problem`, or any other value that was thrown.
 * @param {Record<string, string>} [own] The view's own texts, by the last part of the problem's type.
 */
export function problemText(error, own = {}) {
  const { type = "", status = -1 } = /** @type {{type?: string, status?: number}} */ (error ?? {});
  if (own[type]) return own[type];
  if (BY_TYPE[type]) return BY_TYPE[type];
  if (status === 0 || (status === -1 && !navigator.onLine)) return navigator.onLine ? problems.unavailable : problems.offline;
  if ([502, 503, 504].includes(status)) return problems.unavailable;
  return status >= 400 && status < 500 ? problems.refused : problems.unexpected;
}
