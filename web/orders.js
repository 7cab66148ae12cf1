// My orders: their lines, payment status and receipt, paying again, and cancellation.

import { $, announce, el, money, moneyWithCurrency, toast } from "./dom.js";
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
// The gateway's reasons for a decline that customers can do something about.
const DECLINED = {
  expired_card: "Your card has expired.",
  incorrect_cvc: "The security code of your card is wrong.",
  incorrect_number: "The number of your card is wrong.",
  insufficient_funds: "There isn’t enough money on your card.",
  payment_intent_authentication_failure: "You didn’t confirm the payment with your bank.",
};
const POLL_DELAYS = [500, 1000, 1000, 2000, 2000, 3000, 5000]; // ms; the last one repeats
const MAX_POLLS = 30;
const SIGN_IN = "#/account?next=orders";

let cursor = null;
let visit = 0; // polling of an earlier visit stops when this number changes

/** Describe a payment's status to the customer. */
function statusText({ status, decline_code }) {
  const reason = DECLINED[decline_code];
  return status === "declined" && reason ? `${reason} You haven’t been charged.` : STATUS[status];
}

/** Describe a partial refund and a dispute to the customer, if there are any. */
function reversalText(order) {
  const { status, refunded_amount, dispute } = order.payment;
  const texts = [];
  if (status === "succeeded" && refunded_amount?.amount) texts.push(`We’ve refunded ${money(refunded_amount)}.`);
  if (dispute === "open") texts.push("Your bank disputes this payment.");
  if (dispute === "open" && order.status === "cancelled" && status === "succeeded") {
    texts.push("We’ll refund you if it isn’t decided in your favor.");
  }
  if (dispute === "lost") texts.push("The dispute was decided in your favor: your bank returns the money.");
  return texts.join(" ");
}

/** Whether the order is still changing: its payment, refund or receipt is being processed. */
function isInProgress({ status, payment, receipt }) {
  if (["pending", "unknown"].includes(payment.status)) return true;
  if (status === "cancelled") {
    return payment.status === "action_required" || (payment.status === "succeeded" && !payment.dispute);
  }
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
  if (button.ariaDisabled || !confirm("Cancel this order? Any charge will be refunded.")) return;
  // not `disabled`, which would take the focus away
  button.ariaDisabled = "true";
  try {
    const changed = await call("POST", `/orders/${encodeURIComponent(order.id)}/cancellation`);
    redraw(changed);
    poll(changed);
    toast("Order cancelled.");
  } catch (problem) {
    button.ariaDisabled = null;
    toast(problem.message);
    if (problem.status === 409) reload(order);
  }
}

// Of each order that is paid again, the request whose outcome is not known.
const retries = new Map();

async function payAgain(order, paymentMethod, button) {
  if (button.ariaDisabled) return;
  button.ariaDisabled = "true";
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
    button.ariaDisabled = null;
    toast(problem.message);
    if (problem.status === 409) reload(order);
  }
}

/** Show an order as it is now: it is not what the page has shown. */
async function reload({ id }) {
  const changed = await call("GET", `/orders/${encodeURIComponent(id)}`).catch(() => null);
  if (changed) {
    redraw(changed);
    poll(changed);
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
  return el("li", { className: "panel", id: order.id, tabIndex: -1 },
    el("div", { className: "order-top" },
      el("h2", {}, placed),
      el("span", { className: "pill", "data-status": payment.status }, statusText(payment))),
    el("p", { className: "order-id" }, order.id, order.status === "cancelled" ? " · cancelled" : ""),
    el("ul", { className: "order-lines" }, ...order.lines.map((line) => (
      el("li", {}, `${line.quantity} × ${line.name}, ${money(line.line_total)}`)))),
    reversalText(order) ? el("p", { className: "order-reversals" }, reversalText(order)) : null,
    el("div", { className: "order-end" },
      el("strong", {}, `Total ${moneyWithCurrency(order.total)}`),
      isConfirmable(order) ? button("Confirm payment", "", confirmPayment) : null,
      order.receipt ? button("Receipt (PDF)", "quiet", saveReceipt) : null,
      order.status === "placed" && payment.status !== "refunded"
        ? button("Cancel order", "quiet", cancel) : null),
    isPayable(order) ? paymentForm(order) : null);
}

function redraw(order) {
  const old = $(order.id);
  if (!old) return;
  const fresh = panel(order);
  const label = old.querySelector(".pill").textContent;
  const focused = [...old.querySelectorAll("button")].indexOf(document.activeElement);
  old.replaceWith(fresh);
  if (focused >= 0) (fresh.querySelectorAll("button")[focused] ?? fresh).focus();
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

/** Show what has changed since the customer looked at another tab, at the bank's for example. */
async function refresh() {
  if (document.hidden || $("view-orders").hidden || !session.current) return;
  const thisVisit = visit;
  const page = await call("GET", "/orders?limit=10").catch(() => null);
  if (page && thisVisit === visit) page.items.forEach(redraw);
}

async function load(after, go) {
  const thisVisit = visit;
  $("more-orders").disabled = true;
  if (!after) $("orders-status").textContent = "Loading your orders…";
  try {
    const page = await call("GET", `/orders${query({ limit: 10, cursor: after })}`);
    if (thisVisit !== visit) return;
    cursor = page.next_cursor;
    const panels = page.items.map(panel);
    $("orders").append(...panels);
    if (after) panels[0]?.focus();
    $("more-orders").hidden = cursor === null;
    if (!after) $("orders-status").textContent = page.items.length ? "" : "You haven’t placed an order yet.";
    page.items.filter(isInProgress).forEach(poll);
  } catch (problem) {
    $("orders-status").textContent = problem.message;
    if (problem.status === 401) {
      toast(problem.message);
      go(SIGN_IN, { replace: true });
    }
  }
  $("more-orders").disabled = false;
}

/** Show the customer's orders; `go` changes the address. */
export async function show(parameters, go) {
  visit += 1;
  if (!session.current) {
    go(SIGN_IN, { replace: true });
    return;
  }
  $("orders").replaceChildren();
  $("more-orders").hidden = true;
  const thisVisit = visit;
  await loadSettings();
  if (thisVisit !== visit) return;
  await load(null, go);
  const placed = $(parameters.get("placed") ?? "");
  if (placed) {
    $("orders-status").textContent = "Thank you! We’ve received your order.";
    placed.scrollIntoView({ block: "nearest" });
    // not once more when the page is loaded again
    history.replaceState(null, "", "#/orders");
  }
}

/** Stop polling when another view is shown. */
export function leave() {
  visit += 1;
}

/** Load older orders on request, and changes when the page is seen again. */
export function start(go) {
  $("more-orders").addEventListener("click", () => load(cursor, go));
  document.addEventListener("visibilitychange", refresh);
}
