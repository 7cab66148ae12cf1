// Asks the customer to confirm something.

import { shop } from "../texts/shop.js";
import { html, nothing, render } from "../vendor/lit-html/lit-html.js";

/**
 * Ask a question in a dialog.
 *
 * @param {object} texts
 * @param {string} texts.title The question.
 * @param {string} [texts.text] The consequence of confirming.
 * @param {string} texts.yes Label of the button that confirms, such as "Cancel order".
 * @param {string} [texts.no]
 * @param {AbortSignal} [signal] Closes the dialog without confirming.
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes, no = shop.close }, signal) {
  return new Promise((done) => {
    const dialog = document.body.appendChild(document.createElement("dialog"));
    dialog.className = "confirm";
    dialog.setAttribute("aria-labelledby", "confirm-title");
    const close = () => dialog.close();
    signal?.addEventListener("abort", close);
    dialog.addEventListener("close", () => {
      signal?.removeEventListener("abort", close);
      done(dialog.returnValue === "yes" && !signal?.aborted);
      dialog.remove();
    });
    render(html`
      <h2 id="confirm-title">${title}</h2>
      ${text ? html`<p>${text}</p>` : nothing}
      <p class="actions">
        <button type="button" class="quiet" autofocus @click=${close}>${no}</button>
        <button type="button" @click=${() => dialog.close("yes")}>${yes}</button>
      </p>`, dialog);
    dialog.showModal();
  });
}
