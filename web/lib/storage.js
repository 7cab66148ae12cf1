// Values in the browser's storage. They are validated when they are read, because another version of
// the page, an extension or the customer may have written them.

const PREFIX = "toyshop.";

/** What a customer has left in this browser, apart from the session. */
export const TRACES = ["basket", "order", "address", "card", "viewed"];
/** Personal values. */
const PERSONAL = ["session", "expired", ...TRACES];

/**
 * One value in the browser's storage, shared by all tabs.
 *
 * @template T
 */
export class Stored {
  /** @type {Set<(value: T) => void>} */
  #listeners = new Set();
  #name;
  #parse;
  /** @type {string | null} The value, if it could not be stored. */
  #unstored = null;

  /**
   * @param {string} name
   * @param {(value: unknown) => T} parse Turns what was stored, or `null`, into a valid value.
   */
  constructor(name, parse) {
    this.#name = PREFIX + name;
    this.#parse = parse;
    addEventListener("storage", ({ key }) => {
      if (key !== this.#name && key !== null) return;
      this.#unstored = null;
      this.#announce();
    });
    // a page in the back/forward cache does not receive these events
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) this.#announce();
    });
  }

  /** @returns {T} */
  get value() {
    try {
      return this.#parse(JSON.parse(this.#unstored ?? localStorage.getItem(this.#name) ?? "null"));
    } catch {
      return this.#parse(null);
    }
  }

  /** @param {T} value */
  set value(value) {
    const text = value === null ? null : JSON.stringify(value);
    try {
      if (this.#unstored === null && text === localStorage.getItem(this.#name)) return;
      this.#unstored = null;
      if (text === null) localStorage.removeItem(this.#name);
      else localStorage.setItem(this.#name, text);
    } catch {
      this.#unstored = text; // the storage is full or disabled: the value is lost when the page is closed
    }
    this.#announce();
  }

  /**
   * Call a function whenever the value changes, in this tab or in another one.
   *
   * @param {(value: T) => void} listener
   * @param {AbortSignal} [signal] Ends the subscription.
   */
  subscribe(listener, signal) {
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener));
  }

  #announce() {
    const { value } = this;
    for (const listener of this.#listeners) listener(value);
  }
}

/**
 * Remove values in all tabs; by default all personal ones, which ends the session.
 *
 * @param {string[]} names
 */
export function forget(names = PERSONAL) {
  for (const name of names) {
    try {
      localStorage.removeItem(PREFIX + name);
    } catch {
      // storage is disabled, so nothing was stored
    }
    // the browser notifies only the other tabs
    dispatchEvent(new StorageEvent("storage", { key: PREFIX + name }));
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * @param {unknown} value
 * @returns {value is string}
 */
export const isText = (value) => typeof value === "string" && value !== "";

/**
 * @param {unknown} value
 * @returns {value is import("./api.js").Money}
 */
export const isMoney = (value) => isObject(value) && Number.isSafeInteger(value.amount)
  && /** @type {number} */ (value.amount) >= 0
  && typeof value.currency === "string" && /^[A-Z]{3}$/.test(value.currency);
