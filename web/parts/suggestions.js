// Suggestions below the search field while the customer types (an ARIA combobox with a list box).

import { call, query } from "../lib/api.js";
import { go } from "../lib/router.js";
import { listTexts } from "../texts/shop.js";
import { html, render } from "../vendor/lit-html/lit-html.js";
import { announce } from "./page.js";

const PAUSE = 150; // ms between the last key and the request

/** @param {HTMLInputElement} field The search field that has the focus. */
export function suggestFor(field) {
  const list = Object.assign(document.createElement("ul"), { id: "suggestions", className: "suggestions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", listTexts.suggestions);
  field.after(list);
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);

  /** @type {string[]} */
  let texts = [];
  let chosen = -1;
  let asked = new URLSearchParams(location.search).get("q")?.trim() ?? "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  /** @type {AbortController | undefined} */
  let pending;

  const update = () => {
    list.hidden = !texts.length;
    field.setAttribute("aria-expanded", String(texts.length > 0));
    if (chosen < 0) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `suggestion-${chosen}`);
    render(html`${texts.map((text, at) => html`
      <li id=${`suggestion-${at}`} role="option" aria-selected=${String(at === chosen)} @click=${() => choose(text)}>${text}</li>`)}`, list);
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const close = () => {
    clearTimeout(pause);
    pending?.abort();
    texts = [];
    chosen = -1;
    update();
  };
  /** @param {string} text */
  const choose = (text) => {
    asked = field.value = text;
    close();
    field.blur();
    go(`/search${query({ q: text })}`);
  };
  const ask = async () => {
    pending = new AbortController();
    const { signal } = pending;
    try {
      const { items } = await call("GET", `/toys/suggestions${query({ q: asked })}`, { signal });
      if (signal.aborted) return;
      texts = items.map((/** @type {{text: string}} */ item) => item.text);
      chosen = -1;
      update();
      announce(listTexts.suggested(texts.length));
    } catch {
      if (!signal.aborted) close(); // search works without suggestions
    }
  };

  field.addEventListener("input", () => {
    const text = field.value.trim();
    if (text === asked) return;
    asked = text;
    clearTimeout(pause);
    pending?.abort();
    if (text) pause = setTimeout(ask, PAUSE);
    else close();
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || !texts.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      // one position more than there are suggestions: the typed text
      chosen = ((chosen + 1 + step + texts.length + 1) % (texts.length + 1)) - 1;
      update();
    } else if (event.key === "Enter" && chosen >= 0) {
      choose(texts[chosen]);
    } else if (event.key === "Escape") {
      close();
    } else {
      return;
    }
    event.preventDefault();
  });
  // a click on a suggestion must not move the focus first
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("mousedown", (event) => event.preventDefault());
  field.addEventListener("blur", close);
  addEventListener("visit", close);
  // text that was typed before this module was loaded
  field.dispatchEvent(new Event("input"));
}
