// Submits forms and shows each error beside its field.

import { el } from "./dom.js";
import { Problem } from "./api.js";

/** Remove all error messages from a form. */
export function clearProblem(form) {
  const summary = form.querySelector(".problem");
  summary.hidden = true;
  summary.textContent = "";
  form.querySelectorAll(".field-error").forEach((note) => note.remove());
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

/** Show a problem's errors beside their fields, sum up the rest, and focus the first of them. */
export function showProblem(form, problem) {
  clearProblem(form);
  let elsewhere = !problem.errors.length;
  let first = null;
  for (const { pointer, detail } of problem.errors) {
    const field = form.querySelector(`[data-pointer="${CSS.escape(pointer)}"]`);
    if (!field || field.disabled) {
      elsewhere = true;
      continue;
    }
    const id = `${form.id}-${field.name}-error`;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", id);
    field.after(el("span", { className: "field-error", id }, detail));
    first ??= field;
  }
  const summary = form.querySelector(".problem");
  summary.textContent = elsewhere ? problem.message : "Please check the marked fields.";
  summary.hidden = false;
  // so that it is in view, and a keyboard goes on from there
  summary.tabIndex = -1;
  (first ?? summary).focus();
}

/** Run `action(fields)` when the form is submitted, one run at a time, and show its problems. */
export function onSubmit(form, action) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    const fields = Object.fromEntries(new FormData(form));
    clearProblem(form);
    button.disabled = true;
    try {
      await action(fields);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      showProblem(form, error);
    } finally {
      button.disabled = false;
    }
  });
}
