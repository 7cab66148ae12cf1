// Checkout: one key per order, kept until the shop has said what became of it.

import { $ } from "./dom.js";
import { call, Problem, session } from "./api.js";
import { onSubmit } from "./forms.js";
import * as cart from "./cart.js";

const PENDING = "toyshop.pending-order";

/** The order that was sent and not answered, if it is this customer's. */
function pending() {
  const kept = JSON.parse(localStorage.getItem(PENDING) ?? "null");
  return kept?.email === session.current?.email ? kept : null;
}

function drafted({ payment_method, ...shipping_address }) {
  const lines = cart.lines().map(({ toy, quantity }) => ({ toy_id: toy.id, quantity }));
  return { lines, shipping_address, payment_method };
}

export function show() {
  const signedIn = session.current !== null;
  $("checkout").hidden = !signedIn;
  $("checkout-sign-in").hidden = signedIn;
  // What was sent can only be sent again as it was: another body would not be the same order.
  const unanswered = signedIn && pending() !== null;
  $("checkout-fields").disabled = unanswered;
  $("unanswered").hidden = !unanswered;
  $("place-order").textContent = unanswered ? "Try again" : "Place order";
}

export function start(go) {
  onSubmit($("checkout"), async (fields) => {
    const order = pending() ?? {
      key: crypto.randomUUID(), email: session.current.email, body: drafted(fields),
    };
    // Kept before it is sent, so that a closed tab cannot forget it.
    localStorage.setItem(PENDING, JSON.stringify(order));
    try {
      const placed = await call("POST", "/orders", {
        body: order.body, headers: { "Idempotency-Key": order.key },
      });
      localStorage.removeItem(PENDING);
      cart.take(order.body.lines);
      go(`#/orders?placed=${encodeURIComponent(placed.id)}`);
    } catch (problem) {
      if (problem instanceof Problem && !problem.unanswered) localStorage.removeItem(PENDING);
      throw problem;
    } finally {
      show();
    }
  });
  $("start-over").addEventListener("click", () => {
    localStorage.removeItem(PENDING);
    show();
  });
}
