// The shipping address: its fields, and their names, are those of the chosen country.

import { $, announce, el } from "./dom.js";
import { call } from "./api.js";
import { clearProblem } from "./forms.js";

let countries = null; // as the shop lists them, once they are loaded
let loading = null;

/** Return the chosen country, or undefined. */
const chosen = () => countries?.find(({ code }) => code === $("country").value);

/** Return the browser's country if the shop ships there, or else the page's. */
function likely() {
  const codes = new Set(countries.map(({ code }) => code));
  const locales = [...navigator.languages, document.documentElement.lang];
  return locales.map((tag) => new Intl.Locale(tag).region).find((region) => codes.has(region)) ?? "";
}

/** Show the fields that an address has in the chosen country, in the order that is usual there. */
function arrange() {
  const parts = $("address-parts");
  const fields = chosen()?.fields ?? [];
  for (const label of [...parts.children]) {
    const input = label.querySelector("input");
    const field = fields.find(({ name }) => name === input.name);
    label.hidden = !field;
    // a disabled field is not sent
    input.disabled = !field;
    input.required = field?.required ?? false;
    if (!field) continue;
    label.querySelector(".name").textContent = field.label;
    label.querySelector(".optional").hidden = field.required;
  }
  for (const { name } of fields) parts.append(parts.querySelector(`[name="${name}"]`).closest("label"));
}

/** Load the countries that the shop ships to, unless they are loaded already. */
export function load() {
  if (!countries) loading ??= offer().finally(() => { loading = null; });
}

async function offer() {
  $("countries-problem").hidden = true;
  $("load-countries").hidden = true;
  try {
    const { items } = await call("GET", "/countries");
    countries = items.sort((a, b) => a.name.localeCompare(b.name, "en"));
  } catch (problem) {
    $("countries-problem").textContent = `We can’t show the countries that we ship to. ${problem.message}`;
    $("countries-problem").hidden = false;
    $("load-countries").hidden = false;
    return;
  }
  $("country").replaceChildren(
    el("option", { value: "" }, "Choose a country"),
    ...countries.map(({ code, name }) => el("option", { value: code }, name)),
  );
  choose();
}

/** Choose the most likely country, as if the form was shown for the first time. */
export function choose() {
  if (!countries) return;
  $("country").value = likely();
  arrange();
}

/** Connect the fields. */
export function start() {
  arrange();
  $("load-countries").addEventListener("click", load);
  $("country").addEventListener("change", () => {
    arrange();
    // they name fields of the country before
    clearProblem($("checkout"));
    const names = chosen()?.fields.map(({ label }) => label) ?? [];
    if (names.length) announce(`Address fields: ${names.join(", ")}.`);
  });
}
