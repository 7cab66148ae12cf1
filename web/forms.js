// Forms: a problem is shown beside the field that it names, and the first such field is focused.

import { el } from "./dom.js";
import { Problem } from "./api.js";

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

export function showProblem(form, problem) {
  clearProblem(form);
  const elsewhere = [];
  let first = null;
  for (const { pointer, detail } of problem.errors) {
    const field = form.querySelector(`[data-pointer="${CSS.escape(pointer)}"]`);
    if (!field) {
      elsewhere.push(`${pointer}: ${detail}`);
      continue;
    }
    const id = `${form.id}-${field.name}-error`;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", id);
    field.after(el("span", { className: "field-error", id }, detail));
    first ??= field;
  }
  const summary = form.querySelector(".problem");
  summary.textContent = [problem.message, ...elsewhere].join(" ");
  summary.hidden = false;
  first?.focus();
}

/** Run `action(fields)` when the form is sent, once at a time, and show what goes wrong. */
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
