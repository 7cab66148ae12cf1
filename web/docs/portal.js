/**
 * The API reference: Swagger UI with the document that this shop serves.
 *
 * @typedef {(props: Record<string, any>) => unknown} Component
 * @typedef {{React: {createElement: (...of: unknown[]) => unknown, Fragment: unknown}}} System
 * @typedef {{preauthorizeApiKey: (scheme: string, token: string) => void}} Reference
 * @typedef {(options: Record<string, unknown>) => Reference} Renderer
 */

const api = "/api";
// Changes of Swagger UI's elements for those who use a screen reader or the keyboard
/** @type {Record<string, (original: Component, system: System) => Component>} */
const wrapComponents = {
  InfoContainer: (Info, { React }) => (props) => React.createElement("section", { "aria-label": "About the API" }, React.createElement(Info, props)),
  // a heading between that of the document and those of the tags
  operations: (Operations, { React }) => (props) =>
    React.createElement(React.Fragment, null, React.createElement("h2", null, "Operations"), React.createElement(Operations, props)),
  // no link inside of the button that opens an operation
  DeepLink: (_, { React }) => ({ text }) => React.createElement("span", null, text),
  // no menu of a single server
  ServersContainer: () => () => null,
};

const render = /** @type {{SwaggerUIBundle: Renderer}} */ (/** @type {unknown} */ (window)).SwaggerUIBundle;
const reference = render({
  dom_id: "#api",
  url: `${api}/openapi.json`,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  plugins: [{ wrapComponents }],
  syntaxHighlight: false,
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
