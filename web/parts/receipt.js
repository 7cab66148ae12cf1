// Saves the receipt of an order.

import { download } from "../lib/api.js";
import { orderTexts } from "../texts/orders.js";

/**
 * @param {string} id Of the order.
 * @throws {import("../lib/api.js").Problem}
 */
export async function saveReceipt(id) {
  const url = URL.createObjectURL(await download(`/orders/${encodeURIComponent(id)}/receipt`));
  Object.assign(document.createElement("a"), { href: url, download: orderTexts.receiptFile(id) }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
