// Forms: fields, their errors, and submission.

import { Problem } from "../lib/api.js";
import { fieldText, formTexts } from "../texts/forms.js";
import { problemText, problems } from "../texts/shop.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} [type]
 * @property {string} [value] The initial value.
 * @property {string} [autocomplete]
 * @property {boolean} [optional]
 * @property {string} [hint] Always shown below the label.
 * @property {number} [maxlength]
 * @property {"numeric" | "email" | "text"} [inputmode]
 * @property {string} [pattern]
 * @property {string} [error] What to say if the field is empty or does not have its form.
 * @property {(value: string) => void} [onInput]
 */

/** @typedef {import("../lib/router.js").Template} Template */
/**
 * @typedef {object} FormTexts
 * @property {Record<string, string>} [own] Texts by the last part of a problem's type.
 * @property {(field: string, code: string) => string | undefined} [ofField] The text beside a field.
 * @property {(fields: Record<string, string>) => Record<string, string>} [check] Returns errors by field.
 */

/** The state of a form: its errors, and whether it is being submitted. */
export class Form {
  /** @type {Record<string, string>} By the name of a field. */
  errors = {};
  /** The error of the form as a whole; empty if there is none. @type {string | Template} */
  problem = "";
  isBusy = false;

  /** @param {() => void} redraw Shows the form as it is now. */
  constructor(redraw) {
    this.redraw = redraw;
  }

  /** Remove all errors. */
  clear() {
    this.errors = {};
    this.problem = "";
  }

  /**
   * Return a handler that submits the form, one submission at a time, and shows errors.
   *
   * @param {(fields: Record<string, string>, form: HTMLFormElement) => unknown} action
   * @param {FormTexts} [texts]
   */
  submit(action, texts = {}) {
    return async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (this.isBusy) return;
      const element = /** @type {HTMLFormElement} */ (event.currentTarget);
      this.clear();
      for (const input of inputsOf(element)) {
        const isBlank = input.required && !input.value.trim();
        if (!isBlank && input.validity.valid) continue;
        this.errors[input.name] = input.dataset.error ?? fieldText(input.name, isBlank ? "required" : codeOf(input.validity));
      }
      const fields = fieldsOf(element);
      this.errors = { ...texts.check?.(fields), ...this.errors };
      if (Object.keys(this.errors).length) {
        this.problem = problems.fields;
        this.showFirst(element);
        return;
      }
      this.isBusy = true;
      this.redraw();
      try {
        await action(fields, element);
      } catch (error) {
        this.show(error, element, texts);
      } finally {
        this.isBusy = false;
        this.redraw();
      }
      if (this.problem && element.isConnected) this.showFirst(element);
    };
  }

  /**
   * Show an error of the API with the page's texts.
   *
   * @param {unknown} error
   * @param {HTMLFormElement} element
   * @param {FormTexts} [texts]
   */
  show(error, element, { own = {}, ofField } = {}) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (!(error instanceof Problem)) reportError(error);
    let isElsewhere = true;
    for (const { pointer, code } of error instanceof Problem ? error.errors : []) {
      const name = pointer.replace(/^.*\//, "");
      if (!inputsOf(element).some((input) => input.name === name)) continue;
      isElsewhere = false;
      this.errors[name] = ofField?.(name, code) ?? fieldText(name, code);
    }
    this.problem = isElsewhere ? problemText(error, own) : problems.fields;
  }

  /**
   * Show the errors, and focus the first field that has one.
   *
   * @param {HTMLElement} element
   */
  showFirst(element) {
    this.redraw();
    const first = inputsOf(/** @type {HTMLFormElement} */ (element)).find((input) => this.errors[input.name]);
    (first ?? /** @type {HTMLElement | null} */ (element.querySelector(".problem")))?.focus();
  }

  /** The error of the form as a whole, as an alert. */
  get summary() {
    return this.problem ? html`<p class="problem" role="alert" tabindex="-1">${this.problem}</p>` : nothing;
  }

  /**
   * A field with its label, hint and error.
   *
   * @param {Field} field
   */
  field({ name, label, type = "text", value, autocomplete, optional = false, hint, maxlength, inputmode, pattern, error, onInput }) {
    const id = `field-${name}`;
    const input = html`<input id=${id} name=${name} type=${type} value=${value ?? ""} ?required=${!optional}
      autocomplete=${autocomplete ?? nothing} maxlength=${maxlength ?? nothing} inputmode=${inputmode ?? nothing}
      pattern=${pattern ?? nothing} data-error=${error ?? nothing} spellcheck=${type === "text" && !pattern ? nothing : "false"}
      aria-invalid=${this.errors[name] ? "true" : nothing} aria-describedby=${this.describedBy(name, hint)}
      @input=${(/** @type {InputEvent} */ event) => {
        this.settle(name);
        onInput?.(/** @type {HTMLInputElement} */ (event.currentTarget).value);
      }}>`;
    return html`<div class="field">
      <label for=${id}>${label} ${optional ? html`<span class="optional">${formTexts.optional}</span>` : nothing}</label>
      ${hint ? html`<p class="note" id=${`${id}-hint`}>${hint}</p>` : nothing}
      ${input}
      ${this.errorOf(name)}
    </div>`;
  }

  /**
   * Remove the error of a field that is being corrected.
   *
   * @param {string} name
   */
  settle(name) {
    if (!this.errors[name]) return;
    delete this.errors[name];
    if (!Object.keys(this.errors).length && this.problem === problems.fields) this.problem = "";
    this.redraw();
  }

  /**
   * @param {string} name
   * @param {string} [hint]
   */
  describedBy(name, hint) {
    const ids = [hint && `field-${name}-hint`, this.errors[name] && `field-${name}-error`].filter(Boolean);
    return ids.length ? ids.join(" ") : nothing;
  }

  /** @param {string} name */
  errorOf(name) {
    return this.errors[name] ? html`<span class="field-error" id=${`field-${name}-error`}>${this.errors[name]}</span>` : nothing;
  }
}

/** @param {HTMLFormElement} form */
const inputsOf = (form) => /** @type {HTMLInputElement[]} */ ([...form.elements]).filter(({ name, validity, willValidate }) => name && validity && willValidate);

/**
 * @param {HTMLFormElement} form
 * @returns {Record<string, string>}
 */
const fieldsOf = (form) => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));

/** @param {ValidityState} validity */
function codeOf({ valueMissing, tooLong, tooShort, rangeOverflow, rangeUnderflow }) {
  if (valueMissing) return "required";
  if (tooLong) return "too_long";
  if (tooShort) return "too_short";
  if (rangeOverflow) return "too_large";
  return rangeUnderflow ? "too_small" : "format";
}

/**
 * A button that submits its form; during the submission, it keeps the focus but does nothing.
 *
 * @param {Form} form
 * @param {unknown} text
 * @param {string} [busyText]
 */
export const submitButton = (form, text, busyText = formTexts.sending) => html`
  <button type="submit" class="wide" aria-disabled=${form.isBusy ? "true" : nothing}>${form.isBusy ? busyText : text}</button>`;
