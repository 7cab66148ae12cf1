// The fields of a toy's form, and their errors.

import { Problem } from "../../lib/api.js";
import { label } from "../../lib/format.js";
import { attributeErrors, staffToyTexts as texts, toyFieldText } from "../../texts/staff.js";
import { formTexts } from "../../texts/forms.js";
import { problems } from "../../texts/shop.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { MOST_ATTRIBUTES, attribute, isCurrency, isPossible, parseAmount } from "./draft.js";

/** @typedef {import("../../parts/form.js").Form} Form */
/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {"name" | "description" | "category" | "brand" | "amount" | "currency" | "min_age"} FieldName */

/**
 * Return the errors of a draft, by the name of the input.
 *
 * @param {Draft} draft
 * @returns {Record<string, string>}
 */
export function problemsOf(draft) {
  /** @type {Record<string, string>} */
  const found = {};
  if (!isCurrency(draft.currency)) found.currency = toyFieldText("currency", "format");
  else {
    const amount = parseAmount(draft.amount, draft.currency);
    if (amount === null) found.amount = toyFieldText("amount", "format");
    else if (!isPossible(amount)) found.amount = toyFieldText("amount", "too_large");
  }
  const names = new Set();
  for (const { id, name, value } of draft.attributes) {
    if (!name.trim() && !value.trim()) continue;
    if (!/^[A-Za-z0-9_ -]+$/.test(name.trim())) found[`attribute-name-${id}`] = attributeErrors.name;
    else if (names.has(name.trim())) found[`attribute-name-${id}`] = attributeErrors.repeated;
    else if (!value.trim()) found[`attribute-value-${id}`] = attributeErrors.value;
    names.add(name.trim());
  }
  return found;
}

/**
 * Show the API's errors about attributes beside their rows.
 *
 * @param {unknown} error
 * @param {Draft} draft
 * @param {Form} form
 */
export function showAttributeErrors(error, draft, form) {
  for (const { pointer, code } of error instanceof Problem ? error.errors : []) {
    const name = /^\/attributes\/(.*)$/.exec(pointer)?.[1];
    const row = draft.attributes.find((one) => one.name.trim() === name);
    if (row) form.errors[`attribute-value-${row.id}`] = toyFieldText("attribute", code) ?? attributeErrors.value;
    else if (pointer === "/attributes") form.problem = attributeErrors.tooMany;
  }
}

/**
 * @param {object} options
 * @param {Form} options.form
 * @param {Draft} options.draft
 * @param {() => void} options.changed
 * @param {{categories: string[], brands: string[]}} options.known
 * @param {boolean} options.isCurrencyKnown
 */
export function toyFields({ form, draft, changed, known, isCurrencyKnown }) {
  /**
   * @param {FieldName} name
   * @param {string} text
   * @param {object} [more]
   * @param {string} [more.hint]
   * @param {number} [more.maxlength]
   * @param {string} [more.error]
   * @param {string[]} [more.suggested]
   * @param {"decimal" | "numeric"} [more.inputmode]
   */
  const input = (name, text, { hint, maxlength, error, suggested, inputmode } = {}) => html`
    <div class="field">
      <label for=${`field-${name}`}>${text}</label>
      <input id=${`field-${name}`} name=${name} .value=${draft[name]} required autocomplete="off" maxlength=${maxlength ?? nothing}
        type=${name === "min_age" ? "number" : "text"} min=${name === "min_age" ? "0" : nothing} max=${name === "min_age" ? "99" : nothing}
        inputmode=${inputmode ?? nothing} list=${suggested ? `known-${name}` : nothing} data-error=${error ?? nothing}
        aria-invalid=${form.errors[name] ? "true" : nothing} aria-describedby=${form.describedBy(name, hint)} @input=${set(name)}>
      ${suggested ? html`<datalist id=${`known-${name}`}>${suggested.map((one) => html`<option value=${one} label=${label(one)}></option>`)}</datalist>` : nothing}
      ${hint ? html`<p class="note" id=${`field-${name}-hint`}>${hint}</p>` : nothing}
      ${form.errorOf(name)}
    </div>`;
  /** @param {FieldName} name */
  const set = (name) => (/** @type {Event} */ event) => {
    const { value } = /** @type {HTMLInputElement} */ (event.currentTarget);
    draft[name] = name === "currency" ? value.toUpperCase() : value;
    form.settle(name);
    changed();
  };
  return html`
    ${input("name", texts.name, { maxlength: 120, error: toyFieldText("name", "required") })}
    <div class="field">
      <label for="field-description">${texts.description} <span class="optional">${formTexts.optional}</span></label>
      <textarea id="field-description" name="description" rows="5" maxlength="4000" .value=${draft.description}
        aria-invalid=${form.errors.description ? "true" : nothing} aria-describedby=${form.describedBy("description")} @input=${set("description")}></textarea>
      ${form.errorOf("description")}
    </div>
    <div class="parts">
      ${input("category", texts.category, { maxlength: 60, error: toyFieldText("category", "required"), suggested: known.categories, hint: texts.categoryHint })}
      ${input("brand", texts.brand, { maxlength: 60, error: toyFieldText("brand", "required"), suggested: known.brands })}
    </div>
    <div class="parts">
      ${isCurrencyKnown ? nothing : input("currency", texts.currency, { maxlength: 3, hint: texts.currencyHint, error: toyFieldText("currency", "format") })}
      ${input("amount", isCurrencyKnown ? texts.priceIn(draft.currency) : texts.price, { maxlength: 14, inputmode: "decimal", error: toyFieldText("amount", "required") })}
      ${input("min_age", texts.minAge, { inputmode: "numeric", hint: texts.minAgeHint, error: texts.minAgeError })}
    </div>
    ${attributeRows({ form, draft, changed })}`;
}

/** @param {{form: Form, draft: Draft, changed: () => void}} options */
function attributeRows({ form, draft, changed }) {
  /**
   * @param {import("./draft.js").Attribute} row
   * @param {"name" | "value"} part
   * @param {string} text
   */
  const part = (row, part, text) => {
    const name = `attribute-${part}-${row.id}`;
    return html`<div class="field">
      <input id=${`field-${name}`} name=${name} aria-label=${text} placeholder=${part === "name" ? texts.attributeName : texts.attributeValue} autocomplete="off"
        maxlength=${part === "name" ? 60 : 200} .value=${row[part]} aria-invalid=${form.errors[name] ? "true" : nothing} aria-describedby=${form.describedBy(name)}
        @input=${(/** @type {Event} */ event) => {
          row[part] = /** @type {HTMLInputElement} */ (event.currentTarget).value;
          form.settle(name);
          changed();
        }}>
      ${form.errorOf(name)}</div>`;
  };
  /** @param {import("./draft.js").Attribute} row */
  const remove = (row) => {
    const at = draft.attributes.indexOf(row);
    draft.attributes.splice(at, 1);
    form.errors = Object.fromEntries(Object.entries(form.errors).filter(([name]) => !name.endsWith(`-${row.id}`)));
    if (form.problem === problems.fields && !Object.keys(form.errors).length) form.problem = "";
    changed();
    const next = draft.attributes[at] ?? draft.attributes[at - 1];
    document.getElementById(next ? `field-attribute-name-${next.id}` : "add-attribute")?.focus();
  };
  const add = () => {
    const row = attribute();
    draft.attributes.push(row);
    changed();
    document.getElementById(`field-attribute-name-${row.id}`)?.focus();
  };
  return html`
    <fieldset class="stack">
      <legend>${texts.attributes} <span class="optional">${formTexts.optional}</span></legend>
      <p class="note">${texts.attributesHint}</p>
      ${draft.attributes.map((row, at) => html`
        <div class="attribute">
          ${part(row, "name", texts.attributeNameOf(at + 1))}
          ${part(row, "value", texts.attributeValueOf(row.name.trim(), at + 1))}
          <button type="button" class="icon quiet" aria-label=${texts.removeAttribute(row.name.trim(), at + 1)} @click=${() => remove(row)}>
            <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d="M6 6l12 12M18 6 6 18" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg>
          </button>
        </div>`)}
      ${draft.attributes.length < MOST_ATTRIBUTES ? html`<p><button type="button" class="quiet" id="add-attribute" @click=${add}>${texts.addAttribute}</button></p>` : nothing}
    </fieldset>`;
}
