// The choice between one's own changes of a toy and a colleague's.

import { conflictTexts as texts, fieldName, shownValue } from "../../texts/staff.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";

/** @typedef {import("./draft.js").Choice} Choice */

/**
 * @param {{choices: Choice[], taken: string[]}} conflict
 * @param {(choice: Choice) => void} onChoice Called when a choice has changed.
 */
export const conflictPanel = ({ choices, taken }, onChoice) => html`
  <section class="panel stack conflict" id="conflict" tabindex="-1" aria-labelledby="conflict-title">
    <h2 id="conflict-title">${texts.title}</h2>
    ${choices.length ? html`<p>${texts.text}</p>` : nothing}
    ${choices.map((choice) => html`
      <fieldset>
        <legend>${fieldName(choice.field)}</legend>
        <p class="note">${texts.before}: ${shownValue(choice.field, choice.before)}</p>
        <div class="sides">${(/** @type {const} */ (["yours", "theirs"])).map((side) => html`
          <label class="side">
            <input type="radio" name=${`choice-${choice.field}`} .checked=${choice.choice === side}
              @change=${() => { choice.choice = side; onChoice(choice); }}>
            <span><strong>${texts[side]}</strong><br><span class="value">${shownValue(choice.field, choice[side])}</span></span>
          </label>`)}
        </div>
      </fieldset>`)}
    ${taken.length ? html`<p>${texts.taken} ${taken.map(fieldName).join(", ")}.</p>` : nothing}
  </section>`;
