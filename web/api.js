// Calls the storefront API and keeps the customer's session.

const API = "/api";
const SESSION = "toyshop.session";

/**
 * An error response. `errors` are `{pointer, detail}`; status 0 means that there was no response.
 * `members` are all members of the response.
 */
export class Problem extends Error {
  constructor(members) {
    const { status = 0, type = "about:blank", title = "", detail = "", errors = [] } = members;
    super(detail || title || "We can’t reach the shop right now. Please try again.");
    this.status = status;
    this.type = type;
    this.errors = errors;
    this.members = members;
  }

  /** Whether the request may have been carried out despite the error. */
  get outcomeUnknown() {
    return this.status === 0 || this.status >= 500 || [401, 408, 429].includes(this.status);
  }
}

// Kept per tab and deleted with it, so that nothing remains on a shared computer.
export const session = {
  get current() {
    return JSON.parse(sessionStorage.getItem(SESSION) ?? "null");
  },
  open(tokens, email) {
    sessionStorage.setItem(SESSION, JSON.stringify({
      access: tokens.access_token, refresh: tokens.refresh_token, email,
    }));
    dispatchEvent(new Event("session"));
  },
  close() {
    sessionStorage.removeItem(SESSION);
    dispatchEvent(new Event("session"));
  },
};

async function send(method, path, { body, headers = {}, signal } = {}) {
  const init = { method, signal, headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  if (session.current) init.headers.Authorization = `Bearer ${session.current.access}`;
  try {
    return await fetch(API + path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({});
  }
}

let renewal = null;

/** Renew the session with the refresh token; concurrent requests share one attempt. */
function renew() {
  const { refresh, email } = session.current;
  renewal ??= fetch(`${API}/sessions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: refresh }),
  }).then(async (answer) => {
    if (answer.ok) session.open(await answer.json(), email);
    else if (answer.status < 500) session.close();
    return answer.ok;
  }, () => false).finally(() => { renewal = null; });
  return renewal;
}

async function request(method, path, options) {
  const wasSignedIn = session.current !== null && path !== "/sessions";
  let answer = await send(method, path, options);
  if (answer.status === 401 && wasSignedIn && await renew()) {
    answer = await send(method, path, options);
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && wasSignedIn && !session.current) {
    throw new Problem({ status: 401, detail: "You’ve been signed out. Please sign in again." });
  }
  const problem = await answer.json().catch(() => ({}));
  throw new Problem({ ...problem, status: answer.status });
}

/** Call the API and return the body of its response, `null` if it has none, or throw a Problem. */
export async function call(method, path, options = {}) {
  const answer = await request(method, path, options);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

/** Download a file that the API redirects to. The browser sends no token to the other origin. */
export async function download(path) {
  const answer = await request("GET", path, { headers: { Accept: "*/*" } });
  return answer.blob();
}

/** Build a query string from the parameters that have a value. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value != null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
