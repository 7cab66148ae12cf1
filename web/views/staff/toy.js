// Adds, edits and withdraws a toy.

import { Problem, call, query, refetch, session } from "../../lib/api.js";
import { go } from "../../lib/router.js";
import { confirmed } from "../../parts/dialog.js";
import { Form, submitButton } from "../../parts/form.js";
import { announce, failure, showNotFound, toast } from "../../parts/page.js";
import { addressOf } from "../../parts/toy.js";
import { problemText } from "../../texts/shop.js";
import { conflictTexts, staffToyTexts as texts, toyFieldText } from "../../texts/staff.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { conflictPanel } from "./conflict.js";
import { bodyOf, differing, draftOf, fieldsOfDraft, fieldsOfToy, merge, setField } from "./draft.js";
import { framed } from "./frame.js";
import { Pictures } from "./pictures.js";
import { problemsOf, showAttributeErrors, toyFields } from "./toy_fields.js";

/** @typedef {import("../../lib/api.js").Toy} Toy */
/** @typedef {import("../../lib/router.js").Visit} Visit */
/** @typedef {import("./draft.js").Draft} Draft */

/** The draft that was being edited when the session ended. @type {{email: string, path: string, base: Toy | null, draft: Draft} | null} */
let interrupted = null;

class Editor {
  /** The toy when the draft was begun; `null` for a new one. @type {Toy | null} */
  base = null;
  /** @type {Draft | null} */
  draft = null;
  /** @type {{choices: import("./draft.js").Choice[], taken: string[]} | null} */
  conflict = null;
  /** @type {unknown} */
  error = null;
  known = { categories: /** @type {string[]} */ ([]), brands: /** @type {string[]} */ ([]), currency: "" };
  isGone = false;
  isBusy = false;

  /** @param {Visit} visit */
  constructor(visit) {
    this.visit = visit;
    this.id = visit.parameters.id === "new" ? null : visit.parameters.id;
    this.redraw = this.redraw.bind(this);
    this.load = this.load.bind(this);
    this.form = new Form(this.redraw);
    this.pictures = new Pictures(visit, this.id, this.redraw);
    const email = session.value?.email ?? "";
    visit.signal.addEventListener("abort", () => {
      if (!session.value && this.draft && this.isChanged) interrupted = { email, path: visit.path, base: this.base, draft: this.draft };
    });
    addEventListener("beforeunload", (event) => {
      if (this.isUnsaved) event.preventDefault();
    }, { signal: visit.signal });
  }

  get path() {
    return `/toys/${encodeURIComponent(this.id ?? "")}`;
  }

  get isChanged() {
    if (!this.draft) return false;
    return this.base ? this.changes.length > 0
      : differing(fieldsOfDraft(draftOf(null, this.draft.currency)), fieldsOfDraft(this.draft)).length > 0;
  }

  get isUnsaved() {
    return this.isChanged || this.pictures.isUnsaved;
  }

  /** The names of the fields that differ from the toy. */
  get changes() {
    return this.base && this.draft ? differing(fieldsOfToy(this.base), fieldsOfDraft(this.draft)) : [];
  }

  async load() {
    const { signal } = this.visit;
    this.error = null;
    this.redraw();
    try {
      const [toy, page] = await Promise.all([
        this.id ? call("GET", this.path, { signal }) : null,
        // suggestions are optional
        call("GET", `/toys${query({ limit: 1, facets: "category,brand" })}`, { signal }).catch(() => null),
      ]);
      this.known = {
        categories: Object.keys(page?.facets?.category ?? {}).sort(),
        brands: Object.keys(page?.facets?.brand ?? {}).sort(),
        currency: page?.items[0]?.price.currency ?? "",
      };
      const kept = interrupted;
      interrupted = null;
      if (kept && kept.path === this.visit.path && kept.email === session.value?.email) ({ base: this.base, draft: this.draft } = kept);
      else [this.base, this.draft] = [toy, draftOf(toy, this.known.currency)];
    } catch (error) {
      if (this.visit.isOver) return;
      if (error instanceof Problem && [400, 404].includes(error.status)) {
        showNotFound(this.visit);
        return;
      }
      this.error = error;
    }
    this.redraw();
    if (this.id && !this.error) this.pictures.load();
  }

  save() {
    return this.form.submit(async () => {
      if (!this.draft) return;
      try {
        if (this.base) await this.#change(this.draft);
        else await this.#create(this.draft);
      } catch (error) {
        showAttributeErrors(error, this.draft, this.form);
        if (Object.keys(this.form.errors).length) this.redraw();
        if (error instanceof Problem && error.status === 404) this.isGone = true;
        else throw error;
      }
    }, { check: () => (this.draft ? problemsOf(this.draft) : {}), ofField: toyFieldText });
  }

  /** @param {Draft} draft */
  async #create(draft) {
    const fields = fieldsOfDraft(draft);
    const body = { attributes: {}, ...bodyOf(fields, [...fields.keys()]) };
    const toy = await call("POST", "/toys", { body, signal: this.visit.signal });
    refetch();
    this.draft = null;
    this.visit.mayLeave = null;
    toast(texts.created);
    go(`/staff/toys/${toy.id}`, { replace: true });
  }

  /**
   * @param {Draft} draft
   * @returns {Promise<void>}
   */
  async #change(draft) {
    const { signal } = this.visit;
    const names = this.changes;
    const sent = fieldsOfDraft(draft);
    if (!this.base) return;
    if (!names.length) {
      this.conflict = null;
      toast(texts.nothingToSave);
      return;
    }
    /** @type {Toy} */
    let saved;
    try {
      saved = await call("PATCH", this.path, {
        body: bodyOf(sent, names), headers: { "If-Match": `"${this.base.version}"` }, signal,
      });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) throw error;
      /** @type {Toy} */
      const theirs = await call("GET", this.path, { signal });
      const conflict = merge(this.base, draft, theirs);
      this.base = theirs;
      // only its pictures have changed, or both made the same changes
      if (!conflict.choices.length && !conflict.taken.length) return this.#change(draft);
      this.conflict = conflict;
      this.redraw();
      announce(conflictTexts.title);
      document.getElementById("conflict")?.focus();
      return;
    }
    this.conflict = null;
    this.base = saved;
    // keep what was typed in the meantime
    if (!differing(sent, fieldsOfDraft(draft)).length) this.draft = draftOf(saved, draft.currency);
    refetch();
    toast(texts.saved);
  }

  /** @param {import("./draft.js").Choice} choice */
  choose(choice) {
    if (this.draft) setField(this.draft, choice.field, choice[choice.choice]);
    this.redraw();
  }

  addAsNew() {
    this.base = null;
    this.id = null;
    this.isGone = false;
    this.pictures = new Pictures(this.visit, null, this.redraw);
    this.form.clear();
    this.redraw();
    document.getElementById("field-name")?.focus();
  }

  async withdraw() {
    const { signal } = this.visit;
    if (!this.base || this.isBusy) return;
    const agreed = await confirmed({ title: texts.withdrawTitle(this.base.name), text: texts.withdrawText, yes: texts.withdraw, no: texts.keep }, signal);
    if (!agreed || this.isBusy) return;
    this.isBusy = true;
    this.redraw();
    try {
      await this.#delete();
      refetch();
      toast(texts.withdrawn(this.base.name));
      this.visit.mayLeave = null;
      this.draft = null;
      this.pictures.forget();
      go("/staff/toys", { replace: true });
    } catch (error) {
      if (!signal.aborted) toast(error instanceof Problem && error.status === 412 ? texts.changedBeforeWithdraw : problemText(error));
    }
    this.isBusy = false;
    this.redraw();
  }

  async #delete() {
    const { signal } = this.visit;
    const attempt = () => call("DELETE", this.path, { headers: { "If-Match": `"${this.base?.version}"` }, signal });
    try {
      await attempt();
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return; // already withdrawn
      if (!(error instanceof Problem) || error.status !== 412 || !this.base || !this.draft) throw error;
      const before = this.base;
      this.base = /** @type {Toy} */ (await call("GET", this.path, { signal }));
      if (differing(fieldsOfToy(before), fieldsOfToy(this.base)).length) {
        this.conflict = merge(before, this.draft, this.base);
        throw error;
      }
      await attempt(); // only its pictures have changed
    }
  }

  async leave() {
    return confirmed({ title: texts.leaveTitle, text: texts.leaveText, yes: texts.leave, no: texts.keepEditing }, this.visit.signal);
  }

  redraw() {
    this.visit.mayLeave = this.isUnsaved ? () => this.leave() : null;
    const title = this.id ? this.base?.name ?? texts.title : texts.newTitle;
    this.visit.render(framed("toys", html`
      <p><a class="back" href="/staff/toys">${texts.back}</a></p>
      <header class="order-head"><h1>${title}</h1>
        ${this.base ? html`<a class="view" href=${addressOf(this.base)}>${texts.view}</a>` : nothing}</header>
      ${this.error ? failure(this.error, this.load) : this.draft ? this.#content(this.draft) : skeleton()}`), { title, hidden: true });
  }

  /** @param {Draft} draft */
  #content(draft) {
    return html`
      ${this.conflict ? conflictPanel(this.conflict, (choice) => this.choose(choice)) : nothing}
      ${this.isGone ? html`<div class="problem stack" role="alert"><p>${texts.gone}</p>
        <p><button type="button" @click=${() => this.addAsNew()}>${texts.addAsNew}</button></p></div>` : nothing}
      <div class="columns editor">
        <form class="panel stack" novalidate aria-label=${texts.details} @submit=${this.save()}>
          ${this.form.summary}
          ${toyFields({ form: this.form, draft, known: this.known, changed: this.redraw, isCurrencyKnown: Boolean(this.base || this.known.currency) })}
          ${submitButton(this.form, this.base ? texts.save : texts.create, texts.saving)}
        </form>
        <div class="stack">
          ${this.pictures.template()}
          ${this.base ? html`<section class="panel stack">
            <p class="note">${texts.withdrawHint}</p>
            <button type="button" class="quiet danger" aria-disabled=${this.isBusy ? "true" : nothing} @click=${() => this.withdraw()}>${texts.withdraw}</button>
          </section>` : nothing}
        </div>
      </div>`;
  }
}

const skeleton = () => html`
  <div class="columns editor" aria-hidden="true">
    <div class="panel skeleton fields">${Array.from({ length: 7 }, () => html`<span class="line"></span>`)}</div>
    <div class="panel skeleton fields"><span class="line"></span><span class="line short"></span></div>
  </div>`;

/** @param {Visit} visit */
export const show = (visit) => new Editor(visit).load();
