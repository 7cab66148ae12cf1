/**
 * The API reference: Swagger UI with the document that this shop serves.
 *
 * @typedef {{preauthorizeApiKey: (scheme: string, token: string) => void}} Reference
 * @typedef {(options: Record<string, unknown>) => Reference} Renderer
 */

const api = "/api";
const render = /** @type {{SwaggerUIBundle: Renderer}} */ (/** @type {unknown} */ (window)).SwaggerUIBundle;
const reference = render({
  dom_id: "#api",
  url: `${api}/openapi.json`,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  // no validator badge from another host
  validatorUrl: null,
});

// Swagger UI's dark theme
const dark = matchMedia("(prefers-color-scheme: dark)");
const choose = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", choose);
choose();

const form = /** @type {HTMLFormElement} */ (document.getElementById("sign-in"));
const outcome = /** @type {HTMLElement} */ (form.querySelector("[role=status]"));

/** Start a session, and send its token with all further requests. */
async function signIn() {
  outcome.textContent = "Signing in…";
  const answer = await fetch(`${api}/sessions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  });
  const session = await answer.json();
  if (answer.ok) {
    reference.preauthorizeApiKey("bearer", session.access_token);
    form.reset();
  }
  outcome.textContent = answer.ok ? "Signed in." : session.detail;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn().catch(() => {
    outcome.textContent = "The shop isn’t responding. Try again.";
  });
});
