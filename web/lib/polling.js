// Follows an order while it changes.

import { Problem, call } from "./api.js";

/** @typedef {import("./api.js").Order} Order */

const DELAYS = [500, 1000, 1000, 2000, 2000, 3000, 5000, 5000, 10_000]; // ms; the last one repeats
const MOST = 60; // requests

/**
 * Wait for a time, or until the customer returns to this tab.
 *
 * @param {number} delay In ms.
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(delay, signal) {
  return new Promise((done) => {
    const events = new AbortController();
    const end = () => {
      clearTimeout(timer);
      events.abort();
      done();
    };
    const timer = setTimeout(() => {
      if (!document.hidden) end(); // a hidden tab does not poll
    }, delay);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) end(); }, { signal: events.signal });
    addEventListener("online", end, { signal: events.signal });
    signal.addEventListener("abort", end, { signal: events.signal });
  });
}

/**
 * Poll an order at growing intervals while `shouldContinue` returns true.
 *
 * @param {string} id
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {() => boolean} options.shouldContinue
 * @param {(order: Order) => void} options.onAnswer
 */
export async function poll(id, { signal, shouldContinue, onAnswer }) {
  for (let request = 0; request < MOST && shouldContinue(); request += 1) {
    await pause(DELAYS[Math.min(request, DELAYS.length - 1)], signal);
    if (signal.aborted) return;
    try {
      onAnswer(await call("GET", `/orders/${encodeURIComponent(id)}`, { signal }));
    } catch (error) {
      if (signal.aborted || (error instanceof Problem && [401, 404].includes(error.status))) return;
      if (!(error instanceof Problem)) throw error;
    }
  }
}
