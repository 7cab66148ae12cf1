"""Orders on the page: paying again, and confirming a payment with the customer's bank."""

from typing import Any

from support.page_scripts import PageScripts

BROWSER = """
class Element {
  children = []; textContent = ""; disabled = false; className = "";
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  addEventListener(kind, listener) { this[`on${kind}`] = listener; }
  setAttribute() {}
  scrollIntoView() {}
  querySelector() { return this; }
  querySelectorAll() { return []; }
  replaceWith(fresh) { this.replacement = fresh; }
  cloneNode() { return Object.assign(new Element(), { value: "pm_card_visa" }); }
  named(text) {
    if (this.children.includes(text)) return this;
    for (const child of this.children) {
      const found = child.named?.(text);
      if (found) return found;
    }
    return null;
  }
}
const elements = new Map();
const document = {
  getElementById(id) {
    if (!elements.has(id)) elements.set(id, new Element());
    return elements.get(id);
  },
  createElement: () => new Element(),
  querySelector: () => new Element(),
  addEventListener(kind, listener) { this[`on${kind}`] = listener; },
  head: { append(script) { loaded.push(script.src); window.Stripe = Stripe; script.onload(); } },
};
const crypto = { count: 0, randomUUID() { this.count += 1; return `key-${this.count}`; } };
globalThis.setTimeout = () => 0;
globalThis.clearTimeout = () => {};
const window = {};
const loaded = [], opened = [], handled = [], sent = [], answers = [];
const Stripe = (key) => ({ handleNextAction: async (action) => { handled.push([key, action]); } });
const open = (url) => { opened.push(url); };
let settings = {};
async function fetch() { return { json: async () => settings }; }

class Problem extends Error {}
const order = (status, changes = {}) => ({
  id: "ord_1", status: "placed", placed_at: "2026-11-29T00:00:00Z", lines: [], receipt: false,
  total: { amount: 100, currency: "AUD" },
  payment: { status, decline_code: null,
    action: status === "action_required" ? { client_secret: "pi_1_secret_2" } : null },
  ...changes,
});
let listed = [], current = null;
modules["./api.js"] = {
  Problem, session: { current: {} }, query: () => "", download: null,
  async call(method, path, options) {
    if (method === "GET" && path.startsWith("/orders/")) return current;
    if (method === "GET") return { items: listed, next_cursor: null };
    sent.push([path, options.body, options.headers["Idempotency-Key"]]);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  },
};
const shown = () => document.getElementById("orders");
async function show(...orders) {
  listed = orders;
  await modules["./orders.js"].show(new Map(), () => {});
}
const history = { replaceState() {} };
const click = (text) => shown().named(text).onclick?.();
"""


class Page(PageScripts):
    """The list of a signed-in customer's orders."""

    def __init__(self) -> None:
        super().__init__(BROWSER)
        self.load("dom.js", "orders.js")

    def result(self, script: str) -> Any:
        """Run a script and return its result."""
        return self.run(script)


def test_payment_is_confirmed_on_the_simulated_banks_page() -> None:
    page = Page()
    opened = page.result(
        """
        settings = { bank_page: "http://127.0.0.1:12111/bank/", stripe_publishable_key: "" };
        await show(order("action_required"));
        await click("Confirm payment");
        return opened;
        """
    )
    assert opened == ["http://127.0.0.1:12111/bank/pi_1_secret_2"]


def test_payment_is_confirmed_with_stripe_where_there_is_a_key() -> None:
    page = Page()
    loaded, handled = page.result(
        """
        settings = { bank_page: "", stripe_publishable_key: "pk_test_1" };
        await show(order("action_required"));
        await click("Confirm payment");
        return [loaded, handled];
        """
    )
    assert loaded == ["https://js.stripe.com/v3/"]
    assert handled == [["pk_test_1", {"clientSecret": "pi_1_secret_2"}]]


def test_only_a_waiting_payment_can_be_confirmed_and_only_an_unpaid_one_paid_again() -> None:
    buttons = Page().result(
        """
        settings = { bank_page: "http://127.0.0.1:12111/bank/", stripe_publishable_key: "" };
        const found = {};
        for (const status of ["pending", "succeeded", "declined", "action_required", "refunded"]) {
          await show(order(status));
          found[status] = ["Confirm payment", "Pay"].filter((text) => shown().named(text));
        }
        await show(order("declined", { status: "cancelled" }));
        found.cancelled = ["Confirm payment", "Pay"].filter((text) => shown().named(text));
        settings = { bank_page: "", stripe_publishable_key: "" };
        await show(order("action_required"));
        found.unset = ["Confirm payment", "Pay"].filter((text) => shown().named(text));
        return found;
        """
    )
    assert buttons == {
        "pending": [],
        "succeeded": [],
        "declined": ["Pay"],
        "action_required": ["Confirm payment", "Pay"],
        "refunded": [],
        "cancelled": [],
        "unset": ["Pay"],
    }


def test_request_to_pay_again_is_repeated_with_its_key_until_it_is_answered() -> None:
    sent = Page().result(
        """
        await show(order("declined"));
        const lost = Object.assign(new Problem("lost"), { outcomeUnknown: true });
        const refused = Object.assign(new Problem("no"), { outcomeUnknown: false });
        answers.push(lost, refused, order("pending"));
        const form = shown().children[0].children.find((child) => child.className === "pay-again");
        for (let i = 0; i < 3; i += 1) {
          form.onsubmit({ preventDefault() {} });
          for (let turn = 0; turn < 20; turn += 1) await null;
        }
        return sent;
        """
    )
    path, body = "/orders/ord_1/payment", {"payment_method": "pm_card_visa"}
    assert sent == [[path, body, "key-1"], [path, body, "key-1"], [path, body, "key-2"]]


def test_reasons_of_a_decline_are_in_words_and_only_those_that_help() -> None:
    labels = Page().result(
        """
        const labels = [];
        const payment = (decline_code) => ({ ...order("declined").payment, decline_code });
        for (const code of ["insufficient_funds", "generic_decline", "stolen_card", null]) {
          await show(order("declined", { payment: payment(code) }));
          labels.push(shown().children[0].children[0].children[1].children[0]);
        }
        return labels;
        """
    )
    assert labels[0].startswith("There isn\u2019t enough money on your card. You haven")
    assert {label.split(".")[0] for label in labels[1:]} == {"Card declined"}


def test_dispute_is_described_by_its_state() -> None:
    texts = Page().result(
        """
        const found = [];
        for (const [status, dispute] of [
          ["placed", "open"], ["cancelled", "open"], ["placed", "lost"], ["placed", "won"],
          ["placed", null],
        ]) {
          const payment = { ...order("succeeded").payment, dispute };
          await show(order("succeeded", { status, payment }));
          const [panel] = shown().children;
          const note = panel.children.find(({ className }) => className === "order-reversals");
          found.push(note?.children[0] ?? "");
        }
        return found;
        """
    )
    assert texts == [
        "Your bank disputes this payment.",
        "Your bank disputes this payment. "
        "We\u2019ll refund you if it isn\u2019t decided in your favor.",
        "The dispute was decided in your favor: your bank returns the money.",
        "",
        "",
    ]


def test_order_that_has_changed_elsewhere_is_shown_as_it_is_now() -> None:
    replaced = Page().result(
        """
        await show(order("declined"));
        answers.push(Object.assign(new Problem("This order is paid already."), { status: 409 }));
        current = order("succeeded", { receipt: true });
        const form = shown().children[0].children.find((child) => child.className === "pay-again");
        form.onsubmit({ preventDefault() {} });
        for (let turn = 0; turn < 20; turn += 1) await null;
        return Boolean(document.getElementById("ord_1").replacement?.named("Paid"));
        """
    )
    assert replaced is True


def test_orders_are_read_again_when_the_page_is_seen_again() -> None:
    replaced = Page().result(
        """
        modules["./orders.js"].start(() => {});
        await show(order("action_required"));
        listed = [order("succeeded", { receipt: true })];
        document.onvisibilitychange();
        for (let turn = 0; turn < 20; turn += 1) await null;
        return Boolean(document.getElementById("ord_1").replacement?.named("Paid"));
        """
    )
    assert replaced is True


def test_refunded_order_cannot_be_cancelled() -> None:
    offered = Page().result(
        """
        const offered = [];
        for (const status of ["succeeded", "refunded"]) {
          await show(order(status));
          offered.push(Boolean(shown().named("Cancel order")));
        }
        return offered;
        """
    )
    assert offered == [True, False]
