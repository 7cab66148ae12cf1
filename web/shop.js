// Shows the view that the address names, and connects the views with each other.

import { $ } from "./dom.js";
import * as account from "./account.js";
import * as cart from "./cart.js";
import * as catalogue from "./catalogue.js";
import * as checkout from "./checkout.js";
import * as orders from "./orders.js";

const VIEWS = ["catalogue", "cart", "account", "orders"];
let current = null;

function go(address, { replace = false } = {}) {
  if (location.hash === address) route();
  else if (replace) location.replace(address);
  else location.hash = address;
}

function reveal(name) {
  for (const view of VIEWS) $(`view-${view}`).hidden = view !== name;
  for (const link of document.querySelectorAll("[data-nav]")) {
    if (link.dataset.nav === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = $(`${name}-title`);
  document.title = name === "catalogue" ? "The Toy Shop" : `${heading.textContent} · The Toy Shop`;
  // Screen readers start a later view at its heading; the first page at its top.
  if (current !== null && current !== name) {
    scrollTo(0, 0);
    if (document.activeElement !== $("q")) heading.focus({ preventScroll: true });
  }
  current = name;
}

/** Decode a part of an address; one that is malformed names nothing, as it is. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function route() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parameters = new URLSearchParams(search);
  const [view, id] = path.split("/");
  orders.leave();
  if (view !== "toys" && $("toy").open) $("toy").close();
  if (view === "cart") {
    reveal("cart");
    checkout.show();
    cart.show();
  } else if (view === "account") {
    reveal("account");
    account.show(parameters);
  } else if (view === "orders") {
    reveal("orders");
    orders.show(parameters, go);
  } else if (view === "toys" && id) {
    reveal("catalogue");
    if ($("grid").children.length === 0) catalogue.show(new URLSearchParams());
    catalogue.showToy(decoded(id));
  } else {
    reveal("catalogue");
    catalogue.show(parameters);
  }
}

catalogue.start(go);
checkout.start(go);
account.start(go);
orders.start(go);
cart.showCount();
account.showLink();

addEventListener("hashchange", route);
addEventListener("session", () => {
  account.showLink();
  checkout.show();
});
addEventListener("storage", () => {
  // another tab has changed the cart, or sent an order
  cart.changedElsewhere();
  checkout.changedElsewhere();
});
$("skip").addEventListener("click", (event) => {
  // The fragment of the address is used for routing, so the browser cannot jump to it.
  event.preventDefault();
  $("main").focus();
});
route();
