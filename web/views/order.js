// Replaced soon.

import { html } from "../vendor/lit-html/lit-html.js";

/** @param {import("../lib/router.js").Visit} visit */
export function show(visit) {
  visit.render(html`<h1>order</h1>`, { title: "order" });
}
