// Texts of the checkout.

import { moneyWithCurrency, number, plural } from "../lib/format.js";

/** @typedef {import("../lib/api.js").Money} Money */

export const checkoutTexts = {
  title: "Checkout",
  steps: "Checkout steps",
  contact: "Contact",
  delivery: "Delivery",
  payment: "Payment",

  contactHint: "Sign in or create an account to check out.",
  signedInAs: "Signed in as",
  notYou: "Not you? Sign out",
  toDelivery: "Continue to delivery",
  toPayment: "Continue to payment",
  back: "Back",
  change: "Change",
  /** @param {string} what */
  changeOf: (what) => `Change ${what.toLowerCase()}`,

  deliverTo: "Deliver to",
  addressTitle: "Where should we deliver?",
  country: "Country",
  chooseCountry: "Choose a country",
  name: "Full name",
  nameMissing: "Enter your full name.",
  line1: "Street address",
  line2: "Apartment, unit",
  loadingCountries: "Loading the countries we deliver to…",
  noCountries: "We couldn’t load the countries we deliver to.",
  /** @param {string} fields */
  fieldsChanged: (fields) => `Address fields: ${fields}.`,

  paymentTitle: "How would you like to pay?",
  testCards: "This is a demo: choose a test card. No real money moves.",
  paymentLoading: "Loading the card form…",
  paymentFailed: "We couldn’t load the card form.",
  cardProblem: "Please check your card details.",
  /** @param {Money} total */
  pay: (total) => `Pay ${moneyWithCurrency(total)}`,
  paying: "Placing your order…",

  summary: "Your order",
  /** @param {number} quantity */
  quantity: (quantity) => `Quantity ${number(quantity)}`,
  subtotal: "Subtotal",
  deliveryCost: "Delivery",
  deliveryIncluded: "Included",
  total: "Total",
  editCart: "Edit cart",

  empty: "Your cart is empty.",
  browse: "Find a toy",
  changed: "Your cart has just changed. Please check it before you pay.",
  orderedElsewhere: "You’ve placed an order in another tab.",
  orderedElsewhereHint: "Check your orders before you order again.",
  placedBefore: "Your earlier order went through. Here are your orders.",
  seeOrders: "See your orders",
  seeOrder: "See your order",
  placed: "Thank you! We’ve received your order.",
  notPlaced: "Your order wasn’t placed, and you haven’t been charged.",
  toCheckout: "Back to checkout",

  pendingTitle: "We’re not sure your order went through",
  pendingText: "We sent your order but didn’t get a response. Try again. You won’t be charged twice.",
  pendingSending: "Your order is being placed…",
  tryAgain: "Try again",
  changeOrder: "Change the order",
  changeOrderTitle: "Change the order?",
  changeOrderText: "If your first order did go through, we’ll let you know instead of ordering twice.",

  priceTitle: "The price changed",
  priceText: "Nothing has been ordered, and you haven’t been charged.",
  toy: "Toy",
  before: "Before",
  now: "Now",
  /** @param {Money} total */
  acceptPrice: (total) => `Accept and pay ${moneyWithCurrency(total)}`,
  declinePrice: "Back to your cart",

  goneTitle: "No longer available",
  /** @param {string[]} names */
  gone: (names) => `${names.join(", ")} ${plural(names.length, { one: "is", other: "are" })} no longer available. You haven’t been charged.`,
  /** @param {number} count */
  goneRest: (count) => plural(count, { one: "Continue without it", other: "Continue without them" }),

  unconfirmed: "Your account’s email address isn’t confirmed, so we can’t take your order. You haven’t been charged.",
  unpayable: "We can’t accept a payment of this amount. Please change your cart. You haven’t been charged.",
  tooMany: "That quantity is too large. Please choose a smaller quantity. You haven’t been charged.",
  refused: "We couldn’t take your order. Please check it and try again. You haven’t been charged.",
  badCard: "We can’t use this card. Please choose another one.",
};

/** Labels of address fields, by the API's label, which depends on the country. @type {Record<string, string>} */
const LABELS = {
  City: "City",
  "Suburb or city": "Suburb or city",
  "Town or city": "Town or city",
  District: "District",
  Eircode: "Eircode",
  "PIN code": "PIN code",
  "Postal code": "Postal code",
  Postcode: "Postcode",
  "ZIP code": "ZIP code",
  Area: "Area",
  County: "County",
  Department: "Department",
  Emirate: "Emirate",
  Island: "Island",
  Parish: "Parish",
  Prefecture: "Prefecture",
  Province: "Province",
  Region: "Region",
  State: "State",
};

/** @type {Record<string, string>} */
const DEFAULT_LABELS = { city: "City", region: "Region", postal_code: "Postal code" };

/**
 * Name a field of an address.
 *
 * @param {{name: string, label: string}} field As the API describes it.
 */
export const addressLabel = ({ name, label }) => LABELS[label] ?? DEFAULT_LABELS[name] ?? name;

/** @param {string} label */
const within = (label) => label.replace(/^[A-Z](?=[a-z])/, (initial) => initial.toLowerCase());

/** @param {string} label */
export const missingPart = (label) => `Enter your ${within(label)}.`;

/** @param {string} label */
export const invalidPart = (label) => `Enter a valid ${within(label)}.`;

/** The gateway's test cards. */
export const testCards = [
  { token: "pm_card_visa", brand: "Visa", last4: "4242", effect: "Payment succeeds" },
  { token: "pm_card_mastercard", brand: "Mastercard", last4: "4444", effect: "Payment succeeds" },
  { token: "pm_card_authenticationRequired", brand: "Visa", last4: "3220", effect: "Asks you to confirm with your bank" },
  { token: "pm_card_chargeDeclined", brand: "Visa", last4: "0002", effect: "Declined" },
  { token: "pm_card_chargeDeclinedInsufficientFunds", brand: "Visa", last4: "9995", effect: "Declined, not enough funds" },
];
