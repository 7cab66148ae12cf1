// Step 1: contact.

import { hasExpired, session } from "../../lib/api.js";
import { go } from "../../lib/router.js";
import { signOut } from "../../parts/sign_out.js";
import { accountTexts } from "../../texts/account.js";
import { checkoutTexts as texts } from "../../texts/checkout.js";
import { html } from "../../vendor/lit-html/lit-html.js";

/** @param {import("../checkout.js").Checkout} checkout */
export function contact({ signIn }) {
  if (!session.value) {
    return html`
      <h2 id="step-title">${signIn.title}</h2>
      <p class="note">${hasExpired() ? accountTexts.expired : texts.contactHint}</p>
      ${signIn.template}`;
  }
  return html`
    <h2 id="step-title">${texts.contact}</h2>
    <p>${texts.signedInAs} <strong>${session.value.email}</strong></p>
    <p><button type="button" class="link" @click=${signOut}>${texts.notYou}</button> <span class="note">${accountTexts.signOutHint}</span></p>
    <button type="button" class="wide" @click=${() => go("/checkout?step=delivery")}>${texts.toDelivery}</button>`;
}
