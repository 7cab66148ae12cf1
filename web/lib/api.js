// Calls the storefront's API, and stores the customer's session.

import { Stored, TRACES, forget, isObject, isText } from "./storage.js";

/** @typedef {import("../types/api.js").components["schemas"]} Schemas */
/** @typedef {Schemas["Money"]} Money */
/** @typedef {Schemas["Toy"]} Toy */
/** @typedef {Schemas["ToyPage"]} ToyPage */
/** @typedef {Schemas["ShopOrder"]} Order */
/** @typedef {Schemas["ShopOrderPage"]} OrderPage */
/** @typedef {Schemas["FieldError"]} FieldError */
/** @typedef {{access: string, refresh: string, email: string, isStaff: boolean}} Session */
/**
 * @typedef {object} Options
 * @property {unknown} [body] Sent as JSON.
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

const API = "/api";
// A header with other characters cannot be sent at all; the API accepts tokens up to this length.
const TOKEN = /^[\w.~+/-]{1,8192}={0,2}$/;
const EMAIL = /^[^\s\p{Cc}]{1,254}$/u;
const MAX_AGE = 60_000; // ms for which `getCached` reuses a response
const TIMEOUT = 30_000; // ms

/** An error response; `status` is 0 if there was no response. */
export class Problem extends Error {
  /** @param {Record<string, unknown>} members The members of the response. */
  constructor(members) {
    super(isText(members.detail) ? members.detail : "no response");
    this.status = typeof members.status === "number" ? members.status : 0;
    /** The last part of the problem's `type`, such as `price-changed`; empty if it has none. */
    this.type = isText(members.type) ? members.type.replace(/^.*[#/]/, "") : "";
    /** @type {FieldError[]} */
    this.errors = Array.isArray(members.errors) ? members.errors : [];
    this.members = members;
  }

  /** Whether the request may have been carried out despite the error. */
  get outcomeUnknown() {
    return this.status === 0 || this.status >= 500 || [401, 408, 429].includes(this.status);
  }
}

/**
 * @param {unknown} value
 * @returns {Session | null}
 */
function parseSession(value) {
  if (!isObject(value)) return null;
  const { access, refresh, email, isStaff } = value;
  return isText(access) && TOKEN.test(access) && isText(refresh) && TOKEN.test(refresh) && isText(email) && EMAIL.test(email)
    ? { access, refresh, email, isStaff: isStaff === true } : null;
}

/** The session of the signed-in customer, shared by all tabs; `null` if nobody is signed in. */
export const session = new Stored("session", parseSession);

/** The email address of the customer whose session has expired; empty if they have signed in or out since. */
const expired = new Stored("expired", (value) => (isText(value) && EMAIL.test(value) ? value : ""));

/** Whether the last session has expired, and nobody has signed in since. */
export const hasExpired = () => !session.value && expired.value !== "";

/**
 * Return the claims of an access token. They only decide what the page offers: the API decides what
 * a user may do.
 *
 * @param {string} token
 * @returns {Record<string, unknown>}
 */
function claimsOf(token) {
  try {
    const payload = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return isObject(payload) ? payload : {};
  } catch {
    return {};
  }
}

/**
 * Whether an email address is the signed-in customer's.
 *
 * @param {string | undefined} email
 */
export const isOwn = (email) => email !== undefined && email.toLowerCase() === session.value?.email.toLowerCase();

/** The id of the signed-in customer, as in orders; `undefined` if nobody is signed in. */
export const customerId = () => (session.value ? claimsOf(session.value.access).sub : undefined);

/**
 * @param {Schemas["Session"]} tokens
 * @param {string} email
 */
function open(tokens, email) {
  const access = tokens.access_token;
  const groups = claimsOf(access)["cognito:groups"];
  const isStaff = Array.isArray(groups) && groups.includes("staff");
  session.value = { access, refresh: tokens.refresh_token, email, isStaff };
  expired.value = "";
}

/**
 * Sign a customer in. What another customer has left in this browser is removed, unlike a guest's cart.
 *
 * @param {string} email
 * @param {string} password
 * @throws {Problem}
 */
export async function signIn(email, password) {
  const tokens = await call("POST", "/sessions", { body: { email, password } });
  const last = session.value?.email ?? expired.value;
  if (last && last.toLowerCase() !== email.toLowerCase()) forget(TRACES);
  open(tokens, email);
}

/**
 * Return a W3C trace context. Its trace id is the idempotency key, so that all attempts are one trace.
 *
 * @param {string} key A UUID, whose digits are those of a trace id; otherwise, a new trace begins.
 */
function traceparent(key = "") {
  /** @param {string} uuid */
  const digits = (uuid) => uuid.replaceAll("-", "");
  const trace = /^[\da-f]{32}$/.test(digits(key)) ? key : crypto.randomUUID();
  // the second half of a UUID is never all zeros; the page records no spans, so the trace is not sampled yet
  return `00-${digits(trace)}-${digits(crypto.randomUUID()).slice(16)}-00`;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 */
async function send(method, path, { body, headers, signal }) {
  const timeout = AbortSignal.timeout(TIMEOUT);
  /** @type {RequestInit & {headers: Record<string, string>}} */
  const init = {
    method,
    headers: { Accept: "application/json", traceparent: traceparent(headers?.["Idempotency-Key"]), ...headers },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] ??= "application/json";
  }
  const { value } = session;
  if (value && path !== "/sessions") init.headers.Authorization = `Bearer ${value.access}`;
  try {
    return await fetch(API + path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({});
  }
}

/**
 * Renew the session, once for all tabs and concurrent requests.
 *
 * @param {string} stale The access token that was refused.
 */
function renew(stale) {
  return navigator.locks.request("toyshop.session", async () => {
    const { value } = session;
    if (!value) return false;
    if (value.access !== stale) return true; // another request or tab has renewed it
    const answer = await send("POST", "/sessions", { body: { refresh_token: value.refresh } })
      .catch(() => null);
    const tokens = answer?.ok ? await answer.json().catch(() => null) : null;
    if (session.value?.refresh !== value.refresh) return false; // signed out meanwhile
    if (tokens) open(tokens, value.email);
    // Everything else that is stored remains, so that the customer can continue after signing in again.
    else if (answer && answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      expired.value = value.email;
      session.value = null;
    }
    return tokens !== null;
  });
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 */
async function request(method, path, options) {
  const before = path === "/sessions" ? null : session.value;
  let answer = await send(method, path, options);
  if (answer.status === 401 && before) {
    const isRenewed = await renew(before.access);
    // do not repeat it as another customer, who has signed in since
    if (isRenewed && isOwn(before.email)) answer = await send(method, path, options);
    else if (session.value?.access === before.access) throw new Problem({}); // it cannot be renewed right now
  }
  if (answer.ok) return answer;
  const members = await answer.json().catch(() => ({}));
  throw new Problem({ ...(isObject(members) ? members : {}), status: answer.status });
}

/**
 * Call the API and return the JSON of its response, `null` if it has none.
 *
 * @param {string} method
 * @param {string} path Below `/api`, with the query string.
 * @param {Options} [options]
 * @returns {Promise<any>}
 * @throws {Problem} If the response is an error, or there is none.
 */
export async function call(method, path, options = {}) {
  const answer = await request(method, path, options);
  try {
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem({}); // the response is incomplete
  }
}

/**
 * Download a file that the API redirects to. The browser sends no token to the other origin.
 *
 * @param {string} path
 * @throws {Problem}
 */
export async function download(path) {
  const answer = await request("GET", path, { headers: { Accept: "*/*" } });
  return answer.blob();
}

/** @type {Map<string, {at: number, answer: any}>} */
const responses = new Map();

/**
 * Return a public resource, up to a minute old, so that Back shows a list immediately.
 *
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {Problem}
 */
export async function getCached(path, signal) {
  const known = responses.get(path);
  if (known && Date.now() - known.at < MAX_AGE) return known.answer;
  const answer = await call("GET", path, { signal });
  responses.set(path, { at: Date.now(), answer });
  return answer;
}

/**
 * Make `getCached` return a resource that was part of another response, such as a toy of a list.
 *
 * @param {string} path
 * @param {unknown} answer
 */
export const putCached = (path, answer) => void responses.set(path, { at: Date.now(), answer });

/** @typedef {{at: number, items: Toy[], cursor: string | null, total: number, facets: Record<string, Record<string, number>>}} ToyList */

const MOST = 100; // toys per response
/** @type {Map<string, ToyList>} By their filters. */
const lists = new Map();

/**
 * Return the first toys of a list, reusing responses that are up to a minute old.
 *
 * @param {Record<string, string | number | null>} filters The parameters of `GET /toys`.
 * @param {number} count The least number of toys to return, if there are as many.
 * @param {AbortSignal} signal
 * @returns {Promise<ToyList>}
 * @throws {Problem}
 */
export async function listToys(filters, count, signal) {
  const key = query(filters);
  let list = lists.get(key);
  if (list && Date.now() - list.at > MAX_AGE) list = undefined;
  while (!list || (list.items.length < count && list.cursor)) {
    /** @type {ToyPage} */
    const page = await call("GET", `/toys${query({
      ...filters, limit: Math.min(MOST, count - (list?.items.length ?? 0)), cursor: list?.cursor,
      facets: list ? null : "category,brand,age,price",
    })}`, { signal });
    for (const toy of page.items) putCached(`/toys/${toy.id}`, toy);
    list = {
      at: list?.at ?? Date.now(), items: [...list?.items ?? [], ...page.items], cursor: page.next_cursor,
      total: page.total, facets: list?.facets ?? page.facets ?? {},
    };
    lists.set(key, list);
  }
  return list;
}

/** Discard all cached responses, after a change. */
export function refetch() {
  responses.clear();
  lists.clear();
}

/**
 * Build a query string from the parameters that have a value.
 *
 * @param {Record<string, string | number | null | undefined>} parameters
 */
export function query(parameters) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== "" && value !== null && value !== undefined) given.set(name, String(value));
  }
  return given.size ? `?${given}` : "";
}
