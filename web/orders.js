// My orders: their lines, payment status and receipt, paying again, and cancellation.

import { $, announce, el, money, toast } from "./dom.js";
import { Problem, call, download, query, session } from "./api.js";

const STATUS = {
  pending: "Payment pending",
  succeeded: "Paid",
  declined: "Card declined. You haven’t been charged.",
  action_required: "Your bank needs you to confirm the payment",
  refunded: "Refunded",
  cancelled: "Cancelled. You haven’t been charged.",
  unknown: "Checking your payment",
};
const POLL_DELAYS = [500, 1000, 1000, 2000, 2000, 3000, 5000]; // ms; the last one repeats
const MAX_POLLS = 30;

let cursor = null;
let visit = 0; // polling of an earlier visit stops when this number changes

/** Describe a payment's status to the customer. */
function statusText({ status, decline_code }) {
  if (status !== "declined" || !decline_code) return STATUS[status];
  return `Card declined (${decline_code.replaceAll("_", " ")}). You haven’t been charged.`;
}

/** Describe a partial refund and a dispute to the customer, if there are any. */
function reversalText({ status, refunded_amount, disputed }) {
  const texts = [];
  if (status === "succeeded" && refunded_amount?.amount) texts.push(`We’ve refunded ${money(refunded_amount)}.`);
  if (disputed) texts.push("Your bank disputes this payment.");
  return texts.join(" ");
}

/** Whether the order is still changing: its payment, refund or receipt is being processed. */
function isInProgress({ status, payment, receipt }) {
  if (["pending", "unknown"].includes(payment.status)) return true;
  if (status === "cancelled") return ["succeeded", "action_required"].includes(payment.status);
  return payment.status === "succeeded" && !receipt;
}

async function saveReceipt(order, button) {
  button.disabled = true;
  try {
    const pdf = await download(`/orders/${encodeURIComponent(order.id)}/receipt`);
    const link = el("a", { href: URL.createObjectURL(pdf), download: `receipt-${order.id}.pdf` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (problem) {
    toast(problem.status === 404 ? "Your receipt isn’t ready yet. Please try again in a moment." : problem.message);
  } finally {
    button.disabled = false;
  }
}

async function cancel(order, button) {
  if (!confirm("Cancel this order? Any charge will be refunded.")) return;
  button.disabled = true;
  try {
    const changed = await call("POST", `/orders/${encodeURIComponent(order.id)}/cancellation`);
    redraw(changed);
    poll(changed);
    toast("Order cancelled.");
  } catch (problem) {
    button.disabled = false;
    toast(problem.message);
  }
}

// Of each order that is paid again, the request whose outcome is not known.
const retries = new Map();

async function payAgain(order, paymentMethod, button) {
  button.disabled = true;
  const known = retries.get(order.id);
  // Sent again with the same key, so that the card is charged only once.
  const retry = known?.paymentMethod === paymentMethod ? known : { paymentMethod, key: crypto.randomUUID() };
  retries.set(order.id, retry);
  try {
    const changed = await call("POST", `/orders/${encodeURIComponent(order.id)}/payment`, {
      body: { payment_method: paymentMethod }, headers: { "Idempotency-Key": retry.key },
    });
    retries.delete(order.id);
    redraw(changed);
    poll(changed);
  } catch (problem) {
    if (problem instanceof Problem && !problem.outcomeUnknown) retries.delete(order.id);
    button.disabled = false;
    toast(problem.message);
  }
}

/** Whether another payment method may be used for the order. */
function isPayable({ status, payment }) {
  return status === "placed" && ["declined", "action_required"].includes(payment.status);
}

function paymentForm(order) {
  const methods = document.querySelector("#checkout select[name=payment_method]").cloneNode(true);
  const button = el("button", { type: "submit" }, "Pay");
  const submit = (event) => {
    event.preventDefault();
    payAgain(order, methods.value, button);
  };
  return el("form", { className: "pay-again", onsubmit: submit },
    el("label", {}, "Pay with another card", methods), button);
}

// How customers confirm payments: with a simulated bank's page, or with Stripe.js.
let settings = { bank_page: "", stripe_publishable_key: "" };

async function loadSettings() {
  try {
    settings = await (await fetch("/settings.json")).json();
  } catch {
    // the orders are shown without the button
  }
}

/** Whether the customer can confirm the payment here. */
function isConfirmable({ status, payment }) {
  return status === "placed" && Boolean(payment.action)
    && Boolean(settings.bank_page || settings.stripe_publishable_key);
}

/** Load Stripe.js, which Stripe requires to come from its own server. */
function loadStripe() {
  return new Promise((done, failed) => {
    if (window.Stripe) done();
    else document.head.append(el("script", { src: "https://js.stripe.com/v3/", onload: done, onerror: failed }));
  });
}

/** Let the customer confirm the payment; the shop learns the result from the gateway. */
async function confirmPayment(order, button) {
  const secret = order.payment.action.client_secret;
  if (settings.bank_page) {
    open(`${settings.bank_page}${encodeURIComponent(secret)}`, "_blank", "noopener");
  } else {
    button.disabled = true;
    try {
      await loadStripe();
      await window.Stripe(settings.stripe_publishable_key).handleNextAction({ clientSecret: secret });
    } catch {
      toast("Your bank’s page couldn’t be opened. Please try again.");
    }
    button.disabled = false;
  }
  poll(order, true);
}

function panel(order) {
  const { payment } = order;
  const placed = new Date(order.placed_at).toLocaleString("en-AU", { dateStyle: "long", timeStyle: "short" });
  const button = (text, className, action) => {
    const made = el("button", { type: "button", className, onclick: () => action(order, made) }, text);
    return made;
  };
  return el("li", { className: "panel", id: order.id },
    el("div", { className: "order-top" },
      el("h2", {}, placed),
      el("span", { className: "pill", "data-status": payment.status }, statusText(payment))),
    el("p", { className: "order-id" }, order.id, order.status === "cancelled" ? " · cancelled" : ""),
    el("ul", { className: "order-lines" }, ...order.lines.map((line) => (
      el("li", {}, `${line.quantity} × ${line.name}, ${money(line.line_total)}`)))),
    reversalText(payment) ? el("p", { className: "order-reversals" }, reversalText(payment)) : null,
    el("div", { className: "order-end" },
      el("strong", {}, `Total ${money(order.total)}`),
      isConfirmable(order) ? button("Confirm payment", "", confirmPayment) : null,
      order.receipt ? button("Receipt (PDF)", "quiet", saveReceipt) : null,
      order.status === "placed" ? button("Cancel order", "quiet", cancel) : null),
    isPayable(order) ? paymentForm(order) : null);
}

function redraw(order) {
  const old = $(order.id);
  if (!old) return;
  const fresh = panel(order);
  const label = old.querySelector(".pill").textContent;
  const focused = [...old.querySelectorAll("button")].indexOf(document.activeElement);
  old.replaceWith(fresh);
  if (focused >= 0) fresh.querySelectorAll("button")[focused]?.focus();
  const now = fresh.querySelector(".pill").textContent;
  if (now !== label) announce(`Your order of ${fresh.querySelector("h2").textContent}: ${now}`);
}

/** Poll the order, less and less often, until it is no longer in progress, or it has changed. */
async function poll(order, untilChanged = false) {
  const thisVisit = visit;
  let latest = order;
  for (let attempt = 0; attempt < MAX_POLLS && (isInProgress(latest) || (untilChanged && latest === order)); attempt += 1) {
    await new Promise((wake) => { setTimeout(wake, POLL_DELAYS[Math.min(attempt, POLL_DELAYS.length - 1)]); });
    if (thisVisit !== visit) return;
    try {
      const answer = await call("GET", `/orders/${encodeURIComponent(order.id)}`);
      if (thisVisit !== visit) return;
      if (JSON.stringify(answer) === JSON.stringify(latest)) continue;
      redraw(answer);
      latest = answer;
    } catch (problem) {
      if (problem.status === 401 || problem.status === 404) return;
    }
  }
}

async function load(after) {
  const thisVisit = visit;
  $("more-orders").disabled = true;
  if (!after) $("orders-status").textContent = "Loading your orders…";
  try {
    const page = await call("GET", `/orders${query({ limit: 10, cursor: after })}`);
    if (thisVisit !== visit) return;
    cursor = page.next_cursor;
    $("orders").append(...page.items.map(panel));
    $("more-orders").hidden = cursor === null;
    if (!after) $("orders-status").textContent = page.items.length ? "" : "You haven’t placed an order yet.";
    page.items.filter(isInProgress).forEach(poll);
  } catch (problem) {
    $("orders-status").textContent = problem.message;
  }
  $("more-orders").disabled = false;
}

/** Show the customer's orders; `go` changes the address. */
export async function show(parameters, go) {
  visit += 1;
  if (!session.current) {
    go("#/account?next=orders");
    return;
  }
  $("orders").replaceChildren();
  $("more-orders").hidden = true;
  const thisVisit = visit;
  await loadSettings();
  if (thisVisit !== visit) return;
  await load(null);
  const placed = $(parameters.get("placed") ?? "");
  if (placed) {
    $("orders-status").textContent = "Thank you! We’ve received your order.";
    placed.scrollIntoView({ block: "nearest" });
  }
}

/** Stop polling when another view is shown. */
export function leave() {
  visit += 1;
}

/** Connect the button that loads older orders. */
export function start() {
  $("more-orders").addEventListener("click", () => load(cursor));
}
