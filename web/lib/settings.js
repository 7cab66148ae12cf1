// The stage's settings of the page: how customers pay and confirm payments.

import { isObject, isText } from "./storage.js";

/** @typedef {{bankPage: string, stripeKey: string}} Settings A client secret is appended to `bankPage`. */

/** @type {Settings | null} */
let loaded = null;

/**
 * Load the settings, once.
 *
 * @param {AbortSignal} [signal]
 * @returns {Promise<Settings>}
 * @throws {Error} If they cannot be loaded.
 */
export async function settings(signal) {
  if (loaded) return loaded;
  const answer = await fetch("/settings.json", { signal });
  if (!answer.ok) throw new Error("no settings");
  const value = await answer.json();
  const { bank_page: page, stripe_publishable_key: key } = isObject(value) ? value : {};
  loaded = {
    bankPage: isText(page) && /^https?:/.test(page) ? page : "",
    stripeKey: isText(key) ? key : "",
  };
  return loaded;
}
