// Forms to sign in, sign up, confirm an address and reset a password, for any view.

import { Problem, call, session, signIn } from "../lib/api.js";
import { PASSWORD_RULES, accountTexts as texts } from "../texts/account.js";
import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { Form, submitButton } from "./form.js";
import { announce, toast } from "./page.js";

/** @typedef {"sign-in" | "create" | "confirm" | "forgot" | "reset"} Mode */

// Values that the next form needs. Never stored.
const entered = { email: "", password: "" };

function forgetEntered() {
  Object.assign(entered, { email: "", password: "" });
}
session.subscribe(forgetEntered);

/**
 * Sign in with what was entered.
 *
 * @param {string} email
 * @param {string} password
 */
async function enter(email, password) {
  await signIn(email.trim(), password);
  announce(texts.signedIn);
}

const WRONG = { unauthorized: texts.wrongCredentials, "too-many-requests": texts.tooMany };

/**
 * @param {string} field
 * @param {string} code
 */
const passwordText = (field, code) => (field === "code" && code === "invalid" ? texts.wrongCode
  : field === "password" ? texts.usedBefore : field === "email" && code === "invalid" ? texts.badEmail : undefined);

/** The forms, one at a time. Views subscribe to the session to find out that a customer has signed in. */
export class SignIn {
  isShown = false; // the password

  /**
   * @param {object} options
   * @param {() => void} options.redraw
   * @param {(mode: Mode) => void} options.switchTo Shows another form.
   * @param {Mode} [options.mode]
   */
  constructor({ redraw, switchTo, mode = "sign-in" }) {
    this.redraw = redraw;
    this.form = new Form(redraw);
    this.mode = mode;
    this.switchTo = (/** @type {Mode} */ next) => {
      this.form = new Form(redraw);
      this.isShown = false;
      if (next !== "confirm") entered.password = ""; // the new form's field is empty, too
      switchTo(next);
    };
  }

  /** @param {string} [known] */
  #email(known) {
    return this.form.field({
      name: "email", label: texts.email, type: "email", autocomplete: "username", maxlength: 254, value: entered.email || known,
      onInput: (value) => { entered.email = value; },
    });
  }

  /**
   * @param {boolean} isNew
   */
  #password(isNew) {
    const { form } = this;
    const id = "field-password";
    const onInput = (/** @type {InputEvent} */ event) => {
      entered.password = /** @type {HTMLInputElement} */ (event.currentTarget).value;
      form.settle("password");
      if (isNew) this.redraw();
    };
    return html`<div class="field">
      <label for=${id}>${isNew && this.mode === "reset" ? texts.newPassword : texts.password}</label>
      ${isNew ? html`<ul class="rules note" id="field-password-hint" aria-label=${texts.rules}>${PASSWORD_RULES.map(([rule, text]) => html`
        <li class=${rule.test(entered.password) ? "met" : ""}>${text}</li>`)}</ul>` : nothing}
      <input id=${id} name="password" type=${this.isShown ? "text" : "password"} required maxlength="256" spellcheck="false"
        autocapitalize="off" autocomplete=${isNew ? "new-password" : "current-password"} aria-invalid=${form.errors.password ? "true" : nothing}
        aria-describedby=${form.describedBy("password", isNew ? "rules" : undefined)} @input=${onInput}>
      ${form.errorOf("password")}
      <label class="check"><input type="checkbox" @change=${(/** @type {Event} */ event) => {
        this.isShown = /** @type {HTMLInputElement} */ (event.currentTarget).checked;
        this.redraw();
      }}> ${texts.showPassword}</label>
    </div>`;
  }

  /** @param {Record<string, string>} fields @returns {Record<string, string>} */
  #check({ password }) {
    if (!PASSWORD_RULES.every(([rule]) => rule.test(password))) return { password: texts.rulesMissing };
    return password === password.trim() ? {} : { password: texts.spaceAround };
  }

  #code() {
    return this.form.field({
      name: "code", label: texts.code, autocomplete: "one-time-code", inputmode: "numeric", pattern: "\\s*[0-9]{6}\\s*", maxlength: 20,
    });
  }

  /**
   * @param {Mode} mode
   * @param {string} text
   */
  #link(mode, text) {
    return html`<button type="button" class="link" @click=${() => this.switchTo(mode)}>${text}</button>`;
  }

  #signIn() {
    const submit = this.form.submit(({ email, password }) => enter(email, password), { own: WRONG });
    return html`<form class="stack" id="sign-in" novalidate @submit=${submit}>
      ${this.form.summary}${this.#email()}${this.#password(false)}
      ${submitButton(this.form, texts.signIn)}
      <p>${this.#link("forgot", texts.forgot)}</p>
      <p>${texts.newHere} ${this.#link("create", texts.createTitle)}</p>
      <p>${this.#link("confirm", texts.haveCode)}</p>
    </form>`;
  }

  #create() {
    const submit = this.form.submit(async ({ email, password, name }) => {
      try {
        await call("POST", "/users", { body: { email, password, name: name.trim() } });
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 409) throw error;
        this.form.problem = html`${texts.exists} ${this.#link("sign-in", texts.signInInstead)}`;
        return;
      }
      try {
        await enter(email, password);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (error.status === 401) this.switchTo("confirm");
        else {
          toast(texts.created);
          this.switchTo("sign-in");
        }
      }
    }, { own: WRONG, ofField: passwordText, check: this.#check });
    return html`<form class="stack" id="create" novalidate @submit=${submit}>
      ${this.form.summary}
      ${this.form.field({ name: "name", label: texts.name, autocomplete: "name", maxlength: 200 })}
      ${this.#email()}${this.#password(true)}
      ${submitButton(this.form, texts.create)}
      <p>${texts.haveAccount} ${this.#link("sign-in", texts.signIn)}</p>
    </form>`;
  }

  #confirm() {
    const resend = async (/** @type {Event} */ event) => {
      const email = /** @type {HTMLButtonElement} */ (event.currentTarget).form?.elements.namedItem("email");
      if (!(email instanceof HTMLInputElement) || !email.reportValidity()) return;
      await call("POST", "/users/confirmation/resend", { body: { email: email.value } });
      toast(texts.resent);
    };
    const submit = this.form.submit(async ({ email, code }) => {
      await call("POST", "/users/confirmation", { body: { email, code: code.trim() } });
      const { password } = entered;
      if (password) await enter(email, password);
      else {
        toast(texts.confirmed);
        this.switchTo("sign-in");
      }
    }, { own: WRONG, ofField: passwordText });
    return html`<form class="stack" id="confirm" novalidate @submit=${submit}>
      <p>${texts.confirmHint(entered.email)}</p>
      ${this.form.summary}${this.#email()}${this.#code()}
      ${submitButton(this.form, texts.confirm)}
      <p><button type="button" class="link" @click=${resend}>${texts.resend}</button></p>
      <p>${this.#link("sign-in", texts.backToSignIn)}</p>
    </form>`;
  }

  #forgot() {
    const submit = this.form.submit(async ({ email }) => {
      await call("POST", "/users/password-reset", { body: { email } });
      this.switchTo("reset");
    });
    return html`<form class="stack" id="forgot" novalidate @submit=${submit}>
      <p>${texts.forgotHint}</p>
      ${this.form.summary}${this.#email(session.value?.email)}
      ${submitButton(this.form, texts.sendCode)}
      <p>${this.#link("sign-in", texts.backToSignIn)}</p>
    </form>`;
  }

  #reset() {
    const submit = this.form.submit(async ({ email, code, password }) => {
      await call("POST", "/users/password-reset/confirmation", { body: { email, code: code.trim(), password } });
      await enter(email, password);
    }, { own: WRONG, ofField: passwordText, check: this.#check });
    return html`<form class="stack" id="reset" novalidate @submit=${submit}>
      <p>${texts.resetHint(entered.email)}</p>
      ${this.form.summary}${this.#email()}${this.#code()}${this.#password(true)}
      ${submitButton(this.form, texts.savePassword)}
      <p>${this.#link("forgot", texts.resend)}</p>
    </form>`;
  }

  /** The form of the current mode. */
  get template() {
    return {
      "sign-in": () => this.#signIn(),
      create: () => this.#create(),
      confirm: () => this.#confirm(),
      forgot: () => this.#forgot(),
      reset: () => this.#reset(),
    }[this.mode]();
  }

  /** The title of the current mode. */
  get title() {
    return {
      "sign-in": texts.signInTitle,
      create: texts.createTitle,
      confirm: texts.confirmTitle,
      forgot: texts.forgotTitle,
      reset: texts.resetTitle,
    }[this.mode];
  }
}
