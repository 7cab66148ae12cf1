// Places orders. An attempt is stored before it is sent and keeps its idempotency key until it has
// placed an order, so that no attempt whose answer was lost can place a second one.

import { Problem, call, isOwn, session } from "./api.js";
import { removeOrdered } from "./basket.js";
import { parseAddress } from "./delivery.js";
import { Stored, isMoney, isObject, isText } from "./storage.js";

/** @typedef {import("./api.js").Money} Money */
/** @typedef {import("./api.js").Order} Order */
/** @typedef {import("./delivery.js").Address} Address */
/** @typedef {{toy_id: string, quantity: number}} DraftLine */
/** @typedef {{lines: DraftLine[], shipping_address: Address, payment_method: string, expected_total: Money}} Body */
/** @typedef {{name: string, quantity: number}} Item */
/**
 * @typedef {object} Attempt
 * @property {string} key The idempotency key.
 * @property {string} email The customer's.
 * @property {Body | null} body What was sent, while it is not known what became of it.
 * @property {Item[]} items What to call the lines.
 * @property {DraftLine[]} lost Lines of an earlier attempt that the customer has given up.
 */

/**
 * @param {unknown} value
 * @returns {DraftLine[]}
 */
const parseLines = (value) => (Array.isArray(value)
  ? value.filter((line) => isObject(line) && isText(line.toy_id) && Number.isInteger(line.quantity)) : []);

/**
 * @param {unknown} value
 * @returns {Body | null}
 */
function parseBody(value) {
  if (!isObject(value) || !isMoney(value.expected_total) || !isText(value.payment_method)) return null;
  const lines = parseLines(value.lines);
  const { payment_method, expected_total } = value;
  return lines.length ? { lines, shipping_address: parseAddress(value.shipping_address), payment_method, expected_total } : null;
}

/**
 * @param {unknown} value
 * @returns {Attempt | null}
 */
function parse(value) {
  if (!isObject(value) || !isText(value.key) || !isText(value.email) || !/^[\x21-\x7e]{1,255}$/.test(value.key)) return null;
  const items = Array.isArray(value.items) ? value.items.filter((one) => (
    isObject(one) && isText(one.name) && Number.isInteger(one.quantity))) : [];
  return { key: value.key, email: value.email, body: parseBody(value.body), items, lost: parseLines(value.lost) };
}

export const stored = new Stored("order", parse);

/** The last attempt of the customer who is signed in; `null` once it has placed an order. */
export function attempt() {
  const { value } = stored;
  return isOwn(value?.email) ? value : null;
}

/**
 * The attempt of which it is not known whether it has placed an order.
 *
 * @returns {(Attempt & {body: Body}) | null}
 */
export function pending() {
  const last = attempt();
  return last?.body ? { ...last, body: last.body } : null;
}

/** The order that this tab has placed last, until a view has thanked for it. @type {Order | null} */
let justPlaced = null;

/**
 * Return the order if this tab has just placed it, the first time it is asked.
 *
 * @param {string} id
 */
export function takePlaced(id) {
  const order = justPlaced;
  justPlaced = null;
  return order?.id === id ? order : null;
}

/** Thrown if the attempt to be sent is no longer the customer's last one. */
export class OrderedElsewhere extends Error {}

/** Thrown if an earlier attempt has placed an order after all. */
export class PlacedBefore extends Error {}

/** @param {Problem} problem */
const isLost = ({ status }) => status === 0 || status === 408 || status >= 500;

/**
 * Send an attempt, one at a time in all tabs. It is not given up when the customer leaves the view:
 * the order would be placed, and the basket would remain.
 *
 * @param {string | null} shownKey Of the attempt that the page shows.
 * @param {() => {body: Body, items: Item[]}} make Returns what to order, once it is this tab's turn.
 * @returns {Promise<Order>}
 * @throws {Problem | OrderedElsewhere | PlacedBefore}
 */
export async function place(shownKey, make) {
  return await navigator.locks.request("toyshop.order", async () => {
    const email = session.value?.email;
    if (!email) throw new Problem({ status: 401, type: "unauthorized" });
    if ((attempt()?.key ?? null) !== shownKey) throw new OrderedElsewhere();
    const { body, items } = make();
    const key = shownKey ?? crypto.randomUUID();
    const lost = attempt()?.lost ?? [];
    stored.value = { key, email, body, items, lost };
    let order;
    try {
      order = await call("POST", "/orders", { body, headers: { "Idempotency-Key": key } });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.type === "idempotency-key-reused") {
        settle(key, null);
        removeOrdered(lost);
        throw new PlacedBefore();
      }
      // Nothing has been placed: the next attempt may be another one, under the same key.
      if (!isLost(error)) settle(key, { key, email, body: null, items: [], lost });
      throw error;
    }
    if (stored.value?.key === key) {
      settle(key, null);
      removeOrdered(body.lines);
    }
    justPlaced = order;
    return order;
  });
}

/**
 * @param {string} key
 * @param {Attempt | null} value
 */
function settle(key, value) {
  if (stored.value?.key === key) stored.value = value; // the customer has not signed out meanwhile
}

/** Let the customer order something else, although the outcome of the last attempt is not known. */
export function giveUp() {
  const last = attempt();
  // The key stays: if the attempt has placed an order after all, it cannot be placed once more.
  if (last) stored.value = { ...last, body: null, items: [], lost: last.body?.lines ?? last.lost };
}
