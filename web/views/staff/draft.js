// A toy that is being edited: its fields as texts, and their changes.

import { decimals, majorUnits } from "../../lib/format.js";

/** @typedef {import("../../lib/api.js").Toy} Toy */
/** @typedef {{id: number, name: string, value: string}} Attribute */
/**
 * @typedef {object} Draft
 * @property {string} name
 * @property {string} description
 * @property {string} category
 * @property {string} brand
 * @property {string} amount The price in major units, as entered.
 * @property {string} currency
 * @property {string} min_age
 * @property {Attribute[]} attributes
 */
/** The fields of a toy by name; an attribute's is `attributes/` and its name. @typedef {Map<string, unknown>} Fields */

export const MOST_ATTRIBUTES = 30;
const ATTRIBUTE = "attributes/";
const MOST = 99_999_999; // minor units
let lastId = 0;

/** @param {string} name @param {string} value @returns {Attribute} */
export const attribute = (name = "", value = "") => ({ id: (lastId += 1), name, value });

/**
 * Parse an amount in major units, exactly; `null` if it is not an amount.
 *
 * @param {string} text Such as `1,299.95`.
 * @param {string} currency
 */
export function parseAmount(text, currency) {
  const digits = decimals(currency);
  const match = /^(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?$/.exec(text.replaceAll(/\s/g, ""));
  if (!match || (match[2]?.length ?? 0) > digits) return null;
  return Number(match[1].replaceAll(",", "") + (match[2] ?? "").padEnd(digits, "0"));
}

/** Whether a price can be stored. @param {number} amount In minor units. */
export const isPossible = (amount) => amount <= MOST;

/** @param {string} text */
export const isCurrency = (text) => /^[A-Z]{3}$/.test(text);

/**
 * @param {Toy | null} toy
 * @param {string} currency Of a new toy; empty if it is not known.
 * @returns {Draft}
 */
export const draftOf = (toy, currency) => (toy ? {
  name: toy.name,
  description: toy.description,
  category: toy.category,
  brand: toy.brand,
  amount: majorUnits(toy.price),
  currency: toy.price.currency,
  min_age: String(toy.min_age),
  attributes: Object.entries(toy.attributes).map(([name, value]) => attribute(name, value)),
} : { name: "", description: "", category: "", brand: "", amount: "", currency, min_age: "", attributes: [] });

/** @param {Toy} toy @returns {Fields} */
export const fieldsOfToy = ({ name, description, category, brand, price, min_age, attributes }) => new Map(Object.entries({
  name, description, category, brand, price, min_age,
  ...Object.fromEntries(Object.entries(attributes).map(([key, value]) => [ATTRIBUTE + key, value])),
}));

/** The fields of a draft that can be saved. @param {Draft} draft @returns {Fields} */
export const fieldsOfDraft = (draft) => new Map(/** @type {[string, unknown][]} */ ([
  ["name", draft.name.trim()],
  ["description", draft.description],
  ["category", draft.category.trim()],
  ["brand", draft.brand.trim()],
  ["price", { amount: parseAmount(draft.amount, draft.currency) ?? draft.amount, currency: draft.currency }],
  ["min_age", Number(draft.min_age)],
  ...draft.attributes.filter(({ name, value }) => name.trim() || value.trim())
    .map(({ name, value }) => [ATTRIBUTE + name.trim(), value.trim()]),
]));

/** @param {unknown} one @param {unknown} other */
const isEqual = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * Return the names of the fields that differ.
 *
 * @param {Fields} one
 * @param {Fields} other
 */
export const differing = (one, other) => [...new Set([...one.keys(), ...other.keys()])]
  .filter((field) => !isEqual(one.get(field), other.get(field)));

/**
 * Return the body that creates a toy, or a merge patch of some fields.
 *
 * @param {Fields} fields
 * @param {string[]} names
 */
export function bodyOf(fields, names) {
  const isAttribute = (/** @type {string} */ name) => name.startsWith(ATTRIBUTE);
  const attributes = names.filter(isAttribute).map((name) => [name.slice(ATTRIBUTE.length), fields.get(name) ?? null]);
  const members = names.filter((name) => !isAttribute(name)).map((name) => [name, fields.get(name)]);
  return Object.fromEntries([...members, ...attributes.length ? [["attributes", Object.fromEntries(attributes)]] : []]);
}

/**
 * Set a field of a draft.
 *
 * @param {Draft} draft
 * @param {string} field
 * @param {unknown} value `undefined` removes an attribute.
 */
export function setField(draft, field, value) {
  if (field.startsWith(ATTRIBUTE)) {
    const name = field.slice(ATTRIBUTE.length);
    const known = draft.attributes.find((one) => one.name.trim() === name);
    if (value === undefined) draft.attributes = draft.attributes.filter((one) => one !== known);
    else if (known) known.value = String(value);
    else draft.attributes.push(attribute(name, String(value)));
  } else if (field === "price") {
    const price = /** @type {Toy["price"]} */ (value);
    Object.assign(draft, { amount: majorUnits(price), currency: price.currency });
  } else Object.assign(draft, { [field]: String(value) });
}

/** @typedef {{field: string, before: unknown, yours: unknown, theirs: unknown, choice: "yours" | "theirs"}} Choice */

/**
 * Compare a draft with the changes that a colleague has saved since.
 *
 * @param {Toy} base The toy when the draft was begun.
 * @param {Draft} draft
 * @param {Toy} theirs The toy as it is now.
 * @returns {{choices: Choice[], taken: string[]}} Fields that both have changed, and fields that only the colleague has.
 */
export function merge(base, draft, theirs) {
  const [before, yours, now] = [fieldsOfToy(base), fieldsOfDraft(draft), fieldsOfToy(theirs)];
  const changed = differing(before, now).filter((field) => !isEqual(yours.get(field), now.get(field)));
  const [taken, choices] = [true, false].map((isTaken) => changed.filter((field) => isEqual(yours.get(field), before.get(field)) === isTaken));
  for (const field of taken) setField(draft, field, now.get(field));
  return {
    taken,
    choices: choices.map((field) => ({
      field, before: before.get(field), yours: yours.get(field), theirs: now.get(field), choice: "yours",
    })),
  };
}
