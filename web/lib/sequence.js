// Lays out the sequence diagram of an order's journey: lanes side by side, time downwards.

/** @typedef {import("../types/api.js").components["schemas"]["Journey"]} Journey */
/** @typedef {Journey["hops"][number]} Hop */
/** @typedef {Journey["messages"][number]} Message */
/** @typedef {{hop: Hop, number: number, x: number, y: number, height: number, isLast: boolean}} Bar */
/** @typedef {{message: Message, x1: number, y1: number, x2: number, y2: number, isLoop: boolean}} Arrow */
/** @typedef {{name: string, x: number}} Lane */
/** @typedef {{y: number, text: number}} Mark */
/** @typedef {{width: number, height: number, lanes: Lane[], bars: Bar[], arrows: Arrow[], marks: Mark[], pauses: Mark[]}} Layout */

const AXIS = 70; // px, left of the lanes
const LANE = 120; // px
const HEAD = 44; // px, above the first hop
const HOP = 26; // px before a hop, so that its label has a line of its own
const POINT = 8; // px before any other point in time
const PER_DECADE = 9; // px by which a pause grows each time it is ten times as long
const LONG = 1000; // ms; a longer pause is marked
const BAR = 10; // px
const SHIFT = 6; // px to the side, for a hop while another one of its lane lasts
const NEAR = 13; // px between two times on the axis

/** The lane of a hop: its service, or whom it calls. @param {Hop} hop */
export const laneOf = (hop) => hop.peer ?? hop.service;

/**
 * Whether a message waits somewhere, and is not a request.
 *
 * @param {Message} message
 */
export const isWaiting = ({ channel }) => channel !== "http";

/**
 * Return the position of each point in time. Long times without an event are shortened, so distances
 * grow with the time between two points, but not in proportion to it.
 *
 * @param {Journey} journey
 * @returns {[Map<number, number>, Mark[]]} The positions, and the pauses that are marked.
 */
function positions({ hops, messages }) {
  const starts = new Set(hops.map((hop) => hop.start));
  const times = new Set([...starts, ...hops.map(endOf), ...messages.filter(isWaiting).map((message) => message.sent)]);
  /** @type {Map<number, number>} */
  const found = new Map();
  /** @type {Mark[]} */
  const pauses = [];
  let y = HEAD;
  let last = 0;
  for (const time of [...times].sort((a, b) => a - b)) {
    const pause = time - last;
    const before = y;
    y += (starts.has(time) ? HOP : POINT) + PER_DECADE * Math.log10(1 + pause);
    if (pause >= LONG) {
      y += HOP;
      pauses.push({ y: (before + y) / 2, text: pause });
    }
    found.set(time, Math.round(y));
    last = time;
  }
  return [found, pauses.map((pause) => ({ ...pause, y: Math.round(pause.y) }))];
}

/** @param {Hop} hop */
const endOf = (hop) => Math.round((hop.start + hop.duration) * 10) / 10;

/**
 * Return the positions of everything in the diagram of a journey, in px.
 *
 * @param {Journey} journey With at least one hop.
 * @returns {Layout}
 */
export function layout(journey) {
  const { hops, messages } = journey;
  const names = [...new Set(hops.map(laneOf))];
  const lanes = names.map((name, index) => ({ name, x: AXIS + LANE * index + 16 }));
  const [at, pauses] = positions(journey);
  /** @param {number} time */
  const y = (time) => at.get(time) ?? 0;
  const bars = hops.map((hop, index) => {
    const lane = /** @type {Lane} */ (lanes.find(({ name }) => name === laneOf(hop)));
    const running = hops.slice(0, index).filter((other) => laneOf(other) === laneOf(hop) && endOf(other) > hop.start);
    return {
      hop, number: index + 1, x: lane.x + SHIFT * Math.min(running.length, 2), y: y(hop.start),
      height: Math.max(BAR, y(endOf(hop)) - y(hop.start)), isLast: lane === lanes.at(-1),
    };
  });
  const byId = new Map(bars.map((bar) => [bar.hop.id, bar]));
  const arrows = messages.flatMap((message) => {
    const [from, to] = [byId.get(message.sender), byId.get(message.receiver)];
    if (!from || !to) return [];
    const isLoop = laneOf(from.hop) === laneOf(to.hop);
    const isRightwards = !isLoop && from.x < to.x;
    const isLeftwards = !isLoop && !isRightwards;
    return [{
      message, isLoop, x1: from.x + (isRightwards ? BAR : 0), y1: isWaiting(message) ? y(message.sent) : to.y,
      x2: to.x + (isLeftwards ? BAR : 0), y2: to.y,
    }];
  });
  /** @type {Mark[]} */
  const marks = [];
  for (const bar of bars) {
    if (bar.y - (marks.at(-1)?.y ?? -NEAR) >= NEAR) marks.push({ y: bar.y, text: bar.hop.start });
  }
  const height = Math.max(...bars.map((bar) => bar.y + bar.height)) + 16;
  return { width: AXIS + LANE * lanes.length, height, lanes, bars, arrows, marks, pauses };
}
