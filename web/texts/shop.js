// What the page says while customers look around and fill their basket. Texts of the other views
// stand beside this file; another language replaces the folder.

import { money, plural } from "../lib/format.js";

/** @typedef {import("../lib/api.js").Money} Money */

export const shop = {
  name: "The Toy Shop",
  description: "Puzzles, plush, robots and rockets: toys worth keeping.",
  skip: "Skip to the content",
  home: "Home",
  search: "Search toys",
  searchPlaceholder: "Search for a robot, a kite, a bear…",
  searchButton: "Search",
  orders: "Orders",
  account: "Account",
  signIn: "Sign in",
  staff: "Staff",
  close: "Close",
  tryAgain: "Try again",
  undo: "Undo",
  footer: "The Toy Shop. This is a demo: no toys are sold and no cards are charged.",
  developers: "API for developers",
};

export const basketTexts = {
  title: "Your cart",
  /** @param {number} count */
  open: (count) => `Cart, ${plural(count, { one: "# toy", other: "# toys" })}`,
  empty: "Your cart is empty.",
  /** @param {string} name */
  added: (name) => `${name} added to your cart.`,
  /** @param {string} name */
  removed: (name) => `${name} removed from your cart.`,
  changedElsewhere: "Your cart was changed in another tab.",
  full: "Your cart is full. Order what is in it first.",
  subtotal: "Subtotal",
  checkout: "Check out",
};

export const toyTexts = {
  /** @param {string} name */
  add: (name) => `Add ${name} to your cart`,
  /** @param {number} years */
  age: (years) => (years === 0 ? "From birth" : `Ages ${years}+`),
  /** @param {Money} price */
  price: (price) => money(price),
  noPicture: "No picture yet",
};

/** What went wrong, for any request; a view that knows more says more. */
export const problems = {
  offline: "You seem to be offline. Check your connection and try again.",
  unavailable: "We can’t reach part of the shop right now. Please try again in a moment.",
  busy: "That was a lot at once. Please wait a moment and try again.",
  signedOut: "You’ve been signed out. Please sign in again.",
  forbidden: "Only our staff can do that.",
  notFound: "We couldn’t find that.",
  unexpected: "Something went wrong on our side. Please try again.",
  fields: "Please check the marked fields.",
  pageNotFound: "Page not found",
  pageNotFoundDetail: "We looked everywhere, even under the sofa. This page doesn’t exist.",
  goHome: "Back to the shop",
};

/** @type {Record<string, string>} By the last part of a problem's `type`. */
const BY_TYPE = {
  unauthorized: problems.signedOut,
  forbidden: problems.forbidden,
  "not-found": problems.notFound,
  "too-many-requests": problems.busy,
  unavailable: problems.unavailable,
  timeout: problems.unavailable,
  "request-timeout": problems.unavailable,
};

/**
 * Say what went wrong, in the shop's words.
 *
 * @param {unknown} error A `Problem`, or what else was thrown.
 * @param {Record<string, string>} [own] What a view says instead, by the last part of the problem's type.
 */
export function problemText(error, own = {}) {
  const { type = "", status = -1 } = /** @type {{type?: string, status?: number}} */ (error ?? {});
  if (own[type]) return own[type];
  if (BY_TYPE[type]) return BY_TYPE[type];
  if (status === 0) return navigator.onLine ? problems.unavailable : problems.offline;
  return [502, 503, 504].includes(status) ? problems.unavailable : problems.unexpected;
}
