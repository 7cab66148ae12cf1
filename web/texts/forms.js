// What forms say beside their fields.

export const formTexts = {
  optional: "(optional)",
  sending: "One moment…",
};

/** @type {Record<string, string>} What a field that is empty needs, by its name. */
const REQUIRED = {
  email: "Enter your email address.",
  password: "Enter your password.",
  code: "Enter the code of six digits.",
  name: "Enter a name.",
  line1: "Enter the street and number.",
  city: "Enter the town or city.",
  region: "Enter the state or region.",
  postal_code: "Enter the postal code.",
  country: "Choose a country.",
};

/** @type {Record<string, string>} What is wrong with a field, by its name. */
const INVALID = {
  email: "Enter an email address like name@example.com.",
  code: "The code has six digits.",
  postal_code: "Check the postal code: it isn’t one of this country.",
  country: "Choose another country, please.",
};

/** @type {Record<string, string>} By the code of an error. */
const BY_CODE = {
  card_number: "This looks like a card number. Please leave it out.",
  control_character: "Please remove the line breaks and special characters.",
  too_long: "Please shorten this.",
  too_short: "Please enter more than this.",
  too_large: "Please enter a smaller number.",
  too_small: "Please enter a larger number.",
  not_found: "We couldn’t find this.",
  not_allowed: "Please choose something else.",
};

/**
 * Say what is wrong with a field.
 *
 * @param {string} name
 * @param {string} code One of the API's codes of field errors.
 */
export function fieldText(name, code) {
  if (code === "required") return REQUIRED[name] ?? "Please fill this in.";
  if (["format", "invalid", "pattern", "not_allowed", "too_short"].includes(code) && INVALID[name]) return INVALID[name];
  return BY_CODE[code] ?? "Please check this.";
}
