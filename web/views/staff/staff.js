// The staff's tools: orders and the catalogue.

import { session } from "../../lib/api.js";
import { go } from "../../lib/router.js";
import { loadStyles } from "../../parts/page.js";
import { signOut } from "../../parts/sign_out.js";
import { problems } from "../../texts/shop.js";
import { staffTexts as texts } from "../../texts/staff.js";
import { html } from "../../vendor/lit-html/lit-html.js";
import { requireSession } from "../orders.js";

/** @typedef {import("../../lib/router.js").Visit} Visit */

/** @param {Visit} visit */
function showRefusal(visit) {
  visit.render(html`
    <div class="empty">
      <h1>${texts.notStaff}</h1>
      <p>${texts.notStaffDetail}</p>
      <p class="actions"><a class="button" href="/">${problems.goHome}</a>
        <button type="button" class="quiet" @click=${signOut}>${texts.otherAccount}</button></p>
    </div>`, { title: texts.title, hidden: true });
}

/** @param {Visit} visit */
export async function show(visit) {
  await Promise.all([loadStyles("/styles/checkout.css"), loadStyles("/styles/staff.css")]);
  if (visit.isOver || !requireSession(visit, texts.signInFirst)) return;
  if (!session.value?.isStaff) {
    showRefusal(visit);
    return;
  }
  const { section, id } = visit.parameters;
  if (!section) {
    go("/staff/orders", { replace: true });
    return;
  }
  if (section === "journey") {
    const view = await import("./journey.js");
    if (!visit.isOver) await view.show(visit);
    return;
  }
  const view = section === "orders"
    ? await (id ? import("./order.js") : import("./orders.js"))
    : await (id ? import("./toy.js") : import("./toys.js"));
  if (!visit.isOver) await view.show(visit);
}
