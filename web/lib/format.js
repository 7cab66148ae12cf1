// Formats money, dates and numbers for people.

export const LOCALE = document.documentElement.lang || "en-AU";

const numbers = new Intl.NumberFormat(LOCALE);
const plurals = new Intl.PluralRules(LOCALE);

/** @param {number} value */
export const number = (value) => numbers.format(value);

/** @typedef {import("./api.js").Money} Money */

/**
 * Return the number of decimals of a currency.
 *
 * @param {string} currency ISO 4217
 */
export const decimals = (currency) => (
  new Intl.NumberFormat(LOCALE, { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2);

/**
 * Return an amount in major units without separators, such as `1234.50`, for programs and fields.
 *
 * @param {Money} value
 */
export function majorUnits({ amount, currency }) {
  const digits = decimals(currency);
  const text = String(amount).padStart(digits + 1, "0");
  return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
}

/**
 * @param {Money} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export const money = (value, options) => new Intl.NumberFormat(LOCALE, {
  style: "currency", currency: value.currency, ...options,
}).format(Number(majorUnits(value)));

/**
 * Format money without the decimals of a round amount, such as `$20`.
 *
 * @param {Money} value
 */
export const roundMoney = (value) => money(value, { trailingZeroDisplay: "stripIfInteger" });

/**
 * Format money with the code of its currency, since several countries have dollars.
 *
 * @param {Money} value
 */
export const moneyWithCurrency = (value) => money(value, { currencyDisplay: "code" });

/**
 * @param {string} time RFC 3339
 * @param {Intl.DateTimeFormatOptions} [options]
 */
export const date = (time, options = { dateStyle: "long", timeStyle: "short" }) => (
  new Intl.DateTimeFormat(LOCALE, options).format(new Date(time)));

/**
 * Choose the plural form of a text for a number, such as `{one: "# toy", other: "# toys"}`; `#` is replaced
 * by the number.
 *
 * @param {number} count
 * @param {{other: string} & Partial<Record<Intl.LDMLPluralRule, string>>} forms
 */
export const plural = (count, forms) => (forms[plurals.select(count)] ?? forms.other).replace("#", number(count));

/**
 * Turn an identifier of the catalogue, such as `building-blocks` or `frame_color`, into a label.
 *
 * @param {string} text
 */
export function label(text) {
  const words = text.replaceAll(/[-_]+/g, " ").trim();
  return words.charAt(0).toLocaleUpperCase(LOCALE) + words.slice(1);
}

/**
 * Return the words of a name in lower-case ASCII for an address, such as `red-kite`; at most 60
 * characters.
 *
 * @param {string} name
 */
export function slug(name) {
  const words = name.normalize("NFKD").toLowerCase().replaceAll(/[\u0300-\u036f'’]/g, "").match(/[a-z0-9]+/g) ?? [];
  return words.join("-").slice(0, 60).replace(/-$/, "") || "toy";
}
