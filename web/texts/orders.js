// Texts of orders and their payments.

import { money, moneyWithCurrency, number, plural } from "../lib/format.js";

/** @typedef {import("../lib/api.js").Money} Money */
/** @typedef {import("../lib/api.js").Order} Order */

export const orderTexts = {
  title: "Your orders",
  one: "Your order",
  /** @param {string} date */
  order: (date) => `Order placed ${date}`,
  signInFirst: "Sign in to see your orders.",
  signInForOrder: "Sign in to see this order.",
  none: "You haven’t placed an order yet.",
  browse: "Find a toy",
  more: "Load more orders",
  staff: "You’re viewing the orders of all customers.",
  staffTools: "Staff tools",
  /** @param {string} name @param {number} others */
  contents: (name, others) => (others ? `${name} and ${plural(others, { one: "# more toy", other: "# more toys" })}` : name),
  /** @param {number} quantity @param {string} name */
  line: (quantity, name) => `${number(quantity)} × ${name}`,

  thanks: "Thank you! We’ve received your order.",
  thanksHint: "We’ll email your receipt as soon as your payment goes through.",
  progress: "Progress",
  items: "Toys",
  /** @param {Money} price */
  each: (price) => `${money(price)} each`,
  total: "Total",
  delivery: "Delivery address",
  number: "Order number",
  stale: "We couldn’t update this order. It may be out of date.",

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
  cancelOf: (date) => `Cancel order placed ${date}`,
  cancelTitle: "Cancel this order?",
  cancelText: "If you’ve been charged, you’ll get a full refund.",
  keep: "Keep order",
  cancelled: "Order cancelled.",

  payAgainTitle: "Pay with another card",
  /** @param {Money} total */
  pay: (total) => `Pay ${moneyWithCurrency(total)}`,
  notPayable: "This order can no longer be paid.",
  confirm: "Confirm with your bank",
  confirmHint: "Your bank needs to check that it’s you. You won’t be charged until you confirm.",
  newTab: "(opens in a new tab)",
  bankFailed: "We couldn’t open your bank’s page. Please try again.",
};

/** Labels of an order's steps, by name and state. @type {Record<string, Record<string, string>>} */
const STEPS = {
  placed: { done: "Placed" },
  paid: { done: "Paid", current: "Payment", failed: "Not paid", waiting: "Payment" },
  receipt: { done: "Receipt", current: "Receipt", waiting: "Receipt" },
  cancelled: { done: "Cancelled" },
  refunded: { done: "Refunded", current: "Refund" },
};

/** @param {import("../lib/order_state.js").Step} step */
export const stepName = ({ name, state }) => STEPS[name]?.[state] ?? name;

/** A step's state, for screen readers. @type {Record<string, string>} */
export const stepStates = { done: "done", current: "in progress", waiting: "to come", failed: "failed" };

/** Decline codes that customers can act on. @type {Record<string, string>} */
const DECLINED = {
  expired_card: "Your card has expired.",
  incorrect_cvc: "Your card’s security code is wrong.",
  invalid_cvc: "Your card’s security code is wrong.",
  incorrect_number: "Your card number is wrong.",
  insufficient_funds: "Your card doesn’t have enough funds.",
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
 * Return an order's status in two or three words.
 *
 * @param {Order} order
 */
export function statusText({ status, payment }) {
  if (status === "placed") return STATUS[payment.status];
  return payment.status === "refunded" ? "Cancelled and refunded" : "Cancelled";
}

/**
 * Return the details of a step; empty if its label is enough.
 *
 * @param {import("../lib/order_state.js").Step} step
 * @param {Order} order
 */
export function stepText({ name, state }, { status, payment, total }) {
  if (name === "paid") {
    if (payment.status === "declined") return `${DECLINED[payment.decline_code ?? ""] ?? "Card declined."} You haven’t been charged.`;
    if (payment.status === "cancelled") return "You haven’t been charged.";
    if (payment.status === "action_required") return "Your bank needs you to confirm this payment.";
    if (payment.status === "unknown") return "We can’t check your payment right now. We’ll keep trying.";
    return state === "done" ? moneyWithCurrency(total) : "This takes a few seconds.";
  }
  if (name === "receipt") return state === "done" ? "We’ve emailed you a copy." : state === "current" ? "We’re preparing it." : "";
  if (name === "cancelled") return ["cancelled", "declined"].includes(payment.status) ? "You haven’t been charged." : "";
  if (name === "refunded") {
    if (state === "done") return payment.refunded_amount ? moneyWithCurrency(payment.refunded_amount) : "";
    if (payment.dispute === "open") return "There’s an open dispute with your bank. If the bank decides against you, we’ll refund you.";
    return status === "cancelled" ? "On its way to your card." : "";
  }
  return "";
}

/**
 * Return what to say about a dispute; empty if there is none, or the shop won it.
 *
 * @param {Order} order
 */
export function disputeText({ payment }) {
  if (payment.dispute === "open") return "There’s an open dispute with your bank about this payment.";
  return payment.dispute === "lost" ? "You won the dispute. Your bank is returning your money." : "";
}
