// Checkout: what is ordered is what the page shows. An order keeps its idempotency key until it is
// placed, so that no attempt whose response was lost can place a second one.

import { $, el, money, toast } from "./dom.js";
import { call, Problem, session } from "./api.js";
import { clearProblem, onSubmit } from "./forms.js";
import * as address from "./address.js";
import * as cart from "./cart.js";

const PENDING = "toyshop.pending-order";

let shownKey = null; // the key of the order whose outcome this tab shows as unknown

/** Return this customer's last attempt that has not placed an order as far as we know. */
function attempt() {
  const stored = JSON.parse(localStorage.getItem(PENDING) ?? "null");
  return stored?.email === session.current?.email ? stored : null;
}

/** Return this customer's order whose outcome is not known yet, if there is one. */
function pending() {
  const last = attempt();
  return last?.body ? last : null;
}

function store(order) {
  localStorage.setItem(PENDING, JSON.stringify(order));
}

/** Return the order that the page shows. */
function draft({ payment_method, ...shipping_address }) {
  const { lines, total, texts } = cart.shownOrder();
  return {
    key: attempt()?.key ?? crypto.randomUUID(),
    email: session.current.email,
    body: { lines, shipping_address, payment_method, expected_total: total },
    texts,
  };
}

function checkAgain(detail) {
  return new Problem({ status: 409, detail: `${detail} Please check it, then place your order again.` });
}

/** Return what to tell the customer about an order that was refused, and update the cart. */
async function refusal(problem, order, isFirst) {
  if (problem.type.endsWith("#price-changed")) {
    const { lines, total } = problem.members;
    cart.reprice(lines);
    return checkAgain(`The price has changed: your order now comes to ${money(total)}, `
      + `not ${money(order.body.expected_total)}. You haven’t been charged.`);
  }
  if (problem.status === 422 && !isFirst && !problem.errors.length) {
    localStorage.removeItem(PENDING); // its key has placed an order
    return new Problem({
      status: 409,
      detail: "An earlier attempt has placed your order after all. You’ll find it in My orders.",
    });
  }
  const ofLines = problem.errors.filter(({ pointer }) => pointer.startsWith("/lines"));
  if (!ofLines.length) return problem;
  await cart.show();
  if (ofLines.some(({ pointer }) => pointer.endsWith("/toy_id"))) {
    return checkAgain("A toy in your cart isn’t available any more.");
  }
  return new Problem({ status: 422, detail: ofLines.map(({ detail }) => `${detail}.`).join(" ") });
}

/** Show the checkout form, or ask the customer to sign in. */
export function show() {
  const signedIn = session.current !== null;
  if (signedIn) address.load();
  // what was said before signing in again is settled
  if (signedIn && $("checkout").hidden) clearProblem($("checkout"));
  $("checkout").hidden = !signedIn;
  $("checkout-sign-in").hidden = signedIn;
  // The order can only be sent again unchanged: another body under its key would be refused.
  const waiting = signedIn ? pending() : null;
  const outcomeUnknown = waiting !== null;
  shownKey = waiting?.key ?? null;
  if (outcomeUnknown) {
    $("pending-lines").replaceChildren(...(waiting.texts ?? []).map((text) => el("li", {}, text)));
    const total = waiting.body.expected_total;
    $("pending-total").textContent = total ? money(total) : "";
  }
  $("checkout-fields").disabled = outcomeUnknown;
  $("outcome-unknown").hidden = !outcomeUnknown;
  $("place-order").textContent = outcomeUnknown ? "Try again" : "Place order";
}

/** React to an order that another tab has sent. */
export function changedElsewhere() {
  if ((pending()?.key ?? null) !== shownKey) show();
}

/** Connect the form; `go` changes the address. */
export function start(go) {
  address.start();
  onSubmit($("checkout"), async (fields) => {
    const waiting = pending();
    if ((waiting?.key ?? null) !== shownKey) {
      show();
      throw new Problem({
        status: 409,
        detail: "You’ve ordered in another tab. Please look at My orders before you continue.",
      });
    }
    if (!waiting && (cart.sync() || cart.justChanged())) {
      throw checkAgain("Your cart has just changed.");
    }
    const isFirst = attempt() === null;
    const order = waiting ?? draft(fields);
    // Stored before it is sent, so that it survives a closed tab.
    store(order);
    try {
      const placed = await call("POST", "/orders", {
        body: order.body, headers: { "Idempotency-Key": order.key },
      });
      localStorage.removeItem(PENDING);
      cart.removeOrdered(order.body.lines);
      go(`#/orders?placed=${encodeURIComponent(placed.id)}`);
    } catch (problem) {
      if (problem.status === 401) toast(problem.message); // the form is hidden
      if (!(problem instanceof Problem) || problem.outcomeUnknown) throw problem;
      store({ key: order.key, email: order.email });
      throw await refusal(problem, order, isFirst);
    } finally {
      show();
    }
  });
  $("start-over").addEventListener("click", () => {
    localStorage.removeItem(PENDING);
    show();
  });
}
