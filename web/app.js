// Starts the page: its addresses and their views.

import { Problem } from "./lib/api.js";
import { go, start } from "./lib/router.js";
import { showFailure, showNotFound, startHeader, toast } from "./parts/page.js";
import { problemText } from "./texts/shop.js";

/** @type {import("./lib/router.js").Route[]} */
const routes = [
  { path: /^\/$/, view: () => import("./views/home.js") },
  { path: /^\/c\/(?<category>[^/]+)$/, view: () => import("./views/list.js") },
  { path: /^\/search$/, view: () => import("./views/list.js") },
  { path: /^\/toys\/(?:[^/]*-)?(?<id>toy_[^/]+)$/, view: () => import("./views/toy.js") },
  { path: /^\/basket$/, view: () => import("./views/basket.js") },
  { path: /^\/checkout$/, view: () => import("./views/checkout.js") },
  { path: /^\/orders$/, view: () => import("./views/orders.js") },
  { path: /^\/orders\/(?<id>[^/]+)$/, view: () => import("./views/order.js") },
  { path: /^\/account(?:\/(?<part>[^/]+))?$/, view: () => import("./views/account.js") },
  { path: /^\/staff(?:\/(?<section>orders|toys)(?:\/(?<id>[^/]+))?)?$/, view: () => import("./views/staff/staff.js") },
  { path: /^\/(?<section>journey)\/(?<id>[^/]+)$/, view: () => import("./views/staff/staff.js") },
];

const search = /** @type {HTMLFormElement} */ (document.getElementById("search"));
search.addEventListener("submit", (event) => {
  event.preventDefault();
  const q = String(new FormData(search).get("q")).trim();
  search.querySelector("input")?.blur(); // hides the on-screen keyboard and the suggestions
  go(q ? `/search?${new URLSearchParams({ q })}` : "/search");
});

addEventListener("unhandledrejection", (event) => {
  // an action whose error its view does not show
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  toast(problemText(event.reason));
});

startHeader();
start({ routes, notFound: showNotFound, failed: showFailure });
