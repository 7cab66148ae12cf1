// The delivery address, and the fields of addresses by country.

import { getCached, isOwn, session } from "./api.js";
import { LOCALE } from "./format.js";
import { Stored, isObject, isText } from "./storage.js";

/** @typedef {import("../types/api.js").components["schemas"]["Country"]} Country */
/** @typedef {{name: string, line1: string, line2: string, city: string, region: string, postal_code: string, country: string}} Address */
/** @typedef {{email: string, address: Address}} Kept */

/** @type {(keyof Address)[]} */
const PARTS = ["name", "line1", "line2", "city", "region", "postal_code", "country"];

/** @returns {Address} */
const empty = () => ({ name: "", line1: "", line2: "", city: "", region: "", postal_code: "", country: "" });

/**
 * Return a stored value as an address whose parts are strings.
 *
 * @param {unknown} value
 * @returns {Address}
 */
export function parseAddress(value) {
  const address = empty();
  for (const part of isObject(value) ? PARTS : []) {
    const text = /** @type {Record<string, unknown>} */ (value)[part];
    if (typeof text === "string" && text.length <= 200) address[part] = text;
  }
  return address;
}

/**
 * @param {unknown} value
 * @returns {Kept | null}
 */
const parse = (value) => (isObject(value) && isText(value.email)
  ? { email: value.email, address: parseAddress(value.address) } : null);

const kept = new Stored("address", parse);

/** The address that the signed-in customer entered last. */
export function address() {
  const { value } = kept;
  return value && isOwn(value.email) ? value.address : empty();
}

/**
 * Store what the customer enters, so that it survives the end of the session and of the visit.
 *
 * @param {Partial<Address>} parts
 */
export function keep(parts) {
  if (session.value) kept.value = { email: session.value.email, address: { ...address(), ...parts } };
}

const names = new Intl.DisplayNames(LOCALE, { type: "region", fallback: "none" });

/** @param {{code: string, name: string}} country */
export const countryName = ({ code, name }) => (/^[A-Z]{2}$/.test(code) ? names.of(code) ?? name : name);

/**
 * Return the countries that the shop ships to, by name.
 *
 * @param {AbortSignal} [signal]
 * @returns {Promise<Country[]>}
 */
export async function countries(signal) {
  const { items } = await getCached("/countries", signal);
  const { compare } = new Intl.Collator(LOCALE);
  return [...items].sort((/** @type {Country} */ one, /** @type {Country} */ other) => compare(countryName(one), countryName(other)));
}

/**
 * Return the browser's country if the shop ships there, or else the page's.
 *
 * @param {Country[]} all
 */
export function likelyCountry(all) {
  const codes = new Set(all.map(({ code }) => code));
  for (const tag of [...navigator.languages, LOCALE]) {
    try {
      const { region } = new Intl.Locale(tag);
      if (region && codes.has(region)) return region;
    } catch {
      // a malformed language tag
    }
  }
  return "";
}

/**
 * Return the address without the parts that its country does not have.
 *
 * @param {Address} entered
 * @param {Country} country
 * @returns {Address}
 */
export function inCountry(entered, country) {
  const has = new Set(country.fields.map(({ name }) => name));
  const part = (/** @type {"city" | "region" | "postal_code"} */ name) => (has.has(name) ? entered[name].trim() : "");
  return {
    name: entered.name.trim(), line1: entered.line1.trim(), line2: entered.line2.trim(),
    city: part("city"), region: part("region"), postal_code: part("postal_code"), country: country.code,
  };
}

/**
 * Whether an address has all parts that its country requires.
 *
 * @param {Address} entered
 * @param {Country[]} all
 */
export function isComplete(entered, all) {
  const country = all.find(({ code }) => code === entered.country);
  return country !== undefined && entered.name.trim() !== "" && entered.line1.trim() !== ""
    && country.fields.every(({ name, required }) => !required || entered[name].trim() !== "");
}

/**
 * Return the lines of an address, as on a parcel.
 *
 * @param {Pick<Address, "name" | "line1" | "city" | "country"> & Partial<Address>} to
 */
export const addressLines = ({ name, line1, line2, city, region, postal_code, country }) => [
  name, line1, line2 ?? "", [city, region, postal_code].filter(Boolean).join(" "),
  country && countryName({ code: country, name: country }),
].filter(Boolean);
