// The state of an order, and the actions that it permits.

/** @typedef {import("./api.js").Order} Order */
/** @typedef {"done" | "current" | "waiting" | "failed"} StepState */
/** @typedef {{name: "placed" | "paid" | "cancelled" | "receipt" | "refunded", state: StepState}} Step */

/**
 * Whether the order is still changing: its payment, refund or receipt is being processed.
 *
 * @param {Order} order
 */
export function isChanging({ status, payment, receipt }) {
  if (payment.status === "pending" || payment.status === "unknown") return true;
  if (status === "cancelled") {
    return payment.status === "action_required" || (payment.status === "succeeded" && !payment.dispute);
  }
  return payment.status === "succeeded" && !receipt;
}

/** @param {Order} order */
export const isPayable = ({ status, payment }) => status === "placed" && ["declined", "action_required"].includes(payment.status);

/** @param {Order} order */
export const isConfirmable = ({ status, payment }) => status === "placed" && payment.status === "action_required" && payment.action !== null;

/** @param {Order} order */
export const isCancellable = ({ status, payment }) => status === "placed" && payment.status !== "refunded";

/** Whether the customer has been charged, now or before a refund. @param {Order} order */
const wasPaid = ({ payment }) => ["succeeded", "refunded"].includes(payment.status);

/** @type {Record<Order["payment"]["status"], StepState>} */
const PAID = {
  pending: "current",
  unknown: "current",
  action_required: "current",
  declined: "failed",
  cancelled: "failed",
  succeeded: "done",
  refunded: "done",
};

/**
 * Return the past, current and future steps of an order.
 *
 * @param {Order} order
 * @returns {Step[]}
 */
export function steps(order) {
  const { status, payment, receipt } = order;
  const isCancelled = status === "cancelled";
  const refunded = payment.refunded_amount?.amount ?? 0;
  /** @type {Step[]} */
  const all = [{ name: "placed", state: "done" }];
  if (!isCancelled || wasPaid(order)) all.push({ name: "paid", state: PAID[payment.status] });
  if (receipt || (!isCancelled && payment.status !== "refunded")) {
    all.push({ name: "receipt", state: receipt ? "done" : payment.status === "succeeded" ? "current" : "waiting" });
  }
  if (isCancelled) all.push({ name: "cancelled", state: "done" });
  if (payment.status === "refunded" || refunded) all.push({ name: "refunded", state: "done" });
  else if (isCancelled && payment.status === "succeeded") all.push({ name: "refunded", state: "current" });
  return all;
}
