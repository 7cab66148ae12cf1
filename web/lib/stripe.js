// Loads Stripe.js when it is needed; Stripe requires that it comes from its own server.

const SCRIPT = "https://js.stripe.com/v3/";

/** @type {Promise<any> | null} */
let loading = null;

/**
 * Load Stripe.js.
 *
 * @param {string} key The publishable key.
 * @returns {Promise<any>}
 * @throws {Error} If it cannot be loaded; the next call tries again.
 */
export function stripe(key) {
  loading ??= new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: SCRIPT });
    script.onload = () => done(/** @type {any} */ (window).Stripe(key));
    script.onerror = () => {
      loading = null;
      script.remove();
      failed(new Error("no Stripe.js"));
    };
    document.head.append(script);
  });
  return loading;
}

/**
 * Return the value of a color token in the present theme.
 *
 * @param {string} token
 */
function color(token) {
  const probe = document.body.appendChild(document.createElement("span"));
  probe.style.color = `var(${token})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Return the Payment Element's appearance, with the page's colors. */
export const appearance = () => ({
  theme: "flat",
  variables: {
    colorPrimary: color("--accent"),
    colorBackground: color("--card"),
    colorText: color("--ink"),
    colorTextSecondary: color("--soft"),
    colorDanger: color("--bad"),
    borderRadius: "10px",
    spacingUnit: "4px",
  },
  rules: { ".Input": { border: `1.5px solid ${color("--field")}`, boxShadow: "none" } },
});
