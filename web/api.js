// The storefront API: one function to call it, and the session that it is called with.

const API = "/api";
const SESSION = "toyshop.session";

/** An answer that is not a success. `errors` are `{pointer, detail}`; status 0: no answer came. */
export class Problem extends Error {
  constructor({ status = 0, title = "", detail = "", errors = [] }) {
    super(detail || title || "The shop cannot be reached. Please try again.");
    this.status = status;
    this.errors = errors;
  }

  /** Whether the request may have been carried out all the same. */
  get unanswered() {
    return this.status === 0 || this.status >= 500 || [401, 408, 429].includes(this.status);
  }
}

// Per tab, and gone with it: a shared computer forgets who was there.
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
  const request = { method, signal, headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers["Content-Type"] = "application/json";
  }
  if (session.current) request.headers.Authorization = `Bearer ${session.current.access}`;
  try {
    return await fetch(API + path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({});
  }
}

let renewal = null;

/** Trade the refresh token for a new session; requests that fail together share one attempt. */
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

async function answered(method, path, options) {
  let answer = await send(method, path, options);
  if (answer.status === 401 && session.current && path !== "/sessions" && await renew()) {
    answer = await send(method, path, options);
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Problem({ ...problem, status: answer.status });
}

/** Call the API and return what it answers, or throw a Problem. */
export async function call(method, path, options = {}) {
  const answer = await answered(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

/** Fetch a file that the API redirects to. The browser drops our token at the other origin. */
export async function download(path) {
  const answer = await answered("GET", path, { headers: { Accept: "*/*" } });
  return answer.blob();
}

/** A query string of the parameters that have a value. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value != null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
