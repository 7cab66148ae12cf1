// What the page says while customers check out.

import { moneyWithCurrency, number, plural } from "../lib/format.js";

/** @typedef {import("../lib/api.js").Money} Money */

export const checkoutTexts = {
  title: "Checkout",
  steps: "Steps of the checkout",
  contact: "Contact",
  delivery: "Delivery",
  payment: "Payment",

  contactHint: "Sign in or create an account, so that you can follow your order.",
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
  nameMissing: "Enter the full name of the person who receives it.",
  line1: "Street address",
  line2: "Apartment, unit",
  loadingCountries: "Loading the countries we deliver to…",
  noCountries: "We can’t load the countries we deliver to.",
  /** @param {string} fields */
  fieldsChanged: (fields) => `Address fields: ${fields}.`,

  paymentTitle: "How would you like to pay?",
  testCards: "This is a demo: choose one of the test cards. No money moves.",
  paymentLoading: "Loading the card form…",
  paymentFailed: "The card form couldn’t be loaded.",
  cardProblem: "Please check the details of your card.",
  /** @param {Money} total */
  pay: (total) => `Pay ${moneyWithCurrency(total)}`,
  paying: "Placing your order…",

  summary: "Your order",
  /** @param {number} quantity */
  quantity: (quantity) => `Quantity ${number(quantity)}`,
  subtotal: "Subtotal",
  deliveryCost: "Delivery",
  free: "Free",
  total: "Total",
  editCart: "Edit cart",

  empty: "Your cart is empty.",
  lookAround: "Find a toy",
  changed: "Your cart has just changed. Please check it, then pay.",
  orderedElsewhere: "You’ve ordered in another tab.",
  orderedElsewhereHint: "Look at your orders before you order once more.",
  placedBefore: "Your earlier attempt went through after all. Here are your orders.",
  seeOrders: "See your orders",
  seeOrder: "See your order",
  placed: "Thank you! We’ve received your order.",

  pendingTitle: "Did your order arrive?",
  pendingText: "We sent your order but didn’t get an answer. Try again: you’ll never be charged twice for it.",
  pendingSending: "Your order is on its way…",
  tryAgain: "Try again",
  changeOrder: "Change the order",
  changeOrderTitle: "Change the order?",
  changeOrderText: "If the earlier attempt did arrive, we’ll tell you instead of ordering twice.",

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
  gone: (names) => `${names.join(", ")} ${plural(names.length, { one: "isn’t", other: "aren’t" })} available any more. You haven’t been charged.`,
  /** @param {number} count */
  goneRest: (count) => plural(count, { one: "Continue without it", other: "Continue without them" }),

  unconfirmed: "We can’t email you at the address of your account, so we can’t take your order. You haven’t been charged.",
  unpayable: "We can’t take a payment of this amount. Please change your cart. You haven’t been charged.",
  tooMany: "Please order fewer of one toy. You haven’t been charged.",
  refused: "We couldn’t take your order. Please check it and try again. You haven’t been charged.",
  badCard: "We can’t use this card. Please choose another one.",
};

/** Texts of an address form; those of the fields depend on the country. @type {Record<string, string>} */
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
export const missingPart = (label) => `Enter the ${label.toLowerCase()}.`;

/** The cards to try the shop with, by their token. */
export const testCards = [
  { token: "pm_card_visa", brand: "Visa", last4: "4242", effect: "Pays at once" },
  { token: "pm_card_mastercard", brand: "Mastercard", last4: "4444", effect: "Pays at once" },
  { token: "pm_card_authenticationRequired", brand: "Visa", last4: "3220", effect: "Asks you to confirm with your bank" },
  { token: "pm_card_chargeDeclined", brand: "Visa", last4: "0002", effect: "Is declined" },
  { token: "pm_card_chargeDeclinedInsufficientFunds", brand: "Visa", last4: "9995", effect: "Hasn’t enough money" },
];
