// Checkout: an order keeps its idempotency key until its outcome is known.

import { $ } from "./dom.js";
import { call, Problem, session } from "./api.js";
import { onSubmit } from "./forms.js";
import * as address from "./address.js";
import * as cart from "./cart.js";

const PENDING = "toyshop.pending-order";

/** Return this customer's order whose outcome is not known yet, if there is one. */
function pending() {
  const stored = JSON.parse(localStorage.getItem(PENDING) ?? "null");
  return stored?.email === session.current?.email ? stored : null;
}

function draft({ payment_method, ...shipping_address }) {
  const lines = cart.lines().map(({ toy, quantity }) => ({ toy_id: toy.id, quantity }));
  return { lines, shipping_address, payment_method };
}

/** Show the checkout form, or ask the customer to sign in. */
export function show() {
  const signedIn = session.current !== null;
  if (signedIn) address.load();
  $("checkout").hidden = !signedIn;
  $("checkout-sign-in").hidden = signedIn;
  // The order can only be sent again unchanged: another body under its key would be refused.
  const outcomeUnknown = signedIn && pending() !== null;
  $("checkout-fields").disabled = outcomeUnknown;
  $("outcome-unknown").hidden = !outcomeUnknown;
  $("place-order").textContent = outcomeUnknown ? "Try again" : "Place order";
}

/** Connect the form; `go` changes the address. */
export function start(go) {
  address.start();
  onSubmit($("checkout"), async (fields) => {
    const order = pending() ?? {
      key: crypto.randomUUID(), email: session.current.email, body: draft(fields),
    };
    // Stored before it is sent, so that it survives a closed tab.
    localStorage.setItem(PENDING, JSON.stringify(order));
    try {
      const placed = await call("POST", "/orders", {
        body: order.body, headers: { "Idempotency-Key": order.key },
      });
      localStorage.removeItem(PENDING);
      cart.removeOrdered(order.body.lines);
      go(`#/orders?placed=${encodeURIComponent(placed.id)}`);
    } catch (problem) {
      if (problem instanceof Problem && !problem.outcomeUnknown) localStorage.removeItem(PENDING);
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
