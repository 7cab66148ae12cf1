// Texts of the staff's tools.

import { label, money, number, plural } from "../lib/format.js";

/** @typedef {import("../lib/api.js").Order} Order */
/** @typedef {import("../lib/api.js").Toy} Toy */
/** @typedef {import("../lib/sequence.js").Journey} Journey */
/** @typedef {import("../lib/sequence.js").Hop} Hop */
/** @typedef {import("../lib/sequence.js").Message} Message */

export const staffTexts = {
  title: "Staff",
  tabs: "Staff tools",
  orders: "Orders",
  toys: "Toys",
  signInFirst: "Sign in with your staff account.",
  notStaff: "This page is for our staff",
  notStaffDetail: "You’re signed in as a customer. If you work here, ask a colleague to give your account staff access, then sign in again.",
  otherAccount: "Use another account",
  search: "Search",
  clear: "Clear search",
  more: "Load more",
  stale: "We couldn’t update this page. It may be out of date.",
};

export const staffOrderTexts = {
  search: "Search orders",
  query: "Order number or customer’s email",
  queryHint: "The full number, such as ord_7Q4M…, or the full address.",
  neither: "Enter a full order number (it begins with ord_) or a full email address.",
  status: "Status",
  anyStatus: "All orders",
  placed: "Placed",
  cancelled: "Cancelled",
  date: "Placed",
  customer: "Customer",
  contents: "Toys",
  state: "Status",
  total: "Total",
  listCaption: "Orders, newest first",
  none: "There are no orders yet.",
  noMatch: "No orders match your search.",
  /** @param {number} count */
  loaded: (count) => plural(count, { one: "# order", other: "# orders" }),
  /** @param {number} count */
  loadedSoFar: (count) => plural(count, { one: "The newest order", other: "The newest # orders" }),
  searchOn: "None found yet among the newest orders. Load more to look further back.",
  /** @param {string} time As it is shown. @param {Order} order */
  open: (time, { id }) => `${time}: order ${id}`,
  back: "Back to orders",
  /** @param {string} day */
  title: (day) => `Order placed ${day}`,
  email: "Email",
  name: "Name",
  ofCustomer: "All orders of this customer",
  customerId: "Customer ID",
  items: "Toys",
  each: "Each",
  quantity: "Quantity",
  line: "Total",
  toy: "Toy",
  delivery: "Delivery address",
  payment: "Payment",
  method: "Status",
  transaction: "Transaction",
  noTransaction: "None yet",
  refunded: "Refunded",
  declined: "Decline reason",
  dispute: "Dispute",
  noDispute: "No dispute",
  receipt: "Receipt",
  receiptReady: "Download (PDF)",
  noReceipt: "None yet",
  details: "Record",
  id: "Order number",
  version: "Version",
  placedAt: "Placed",
  updatedAt: "Last changed",
  cancel: "Cancel order",
  cancelTitle: "Cancel this order?",
  /** @param {string} total */
  cancelText: (total) => `The customer will be notified by email. If ${total} has been charged, it will be refunded in full.`,
  cancelDone: "Order cancelled.",
  keep: "Keep order",
  journey: "Journey through the services",
};

/** @type {Record<Order["payment"]["status"], string>} */
const PAYMENTS = {
  pending: "Being charged",
  succeeded: "Paid",
  declined: "Declined",
  action_required: "Waiting for the bank",
  refunded: "Refunded",
  cancelled: "Not charged",
  unknown: "Not known right now",
};

/** @param {Order} order */
export const paymentState = ({ payment }) => PAYMENTS[payment.status];

/** @param {Order} order */
export function orderState(order) {
  if (order.status === "placed") return paymentState(order);
  return order.payment.status === "refunded" ? "Cancelled, refunded" : "Cancelled";
}

/** @type {Record<string, string>} */
export const DISPUTES = { open: "Open: the bank hasn’t decided yet", won: "Won", lost: "Lost: the bank returned the money" };

/** Return a label for a decline code of the gateway. @param {string} code */
export const declineText = (code) => label(code);

/** @type {Record<string, string>} */
const PARTICIPANTS = {
  storefront_api: "Storefront",
  toys: "Toys",
  orders: "Orders",
  payments: "Payments",
  file_manager: "Files",
  notifications: "Notifications",
  "payment gateway": "Gateway",
};

/** Return the name of a service, or of another one that it calls. @param {string} name */
export const participant = (name) => PARTICIPANTS[name] ?? name;

/** Return the type of an event without what all of them have. @param {string} type */
export const eventText = (type) => type.replace(/^shop\./, "").replace(/\.v\d+$/, "");

const UNITS = /** @type {const} */ ([["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000], ["ms", 1]]);

/**
 * Return a duration in at most two units, such as `1 min 30 s`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  const index = UNITS.findIndex(([unit, size]) => ms >= size || unit === "ms");
  const [unit, size] = UNITS[index];
  if (ms < 60_000) return `${number(rounded(ms / size))} ${unit}`;
  const [lesser, part] = UNITS[index + 1];
  const rest = rounded((ms % size) / part);
  return `${number(Math.floor(ms / size))} ${unit}${rest ? ` ${number(rest)} ${lesser}` : ""}`;
}

/** Below ten, with one decimal. @param {number} value */
const rounded = (value) => (value < 9.95 ? Math.round(value * 10) / 10 : Math.round(value));

export const journeyTexts = {
  title: "Journey of the order",
  order: "Order",
  back: "Back to the order",
  diagram: "Over time",
  /** @param {number} lanes @param {number} steps */
  diagramLabel: (lanes, steps) => `Sequence diagram of ${plural(steps, { one: "# step", other: "# steps" })} in ${plural(lanes, { one: "# service", other: "# services" })}. The table of steps has the same facts.`,
  /** @param {number} index @param {string} name @param {string} where @param {string} took */
  bar: (index, name, where, took) => `Step ${number(index)}: ${name}, ${where}, ${took}`,
  /** @param {string} pause */
  pause: (pause) => `${pause} without a step`,
  steps: "Steps",
  step: "Step",
  service: "Service",
  start: "Started after",
  duration: "Duration",
  waited: "Waited",
  notWaited: "–",
  attempt: "Attempt",
  outcome: "Outcome",
  /** @param {string} caller @param {string} callee */
  calls: (caller, callee) => `${caller} calls ${callee}`,
  /** @param {number} code */
  status: (code) => `HTTP ${code}`,
  /** @type {Record<Hop["kind"], (event: string) => string>} */
  kinds: {
    request: (event) => event,
    relay: (event) => `Publish ${event}`,
    event: (event) => `Handle ${event}`,
    call: (event) => event,
    function: (event) => event,
  },
  /** @type {Record<Hop["outcome"], string>} */
  outcomes: { ok: "OK", failed: "Failed", retried: "Retried", parked: "Parked", duplicate: "Duplicate" },
  /** @type {Record<Message["channel"], (time: string) => string>} */
  channels: {
    http: (time) => time,
    stream: (time) => `${time} in the stream`,
    topic: (time) => `${time} in the topic`,
    retry: (time) => `${time} before the retry`,
    retry_queue: (time) => `${time} in the retry queue`,
  },
  sent: "Sent to the customer",
  emails: "Emails",
  noEmails: "None yet",
  /** @type {Record<Journey["emails"][number]["template"], string>} */
  templates: {
    payment_succeeded: "Email: paid",
    payment_declined: "Email: card declined",
    payment_action_required: "Email: confirm with the bank",
    payment_refunded: "Email: refund or dispute",
  },
  /** @param {string} time */
  sentAt: (time) => `Sent ${time}`,
  notSent: "Being sent",
  /** @param {number} index */
  byStep: (index) => `in step ${number(index)}`,
  receipt: "Receipt",
  receiptReady: "Download (PDF)",
  noReceipt: "None yet",
  summary: "Summary",
  startedAt: "Started",
  total: "Total duration",
  traces: "Traces",
  incomplete: "Some steps are missing, because a part of the traces couldn’t be read.",
  again: "Try again",
  /** @type {Record<NonNullable<Journey["missing"]>, string>} */
  missing: {
    not_recorded: "No trace of this order has been recorded. If it was placed just now, its trace may take a few seconds.",
    expired: "The trace of this order has expired. Traces are kept for 30 days.",
    unavailable: "Traces can’t be read right now. The order itself isn’t affected.",
  },
};

export const staffToyTexts = {
  search: "Search the catalogue",
  query: "Name, brand or other words",
  category: "Category",
  anyCategory: "All categories",
  add: "Add a toy",
  listCaption: "Toys, newest first",
  name: "Name",
  brand: "Brand",
  price: "Price",
  age: "Age",
  pictures: "Pictures",
  noPicture: "No pictures",
  changed: "Changed",
  none: "There are no toys yet.",
  noMatch: "No toys match your search.",
  /** @param {number} count */
  total: (count) => plural(count, { one: "# toy", other: "# toys" }),
  /** @param {string} name */
  edit: (name) => `Edit ${name}`,
  back: "Back to toys",
  newTitle: "New toy",
  view: "View in the shop",
  details: "Details",
  description: "Description",
  categoryHint: "Choose an existing category, or enter a new one such as water-play.",
  /** @param {string} currency */
  priceIn: (currency) => `Price in ${currency}`,
  currency: "Currency",
  currencyHint: "A currency code, such as AUD.",
  minAge: "Minimum age in years",
  minAgeHint: "0 means from birth.",
  minAgeError: "Enter an age from 0 to 99, in whole years.",
  attributes: "Attributes",
  attributesHint: "For example, material: beech wood.",
  attributeName: "Name",
  attributeValue: "Value",
  /** @param {number} index */
  attributeNameOf: (index) => `Name of attribute ${number(index)}`,
  /** @param {string} name @param {number} index */
  attributeValueOf: (name, index) => (name ? `Value of ${name}` : `Value of attribute ${number(index)}`),
  /** @param {string} name @param {number} index */
  removeAttribute: (name, index) => (name ? `Remove ${name}` : `Remove attribute ${number(index)}`),
  addAttribute: "Add attribute",
  create: "Add toy",
  save: "Save changes",
  saving: "Saving…",
  created: "Toy added. Now add its pictures.",
  saved: "Saved.",
  nothingToSave: "Nothing has changed.",
  gone: "This toy has been withdrawn. Your changes are still here: you can add them as a new toy.",
  addAsNew: "Add as a new toy",
  withdraw: "Withdraw from the shop",
  withdrawHint: "Customers can no longer find or order it. Existing orders aren’t affected.",
  /** @param {string} name */
  withdrawTitle: (name) => `Withdraw ${name}?`,
  withdrawText: "Its details and pictures will be deleted. This can’t be undone.",
  keep: "Keep it",
  /** @param {string} name */
  withdrawn: (name) => `${name} withdrawn.`,
  changedBeforeWithdraw: "A colleague has just changed this toy. Check it before you withdraw it.",
  leaveTitle: "Leave without saving?",
  leaveText: "Your changes to this toy will be lost.",
  leave: "Leave",
  keepEditing: "Keep editing",
  title: "Toy",
};

export const conflictTexts = {
  title: "A colleague has also changed this toy",
  text: "Your changes are still here. Choose which values to keep, then save again.",
  /** @param {string} field */
  choose: (field) => field,
  yours: "Yours",
  theirs: "Theirs",
  before: "Before",
  empty: "(empty)",
  taken: "Also changed by your colleague:",
};

export const pictureTexts = {
  title: "Pictures",
  saveFirst: "Add the toy first. Then you can add its pictures.",
  drop: "Drop pictures here, or",
  choose: "choose files",
  rules: "JPEG, PNG, WebP or GIF, up to 5 MB each.",
  /** @param {string} file */
  alt: (file) => `What does ${file} show?`,
  altHint: "Read aloud by screen readers, for example “A red kite above a beach”.",
  altMissing: "Describe what the picture shows.",
  altTooLong: "Please shorten this to 300 characters.",
  /** @param {number} count */
  upload: (count) => plural(count, { one: "Upload # picture", other: "Upload # pictures" }),
  /** @param {string} file */
  removeFile: (file) => `Discard ${file}`,
  discard: "Discard",
  retry: "Try again",
  /** @param {string} file */
  retryOf: (file) => `Upload ${file} again`,
  remove: "Remove",
  /** @param {string} alt */
  removeOf: (alt) => `Remove picture: ${alt}`,
  removeTitle: "Remove this picture?",
  keep: "Keep it",
  removed: "Picture removed.",
  none: "No pictures yet.",
  /** @param {number} percent */
  uploading: (percent) => `Uploading: ${number(percent)}%`,
  checking: "Uploaded. We’re checking it.",
  slow: "The check is taking longer than usual. You can leave this page and come back later.",
  earlier: "Rejected earlier",
  failed: "The upload failed. Check your connection and try again.",
  wrongType: "Only JPEG, PNG, WebP and GIF files are accepted.",
  tooLarge: "This file is larger than 5 MB. Make it smaller first.",
  isEmpty: "This file is empty.",
  tooMany: "A toy can have at most 20 pictures. Remove one first.",
  gone: "This toy has been withdrawn.",
};

/** What to say about a rejected picture, by a pattern of the API's reason. @type {[RegExp, string][]} */
const REASONS = [
  [/bytes than|announced\. Upload the whole/i, "The upload is incomplete. Upload it again."],
  [/megapixels/i, "It has too many pixels. Make it smaller and upload it again."],
  [/pixels long/i, "It’s too long or too wide. Make it smaller and upload it again."],
  [/but was announced as/i, "Its format doesn’t match its name. Save it as JPEG, PNG, WebP or GIF and upload it again."],
  [/not a picture/i, "It isn’t a picture that we can read. Upload a JPEG, PNG, WebP or GIF."],
  [/damaged|incomplete/i, "The file is damaged. Open it, save it as a new file, and upload that."],
];

/** @param {string | null} reason The API's. */
export const rejectionText = (reason) => REASONS.find(([about]) => about.test(reason ?? ""))?.[1]
  ?? "It can’t be used. Try another file.";

/** @type {Record<string, string>} What to say beside a toy's field with an error, by name and code. */
const FIELDS = {
  "name required": "Enter the toy’s name.",
  "category required": "Enter a category.",
  "brand required": "Enter the brand.",
  "amount required": "Enter the price.",
  "amount format": "Enter a price like 29.95.",
  "amount too_large": "The price is too high: at most 999,999.99.",
  "min_age required": "Enter the minimum age.",
  "min_age format": "Enter whole years.",
  "min_age too_large": "Enter an age up to 99.",
  "min_age too_small": "Enter an age of 0 or more.",
  "currency format": "Enter three capital letters, such as AUD.",
};

/**
 * Return what to say beside a toy's field with an error; `undefined` to use the form's text.
 *
 * @param {string} field
 * @param {string} code
 */
export const toyFieldText = (field, code) => FIELDS[`${field} ${code}`];

export const attributeErrors = {
  name: "Enter a name of letters, digits, spaces and hyphens.",
  repeated: "There is already an attribute with this name.",
  value: "Enter a value.",
  tooMany: "A toy can have at most 30 attributes.",
};

/**
 * Format a field's value for the comparison of two versions.
 *
 * @param {string} field
 * @param {unknown} value
 */
export function shownValue(field, value) {
  if (value === undefined || value === "") return conflictTexts.empty;
  if (field === "price") return money(/** @type {Toy["price"]} */ (value));
  return String(value);
}

/** @type {Record<string, string>} */
const FIELD_NAMES = {
  name: staffToyTexts.name,
  description: staffToyTexts.description,
  category: staffToyTexts.category,
  brand: staffToyTexts.brand,
  price: staffToyTexts.price,
  min_age: staffToyTexts.minAge,
};

/** @param {string} field A member of a toy, or `attributes/` and a name. */
export const fieldName = (field) => FIELD_NAMES[field] ?? label(field.replace("attributes/", ""));
