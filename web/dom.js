// Building and finding elements. Text goes in as text: nothing here parses HTML.

export const $ = (id) => document.getElementById(id);

/** Make an element: properties, `on…` listeners, `data-…` and `aria-…` attributes, children. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (/^(data|aria)-|^role$/.test(name)) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Write money (integer minor units) as a shopper reads it. */
export function money({ amount, currency }) {
  const format = new Intl.NumberFormat("en-AU", { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export function picture(toy) {
  const image = toy.images?.[0];
  if (!image) return el("span", { className: "picture", "aria-hidden": "true" });
  return el("img", {
    className: "picture", loading: "lazy", width: 640, height: 640, src: image.url, alt: image.alt,
  });
}

/** Say something to screen readers without moving the focus. */
export function announce(text) {
  $("live").textContent = text;
}

let toastTimer;
export function toast(text) {
  announce(text);
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 3500);
}
