// My orders: what was bought, what became of the payment, the receipt, and calling it off.

import { $, announce, el, money, toast } from "./dom.js";
import { call, download, query, session } from "./api.js";

const STATUS = {
  pending: "Payment pending",
  succeeded: "Paid",
  declined: "Payment declined",
  action_required: "Your bank wants to hear from you",
  refunded: "Refunded",
  cancelled: "Cancelled, nothing charged",
  unknown: "Payment status not known yet",
};
const WAITS = [500, 1000, 1000, 2000, 2000, 3000, 5000]; // ms; the last one repeats
const ATTEMPTS = 30;

let cursor = null;
let visit = 0; // polls of an earlier visit stop when this has moved on

/** Whether the order will change by itself: a payment, a refund or a receipt is on its way. */
function settling({ status, payment, receipt }) {
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
    toast(problem.status === 404 ? "The receipt is not ready yet." : problem.message);
  } finally {
    button.disabled = false;
  }
}

async function cancel(order, button) {
  if (!confirm("Call this order off? What was charged is refunded.")) return;
  button.disabled = true;
  try {
    const changed = await call("POST", `/orders/${encodeURIComponent(order.id)}/cancellation`);
    redraw(changed);
    follow(changed);
    toast("The order is called off.");
  } catch (problem) {
    button.disabled = false;
    toast(problem.message);
  }
}

function panel(order) {
  const { payment } = order;
  const placed = new Date(order.placed_at).toLocaleString("en-AU", { dateStyle: "long", timeStyle: "short" });
  const why = payment.status === "declined" && payment.decline_code
    ? ` (${payment.decline_code.replaceAll("_", " ")})` : "";
  const button = (text, className, action) => {
    const made = el("button", { type: "button", className, onclick: () => action(order, made) }, text);
    return made;
  };
  return el("li", { className: "panel", id: order.id },
    el("div", { className: "order-top" },
      el("h2", {}, placed),
      el("span", { className: "pill", "data-status": payment.status }, STATUS[payment.status] + why)),
    el("p", { className: "order-id" }, order.id, order.status === "cancelled" ? " · cancelled" : ""),
    el("ul", { className: "order-lines" }, ...order.lines.map((line) => (
      el("li", {}, `${line.quantity} × ${line.name}, ${money(line.line_total)}`)))),
    el("div", { className: "order-end" },
      el("strong", {}, `Total ${money(order.total)}`),
      order.receipt ? button("Receipt (PDF)", "quiet", saveReceipt) : null,
      order.status === "placed" ? button("Cancel order", "quiet", cancel) : null));
}

function redraw(order) {
  const old = $(order.id);
  if (!old) return;
  const fresh = panel(order);
  const label = old.querySelector(".pill").textContent;
  const held = [...old.querySelectorAll("button")].indexOf(document.activeElement);
  old.replaceWith(fresh);
  if (held >= 0) fresh.querySelectorAll("button")[held]?.focus();
  const now = fresh.querySelector(".pill").textContent;
  if (now !== label) announce(`Order of ${fresh.querySelector("h2").textContent}: ${now}`);
}

/** Ask for the order until nothing more is expected of it, ever less often. */
async function follow(order) {
  const mine = visit;
  let latest = order;
  for (let attempt = 0; attempt < ATTEMPTS && settling(latest); attempt += 1) {
    await new Promise((wake) => { setTimeout(wake, WAITS[Math.min(attempt, WAITS.length - 1)]); });
    if (mine !== visit) return;
    try {
      const answer = await call("GET", `/orders/${encodeURIComponent(order.id)}`);
      if (mine !== visit) return;
      if (JSON.stringify(answer) !== JSON.stringify(latest)) redraw(answer);
      latest = answer;
    } catch (problem) {
      if (problem.status === 401 || problem.status === 404) return;
    }
  }
}

async function load(after) {
  const mine = visit;
  $("more-orders").disabled = true;
  if (!after) $("orders-status").textContent = "Fetching your orders…";
  try {
    const page = await call("GET", `/orders${query({ limit: 10, cursor: after })}`);
    if (mine !== visit) return;
    cursor = page.next_cursor;
    $("orders").append(...page.items.map(panel));
    $("more-orders").hidden = cursor === null;
    if (!after) $("orders-status").textContent = page.items.length ? "" : "You have not ordered anything yet.";
    page.items.filter(settling).forEach(follow);
  } catch (problem) {
    $("orders-status").textContent = problem.message;
  }
  $("more-orders").disabled = false;
}

export async function show(parameters, go) {
  visit += 1;
  if (!session.current) {
    go("#/account?next=orders");
    return;
  }
  $("orders").replaceChildren();
  $("more-orders").hidden = true;
  await load(null);
  const placed = $(parameters.get("placed") ?? "");
  if (placed) {
    $("orders-status").textContent = "Thank you! Your order is placed.";
    placed.scrollIntoView({ block: "nearest" });
  }
}

/** Stop following orders when the page shows something else. */
export function leave() {
  visit += 1;
}

export function start() {
  $("more-orders").addEventListener("click", () => load(cursor));
}
