// The journey of an order through the services: a sequence diagram, and a table of the same steps.

import { Problem, call } from "../../lib/api.js";
import { date, number } from "../../lib/format.js";
import { isWaiting, laneOf, layout } from "../../lib/sequence.js";
import { failure, loadStyles, showNotFound, toast } from "../../parts/page.js";
import { saveReceipt } from "../../parts/receipt.js";
import { problemText } from "../../texts/shop.js";
import { eventText, duration, journeyTexts as texts, participant } from "../../texts/staff.js";
import { html, nothing, svg } from "../../vendor/lit-html/lit-html.js";
import { fact, framed } from "./frame.js";

/** @typedef {import("../../lib/sequence.js").Journey} Journey */
/** @typedef {import("../../lib/sequence.js").Hop} Hop */
/** @typedef {import("../../lib/sequence.js").Message} Message */
/** @typedef {import("../../lib/sequence.js").Bar} Bar */
/** @typedef {import("../../lib/sequence.js").Arrow} Arrow */
/** @typedef {import("../../lib/router.js").Visit} Visit */

const LABEL = 17; // characters that fit into a lane

/** @param {string} text */
const shortened = (text) => (text.length > LABEL ? `${text.slice(0, LABEL - 1)}…` : text);

/** What happens in a hop, in the terms of the system. @param {Hop} hop */
const nameOf = ({ event, kind, name }) => (event ? texts.kinds[kind](eventText(event)) : name);

/** @param {Hop} hop */
const labelOf = (hop) => shortened(hop.event ? eventText(hop.event) : hop.name.replace(/^(\S+) \/.+\/([^/{]+)(?:\/{[^}]+})?$/, "$1 …/$2"));

/** @param {Bar} bar */
const barOf = ({ hop, number: index, x, y, height }) => svg`
  <g class="hop" data-outcome=${hop.outcome}>
    <title>${texts.bar(index, nameOf(hop), participant(laneOf(hop)), duration(hop.duration))}</title>
    <rect x=${x} y=${y} width="10" height=${height} rx="3"/>
    <text x=${x + 15} y=${y + 9}>${`${number(index)} ${labelOf(hop)}`}</text>
    ${hop.outcome === "ok" ? nothing : svg`<text class="outcome" x=${x + 15} y=${y + 22}>${texts.outcomes[hop.outcome]}</text>`}
  </g>`;

/** @param {Arrow} arrow */
function arrowOf({ message, x1, y1, x2, y2, isLoop }) {
  const path = isLoop ? `M${x1} ${y1} h-10 V${y2} H${x2}` : `M${x1} ${y1} L${x2} ${y2}`;
  const waited = isWaiting(message) ? texts.channels[message.channel](duration(message.waited)) : "";
  const [x, y, anchor] = isLoop ? [x2 + 15, y2 - 5, "start"] : [(x1 + x2) / 2, (y1 + y2) / 2 - 4, "middle"];
  return svg`
    <g class="message" data-channel=${message.channel}>
      <path d=${path} marker-end="url(#arrowhead)"/>
      ${waited ? svg`<text x=${x} y=${y} text-anchor=${anchor}>${waited}</text>` : nothing}
    </g>`;
}

/** @param {Journey} journey */
function diagram(journey) {
  const { width, height, lanes, bars, arrows, marks, pauses } = layout(journey);
  return html`
    <div class="sequence" tabindex="0" role="region" aria-labelledby="diagram-title">
      <svg role="img" aria-label=${texts.diagramLabel(lanes.length, journey.hops.length)} width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`}>
        <defs><marker id="arrowhead" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>
        ${lanes.map(({ name, x }) => svg`<g class="lane"><text x=${x} y="18">${participant(name)}</text><line x1=${x + 5} x2=${x + 5} y1="28" y2=${height}/></g>`)}
        ${marks.map(({ y, text }) => svg`<text class="time" x="62" y=${y + 9} text-anchor="end">${duration(text)}</text>`)}
        ${pauses.map(({ y, text }) => svg`<g class="pause"><line x1="0" x2=${width} y1=${y} y2=${y}/><text x="0" y=${y - 5}>${texts.pause(duration(text))}</text></g>`)}
        ${arrows.map(arrowOf)}${bars.map(barOf)}
      </svg>
    </div>`;
}

/**
 * @param {Hop} hop
 * @param {number} index
 * @param {Message | undefined} message The message that it received.
 */
const row = (hop, index, message) => html`
  <tr data-outcome=${hop.outcome}>
    <th scope="row">${number(index + 1)}. ${nameOf(hop)}${hop.status ? html` <span class="note">${texts.status(hop.status)}</span>` : nothing}</th>
    <td data-label=${texts.service}>${hop.peer ? texts.calls(participant(hop.service), participant(hop.peer)) : participant(hop.service)}${hop.function ? html` <code>${hop.function}</code>` : nothing}</td>
    <td class="number" data-label=${texts.start}>${duration(hop.start)}</td>
    <td class="number" data-label=${texts.duration}>${duration(hop.duration)}</td>
    <td data-label=${texts.waited}>${message && isWaiting(message) ? texts.channels[message.channel](duration(message.waited)) : texts.notWaited}</td>
    <td class="number" data-label=${texts.attempt}>${number(hop.attempt)}</td>
    <td data-label=${texts.outcome}><span class="pill">${texts.outcomes[hop.outcome]}</span>${hop.error ? html` <code>${hop.error}</code>` : nothing}</td>
  </tr>`;

/** @param {Journey} journey */
const steps = ({ hops, messages }) => html`
  <section class="stack" aria-labelledby="steps-title">
    <h2 id="steps-title">${texts.steps}</h2>
    <div class="table-box"><table class="table hops">
      <thead><tr><th scope="col">${texts.step}</th><th scope="col">${texts.service}</th><th scope="col" class="number">${texts.start}</th><th scope="col" class="number">${texts.duration}</th><th scope="col">${texts.waited}</th><th scope="col" class="number">${texts.attempt}</th><th scope="col">${texts.outcome}</th></tr></thead>
      <tbody>${hops.map((hop, index) => row(hop, index, messages.find(({ receiver }) => receiver === hop.id)))}</tbody>
    </table></div>
  </section>`;

/**
 * @param {Journey} journey
 * @param {() => void} getReceipt
 */
const sent = ({ emails, hops, receipt }, getReceipt) => html`
  <section class="panel stack" aria-labelledby="sent-title">
    <h2 id="sent-title">${texts.sent}</h2>
    <dl class="facts">
      ${emails.map((email) => fact(texts.templates[email.template], html`
        ${email.to}<br><span class="note">${email.sent_at ? texts.sentAt(date(email.sent_at, { dateStyle: "medium", timeStyle: "medium" })) : texts.notSent}
        ${texts.byStep(hops.findIndex(({ id }) => id === email.hop) + 1)}</span>
        ${email.content ? html`<details class="email"><summary>${email.content.subject}</summary><pre>${email.content.text}</pre></details>` : nothing}`))}
      ${emails.length ? nothing : fact(texts.emails, texts.noEmails)}
      ${fact(texts.receipt, receipt ? html`<button type="button" class="link" @click=${getReceipt}>${texts.receiptReady}</button>` : texts.noReceipt)}
    </dl>
  </section>`;

/** @param {Journey} journey */
function summary({ started_at, duration: total, hops }) {
  /** @param {Hop["outcome"]} outcome */
  const count = (outcome) => hops.filter((hop) => hop.outcome === outcome).length;
  return html`
    <section class="panel stack" aria-labelledby="summary-title">
      <h2 id="summary-title">${texts.summary}</h2>
      <dl class="facts">
        ${started_at ? fact(texts.startedAt, html`<time datetime=${started_at}>${date(started_at, { dateStyle: "long", timeStyle: "medium" })}</time>`) : nothing}
        ${fact(texts.total, duration(total))}
        ${fact(texts.steps, number(hops.length))}
        ${(/** @type {const} */ (["failed", "retried", "parked", "duplicate"])).filter(count).map((outcome) => fact(texts.outcomes[outcome], number(count(outcome))))}
        ${fact(texts.traces, [...new Set(hops.map((hop) => hop.trace_id))].map((id) => html`<code>${id}</code><br>`))}
      </dl>
    </section>`;
}

/** @param {Visit} visit */
export async function show(visit) {
  const { signal, parameters: { id } } = visit;
  /** @type {Journey | null} */
  let journey = null;
  /** @type {unknown} */
  let error = null;
  await loadStyles("/styles/journey.css");

  async function getReceipt() {
    try {
      await saveReceipt(id);
    } catch (caught) {
      if (!visit.isOver) toast(problemText(caught));
    }
  }

  function content() {
    if (error) return failure(error, load);
    if (!journey) return html`<div class="panel skeleton fields" aria-hidden="true"><span class="line"></span><span class="line"></span><span class="line"></span></div>`;
    if (journey.missing) {
      return html`<div class="empty"><p>${texts.missing[journey.missing]}</p>
        ${journey.missing === "expired" ? nothing : html`<button type="button" @click=${load}>${texts.again}</button>`}</div>`;
    }
    return html`
      ${journey.complete ? nothing : html`<p class="problem">${texts.incomplete}</p>`}
      <div class="stack drawn"><h2 id="diagram-title">${texts.diagram}</h2>${diagram(journey)}</div>
      ${steps(journey)}
      <div class="columns">${sent(journey, getReceipt)}${summary(journey)}</div>`;
  }
  const redraw = () => visit.render(framed("orders", html`
    <p><a class="back" href=${`/staff/orders/${encodeURIComponent(id)}`}>${texts.back}</a></p>
    <header class="stack"><h1>${texts.title}</h1><p class="note">${texts.order} <code>${id}</code></p></header>
    ${content()}`), { title: texts.title, hidden: true });

  async function load() {
    error = null;
    journey = null;
    redraw();
    try {
      journey = await call("GET", `/orders/${encodeURIComponent(id)}/journey`, { signal });
    } catch (caught) {
      if (visit.isOver) return;
      if (caught instanceof Problem && [400, 404].includes(caught.status)) {
        showNotFound(visit);
        return;
      }
      error = caught;
    }
    redraw();
  }
  await load();
}
