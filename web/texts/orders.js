// What the page says about orders and their payments.

import { money, moneyWithCurrency, number, plural } from "../lib/format.js";

/** @typedef {import("../lib/api.js").Money} Money */
/** @typedef {import("../lib/api.js").Order} Order */

export const orderTexts = {
  title: "Your orders",
  one: "Your order",
  /** @param {string} date */
  order: (date) => `Order of ${date}`,
  signInFirst: "Sign in to see your orders.",
  signInForOrder: "Sign in to see this order.",
  none: "You haven’t placed an order yet.",
  lookAround: "Find a toy",
  more: "Load more orders",
  staff: "You see the orders of all customers here.",
  staffTools: "Staff tools",
  /** @param {string} name @param {number} others */
  contents: (name, others) => (others ? `${name} and ${plural(others, { one: "# more toy", other: "# more toys" })}` : name),
  /** @param {number} quantity @param {string} name */
  line: (quantity, name) => `${number(quantity)} × ${name}`,

  thanks: "Thank you! We’ve received your order.",
  thanksHint: "We’ll email your receipt as soon as it’s paid.",
  progress: "Progress",
  items: "Toys",
  /** @param {Money} price */
  each: (price) => `${money(price)} each`,
  total: "Total",
  delivery: "Delivery address",
  number: "Order number",
  stale: "We can’t reach part of the shop right now. This is what we knew last.",

  receipt: "Receipt (PDF)",
  receiptNotReady: "Your receipt isn’t ready yet. Please try again in a moment.",
  /** @param {string} id */
  receiptFile: (id) => `receipt-${id}.pdf`,
  orderAgain: "Order again",
  /** @param {number} count */
  addedAgain: (count) => `${plural(count, { one: "# toy is", other: "# toys are" })} in your cart.`,
  /** @param {string} names */
  notAdded: (names) => `No longer available: ${names}.`,
  viewCart: "View cart",

  cancel: "Cancel order",
  /** @param {string} date */
  cancelOf: (date) => `Cancel order of ${date}`,
  cancelTitle: "Cancel this order?",
  cancelText: "If you’ve been charged, you’ll get all of it back.",
  keep: "Keep order",
  cancelled: "Order cancelled.",

  payAgainTitle: "Pay with another card",
  /** @param {Money} total */
  pay: (total) => `Pay ${moneyWithCurrency(total)}`,
  notPayable: "This order can’t be paid any more.",
  confirm: "Confirm with your bank",
  confirmHint: "Your bank wants to be sure that it’s you. Nothing is charged until you’ve confirmed.",
  newTab: "(opens in a new tab)",
  bankFailed: "Your bank’s page couldn’t be opened. Please try again.",
};

/** Names of the steps, by name and state. @type {Record<string, Record<string, string>>} */
const STEPS = {
  placed: { done: "Placed" },
  paid: { done: "Paid", current: "Payment", failed: "Not paid", waiting: "Payment" },
  receipt: { done: "Receipt", current: "Receipt", waiting: "Receipt" },
  cancelled: { done: "Cancelled" },
  refunded: { done: "Refunded", current: "Refund" },
};

/** @param {import("../lib/order_state.js").Step} step */
export const stepName = ({ name, state }) => STEPS[name]?.[state] ?? name;

/** How a step's state is read out. @type {Record<string, string>} */
export const stepStates = { done: "done", current: "in progress", waiting: "to come", failed: "failed" };

/** The gateway's reasons that customers can do something about. @type {Record<string, string>} */
const DECLINED = {
  expired_card: "Your card has expired.",
  incorrect_cvc: "The security code of your card is wrong.",
  invalid_cvc: "The security code of your card is wrong.",
  incorrect_number: "The number of your card is wrong.",
  insufficient_funds: "There isn’t enough money on your card.",
  payment_intent_authentication_failure: "You didn’t confirm the payment with your bank.",
};

/** @type {Record<Order["payment"]["status"], string>} */
const STATUS = {
  pending: "Checking your payment",
  unknown: "Checking your payment",
  succeeded: "Paid",
  declined: "Card declined",
  action_required: "Confirm with your bank",
  refunded: "Refunded",
  cancelled: "Cancelled",
};

/**
 * Describe in two or three words how far an order is.
 *
 * @param {Order} order
 */
export function statusText({ status, payment }) {
  if (status === "placed") return STATUS[payment.status];
  return payment.status === "refunded" ? "Cancelled and refunded" : "Cancelled";
}

/**
 * Say what a step means for the customer; empty if its name says it all.
 *
 * @param {import("../lib/order_state.js").Step} step
 * @param {Order} order
 */
export function stepText({ name, state }, { status, payment, total }) {
  if (name === "paid") {
    if (payment.status === "declined") return `${DECLINED[payment.decline_code ?? ""] ?? "Card declined."} You haven’t been charged.`;
    if (payment.status === "cancelled") return "You haven’t been charged.";
    if (payment.status === "action_required") return "Your bank needs you to confirm it.";
    if (payment.status === "unknown") return "We can’t see your payment right now. We keep looking.";
    return state === "done" ? moneyWithCurrency(total) : "This takes a few seconds.";
  }
  if (name === "receipt") return state === "done" ? "Also in your email." : state === "current" ? "We’re writing it." : "";
  if (name === "cancelled") return ["cancelled", "declined"].includes(payment.status) ? "You haven’t been charged." : "";
  if (name === "refunded") {
    if (state === "done") return payment.refunded_amount ? moneyWithCurrency(payment.refunded_amount) : "";
    if (payment.dispute === "open") return "Your bank disputes the payment. We’ll refund you if it isn’t decided in your favor.";
    return status === "cancelled" ? "On its way to your card." : "";
  }
  return "";
}

/**
 * Say what a bank's dispute means; empty if there is none to talk about.
 *
 * @param {Order} order
 */
export function disputeText({ payment }) {
  if (payment.dispute === "open") return "Your bank disputes this payment.";
  return payment.dispute === "lost" ? "The dispute was decided in your favor: your bank returns the money." : "";
}
