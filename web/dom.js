// Finds and creates elements. Text is always inserted as text, never parsed as HTML.

export const $ = (id) => document.getElementById(id);

/** Create an element with properties, `on…` listeners, `data-…` and `aria-…` attributes, children. */
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

/** Format money (integer minor units) for display. */
export function money({ amount, currency }) {
  const format = new Intl.NumberFormat("en-AU", { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** Format money with the code of its currency: dollars are those of several countries. */
export const moneyWithCurrency = (value) => `${money(value)} ${value.currency}`;

/** Create the toy's first image, or a blank placeholder; `sizes` is how wide it is displayed. */
export function picture(toy, sizes) {
  const image = toy.images?.[0];
  if (!image) return el("span", { className: "picture", "aria-hidden": "true" });
  // Images from before the shop made smaller copies have no width.
  const copies = image.width ? [...image.variants, image] : [];
  return el("img", {
    className: "picture", loading: "lazy", width: 640, height: 640, alt: image.alt,
    // before src, so that the browser does not load the large image first
    sizes, srcset: copies.map(({ url, width }) => `${url} ${width}w`).join(", "), src: image.url,
  });
}

/** Announce a text to screen readers without moving the focus. */
export function announce(text) {
  $("live").textContent = text;
}

let toastTimer;

/** Show a short notification and announce it to screen readers. */
export function toast(text) {
  announce(text);
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 3500);
}
