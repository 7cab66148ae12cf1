// Places orders. An attempt is stored before it is sent and keeps its idempotency key until an order is
// placed, so that a repeated attempt cannot place a second order after its response was lost.

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
 * @property {Body | null} body The body that was sent, while its outcome is unknown.
 * @property {Item[]} items Names and quantities, to show the order.
 * @property {DraftLine[]} lost Lines of an earlier attempt with an unknown outcome, which this one replaces.
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

/** The last attempt of the signed-in customer; `null` once it has placed an order. */
export function attempt() {
  const { value } = stored;
  return isOwn(value?.email) ? value : null;
}

/**
 * The attempt whose outcome is unknown, if there is one.
 *
 * @returns {(Attempt & {body: Body}) | null}
 */
export function pending() {
  const last = attempt();
  return last?.body ? { ...last, body: last.body } : null;
}

/** The order that this tab placed last, until its view has shown the thanks. @type {Order | null} */
let justPlaced = null;
session.subscribe((value) => {
  if (!value) justPlaced = null;
});

/**
 * Return the order if this tab has just placed it; only the first call does.
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

/** Thrown if an earlier attempt did place an order. */
export class PlacedBefore extends Error {}

/** @param {Problem} problem */
const isLost = ({ status }) => status === 0 || status === 408 || status >= 500;

/**
 * Send an attempt; only one tab sends at a time. Leaving the view does not abort it, because the order
 * could be placed without emptying the basket.
 *
 * @param {string | null} shownKey The key of the attempt that the page shows.
 * @param {() => {body: Body, items: Item[]}} make Returns the order; called when this tab may send.
 * @returns {Promise<Order>}
 * @throws {Problem | OrderedElsewhere | PlacedBefore}
 */
export async function place(shownKey, make) {
  return await navigator.locks.request("toyshop.order", async () => {
    const email = session.value?.email;
    if (!email) throw new Problem({ status: 401, type: "unauthorized" });
    const last = attempt();
    if ((last?.key ?? null) !== shownKey) throw new OrderedElsewhere();
    const { body, items } = make();
    const key = shownKey ?? crypto.randomUUID();
    const lost = last?.lost ?? [];
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
      // 401 and 429 are returned before the key is looked up, so an earlier request's outcome stays unknown.
      const isOpen = last?.body ? error.outcomeUnknown : isLost(error);
      // Nothing was placed: the next attempt may have another body with the same key.
      if (!isOpen) settle(key, { key, email, body: null, items: [], lost });
      throw error;
    }
    if (stored.value?.key === key) {
      settle(key, null);
      removeOrdered(body.lines);
      justPlaced = order;
    }
    return order;
  });
}

/**
 * @param {string} key
 * @param {Attempt | null} value
 */
function settle(key, value) {
  if (stored.value?.key === key) stored.value = value; // not signed out in the meantime
}

/** Allow another order although the outcome of the last attempt is unknown. */
export function abandon() {
  const last = attempt();
  // The key is kept: if the attempt did place an order, no second one can be placed.
  if (last) stored.value = { ...last, body: null, items: [], lost: last.body?.lines ?? last.lost };
}
