// Replaced soon.

/** @param {HTMLInputElement} field */
export function suggestFor(field) {
  field.setAttribute("autocomplete", "off");
}
