// Step 2: delivery.

import { address, countryName, keep, likelyCountry } from "../../lib/delivery.js";
import { go } from "../../lib/router.js";
import { Form, submitButton } from "../../parts/form.js";
import { announce, failure } from "../../parts/page.js";
import { addressLabel, checkoutTexts as texts, missingPart } from "../../texts/checkout.js";
import { problems } from "../../texts/shop.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";

/** @typedef {import("../../lib/delivery.js").Address} Address */
/** @typedef {import("../../lib/delivery.js").Country} Country */

/** @type {Record<string, string>} */
const AUTOCOMPLETE = { city: "shipping address-level2", region: "shipping address-level1", postal_code: "shipping postal-code" };

/** Errors of the address that the API refused, by field. @type {Record<string, string>} */
let refused = {};

/** @param {Record<string, string>} errors */
export function refuseAddress(errors) {
  refused = errors;
}

export class Delivery {
  /** @param {import("../checkout.js").Checkout} checkout */
  constructor(checkout) {
    this.checkout = checkout;
    this.form = new Form(checkout.redraw);
    this.form.errors = refused;
    this.isRefused = Object.keys(refused).length > 0; // until the errors are shown
    if (this.isRefused) this.form.problem = problems.fields;
    refused = {};
  }

  /** @param {Event} event */
  #chooseCountry = ({ currentTarget }) => {
    const code = /** @type {HTMLSelectElement} */ (currentTarget).value;
    keep({ country: code });
    this.form.clear(); // the errors belong to the fields of the previous country
    this.checkout.redraw();
    const fields = this.checkout.countries?.find((one) => one.code === code)?.fields ?? [];
    if (fields.length) announce(texts.fieldsChanged(fields.map(addressLabel).join(", ")));
  };

  /** @param {Country[]} all */
  #fields(all) {
    const { form } = this;
    const entered = address();
    const country = all.find(({ code }) => code === entered.country);
    const field = (/** @type {keyof Address} */ name, /** @type {object} */ more) => form.field({
      label: "", ...more, name, value: entered[name], onInput: (value) => keep({ [name]: value }),
    });
    return html`
      <div class="field">
        <label for="field-country">${texts.country}</label>
        <select id="field-country" name="country" required autocomplete="shipping country"
          aria-invalid=${form.errors.country ? "true" : nothing} aria-describedby=${form.describedBy("country")} @change=${this.#chooseCountry}>
          <option value="" .selected=${!country}>${texts.chooseCountry}</option>
          ${all.map((one) => html`<option value=${one.code} .selected=${one === country}>${countryName(one)}</option>`)}
        </select>
        ${form.errorOf("country")}
      </div>
      ${field("name", { label: texts.name, error: texts.nameMissing, autocomplete: "shipping name", maxlength: 200 })}
      ${field("line1", { label: texts.line1, autocomplete: "shipping address-line1", maxlength: 200 })}
      ${field("line2", { label: texts.line2, autocomplete: "shipping address-line2", maxlength: 200, optional: true })}
      <div class="parts">${(country?.fields ?? []).map((part) => field(part.name, {
        label: addressLabel(part), autocomplete: AUTOCOMPLETE[part.name], optional: !part.required,
        maxlength: part.name === "postal_code" ? 20 : 200, error: part.required ? missingPart(addressLabel(part)) : undefined,
      }))}</div>`;
  }

  get template() {
    const { checkout, form } = this;
    if (checkout.failed) return html`<h2 id="step-title">${texts.addressTitle}</h2><p>${texts.noCountries}</p>${failure(checkout.failed, () => checkout.loadCountries())}`;
    const all = checkout.countries;
    if (all && !all.some(({ code }) => code === address().country)) keep({ country: likelyCountry(all) });
    const submit = form.submit(() => go("/checkout?step=payment"));
    if (all && this.isRefused) {
      this.isRefused = false;
      setTimeout(() => {
        const shown = document.getElementById("delivery");
        if (shown) form.showFirst(shown);
      });
    }
    return html`
      <h2 id="step-title">${texts.addressTitle}</h2>
      <form class="stack address" id="delivery" novalidate @submit=${submit}>
        ${form.summary}
        ${all ? this.#fields(all) : html`<p class="hidden" role="status">${texts.loadingCountries}</p>
          <div class="skeleton fields" aria-hidden="true">${Array.from({ length: 5 }, () => html`<span class="line"></span>`)}</div>`}
        ${all ? submitButton(form, texts.toPayment) : nothing}
      </form>`;
  }
}
