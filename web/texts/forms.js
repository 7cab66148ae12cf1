// Texts of forms and their fields.

export const formTexts = {
  optional: "(optional)",
  sending: "One moment…",
};

/** @type {Record<string, string>} What to say beside a required field that is empty, by its name. */
const REQUIRED = {
  email: "Enter your email address.",
  password: "Enter your password.",
  code: "Enter the six-digit code.",
  name: "Enter your name.",
  line1: "Enter your street address.",
  city: "Enter your town or city.",
  region: "Enter your state or region.",
  postal_code: "Enter your postal code.",
  country: "Choose a country.",
};

/** @type {Record<string, string>} What to say beside an invalid field, by its name. */
const INVALID = {
  email: "Enter an email address like name@example.com.",
  code: "The code has six digits.",
  postal_code: "Enter a valid postal code.",
  country: "We don’t deliver to this country yet.",
};

/** @type {Record<string, string>} What to say otherwise, by the error's code. */
const BY_CODE = {
  card_number: "This looks like a card number. Please remove it.",
  control_character: "Please remove the line breaks and special characters.",
  too_long: "This is too long.",
  too_short: "This is too short.",
  too_large: "Please enter a smaller number.",
  too_small: "Please enter a larger number.",
  not_found: "We couldn’t find this.",
  not_allowed: "Please choose something else.",
  repeated: "Please enter this only once.",
  format: "This isn’t in the right form. Please check it.",
  invalid: "This isn’t valid. Please check it.",
  type: "We can’t read this. Please enter it again.",
  unknown: "We don’t use this field. Please leave it out.",
};

/**
 * Return what to say beside a field with an error.
 *
 * @param {string} name
 * @param {string} code One of the API's field error codes.
 */
export function fieldText(name, code) {
  if (code === "required") return REQUIRED[name] ?? "Please fill this in.";
  if (["format", "invalid", "pattern", "not_allowed", "too_short"].includes(code) && INVALID[name]) return INVALID[name];
  return BY_CODE[code] ?? "Please check this.";
}
