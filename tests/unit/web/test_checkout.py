"""The page orders what it shows, whatever happens to prices, in other tabs or on the way."""

from typing import Any

import pytest

from support.page_scripts import PageScripts

BROWSER = """
class Storage {
  items = new Map();
  getItem(name) { return this.items.get(name) ?? null; }
  setItem(name, value) { this.items.set(name, String(value)); }
  removeItem(name) { this.items.delete(name); }
}
class Element {
  children = []; hidden = false; disabled = false; textContent = ""; dataset = {};
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  addEventListener(kind, listener) { this[`on${kind}`] = listener; }
  setAttribute() {}
  focus() {}
  text() { return this.textContent + this.children.map((c) => c.text?.() ?? c).join(""); }
}
class Event {}
const elements = new Map();
const document = {
  getElementById(id) {
    if (!elements.has(id)) elements.set(id, new Element());
    return elements.get(id);
  },
  createElement: () => new Element(),
};
const localStorage = new Storage(), sessionStorage = new Storage();
const crypto = { count: 0, randomUUID() { this.count += 1; return `key-${this.count}`; } };
globalThis.setTimeout = () => 0;
globalThis.clearTimeout = () => {};
const dispatchEvent = () => {};
let clock = 1000000;
Date.now = () => clock;

// the shop: toys with prices, the orders that it was sent, and how it answers the next ones
const toys = { kite: 1000, robot: 2500 };
const sent = [], answers = [];
const answer = (status, body) => ({
  status, ok: status < 400, json: async () => body,
  text: async () => body === undefined ? "" : JSON.stringify(body),
});
async function fetch(url, { method, headers, body }) {
  const id = url.split("/").pop();
  if (method === "GET") {
    if (!toys[id]) return answer(404, { status: 404 });
    return answer(200, { id, name: id, price: { amount: toys[id], currency: "AUD" }, images: [] });
  }
  sent.push({ key: headers["Idempotency-Key"], ...JSON.parse(body) });
  const next = answers.shift() ?? [201, { id: "ord_1" }];
  if (next === "lost") throw new Error("network");
  return answer(...next);
}

let submit;
modules["./forms.js"] = { onSubmit: (_form, action) => { submit = action; }, clearProblem() {} };
modules["./address.js"] = { load() {}, start() {} };
const FIELDS = { name: "Alice", line1: "1 Toy St", city: "Sydney", postal_code: "2000",
  country: "AU", payment_method: "pm_card_visa" };
const stored = () => JSON.parse(localStorage.getItem("toyshop.cart"));
const line = (id, quantity) => (
  { toy: { id, name: id, price: { amount: toys[id], currency: "AUD" }, images: [] }, quantity });
const inAnotherTab = (...lines) => localStorage.setItem("toyshop.cart", JSON.stringify(lines));
const shown = () => ({
  lines: document.getElementById("cart-lines").text(),
  total: document.getElementById("cart-total").textContent,
  unknown: !document.getElementById("outcome-unknown").hidden,
  pending: document.getElementById("pending-lines").text(),
  button: document.getElementById("place-order").textContent,
});
async function order() {
  try {
    await submit(FIELDS);
    return "placed";
  } catch (problem) {
    return problem.message;
  }
}
"""

PRICE_CHANGED = """
answers.push([409, { status: 409, type: "/problems.html#price-changed", title: "x", detail: "y",
  lines: [{ toy_id: "kite", name: "Kite", quantity: 2,
    unit_price: { amount: 99900, currency: "AUD" } }],
  total: { amount: 199800, currency: "AUD" } }]);
toys.kite = 99900;
"""


class Page(PageScripts):
    """The page with two kites in the cart of a signed-in customer, on the view of the cart."""

    def __init__(self) -> None:
        super().__init__(BROWSER)
        self.load("dom.js", "api.js", "cart.js", "checkout.js")
        self.run(
            """
            modules["./api.js"].session.open({ access_token: "t", refresh_token: "r" }, "a@b.cc");
            modules["./checkout.js"].start(() => {});
            inAnotherTab(line("kite", 2));
            modules["./checkout.js"].show();
            await modules["./cart.js"].show();
            """
        )

    def order(self) -> str:
        """Press the button, and return the message that is shown."""
        message: str = self.run("return order();")
        return message

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The orders that the shop was sent."""
        sent: list[dict[str, Any]] = self.run("return sent;")
        return sent

    @property
    def shown(self) -> dict[str, Any]:
        """What the page shows."""
        shown: dict[str, Any] = self.run("return shown();")
        return shown


@pytest.fixture
def page() -> Page:
    return Page()


def test_page_sends_the_lines_and_the_total_that_it_shows(page: Page) -> None:
    assert page.order() == "placed"
    (order,) = page.sent
    assert order["lines"] == [{"toy_id": "kite", "quantity": 2}]
    assert order["expected_total"] == {"amount": 2000, "currency": "AUD"}
    assert page.run("return stored();") == []


def test_page_asks_again_with_the_same_key_if_the_price_has_changed(page: Page) -> None:
    page.run(PRICE_CHANGED)
    message = page.order()
    assert "$1,998.00" in message
    assert "$20.00" in message
    assert "1,998.00" in page.shown["total"]
    assert (page.shown["unknown"], page.shown["button"]) == (False, "Place order")
    # a click that comes too early to have seen it orders nothing
    assert "just changed" in page.order()
    page.run("clock += 5000;")
    assert page.order() == "placed"
    assert [order["expected_total"]["amount"] for order in page.sent] == [2000, 199_800]
    assert len({order["key"] for order in page.sent}) == 1


@pytest.mark.parametrize("change", ['line("kite", 5)', 'line("robot", 1)', ""])
def test_page_asks_again_if_another_tab_has_changed_the_cart(page: Page, change: str) -> None:
    page.run(f"inAnotherTab({change});")
    assert "just changed" in page.order()
    assert page.sent == []
    if change:
        page.run("clock += 5000;")
        assert page.order() == "placed"
        (order,) = page.sent
        total = {"kite": 5000, "robot": 2500}[order["lines"][0]["toy_id"]]
        assert order["expected_total"]["amount"] == total
        assert f"{total / 100:,.2f}" in page.shown["total"]


def test_page_shows_a_change_of_another_tab_at_once(page: Page) -> None:
    page.run('inAnotherTab(line("robot", 3)); modules["./cart.js"].changedElsewhere();')
    assert "75.00" in page.shown["total"]
    assert "robot" in page.shown["lines"]
    assert "just changed" in page.order()


def test_change_of_a_quantity_is_ordered_at_once(page: Page) -> None:
    page.run(
        """
        const find = (node) => node.type === "number" ? node
          : node.children?.map(find).find((found) => found);
        const input = find(document.getElementById("cart-lines"));
        input.value = "3";
        input.onchange();
        """
    )
    assert page.order() == "placed"
    assert page.sent[0]["lines"] == [{"toy_id": "kite", "quantity": 3}]
    assert page.sent[0]["expected_total"]["amount"] == 3000


def test_price_that_rises_while_the_cart_is_read_is_shown_before_it_is_ordered(page: Page) -> None:
    page.run('toys.kite = 5000; await modules["./cart.js"].show();')
    assert "100.00" in page.shown["total"]
    assert "just changed" in page.order()
    assert page.sent == []


def test_unavailable_toy_is_removed_and_the_page_asks_again(page: Page) -> None:
    page.run(
        """
        inAnotherTab(line("kite", 2), line("robot", 1));
        await modules["./cart.js"].show();
        clock += 5000;
        delete toys.robot;
        answers.push([422, { status: 422, detail: "x", errors: [
          { pointer: "/lines/1/toy_id", detail: "There is no such toy" }] }]);
        """
    )
    assert "available any more" in page.order()
    assert "20.00" in page.shown["total"]
    page.run("clock += 5000;")
    assert page.order() == "placed"
    assert page.sent[-1]["lines"] == [{"toy_id": "kite", "quantity": 2}]


def test_total_that_cannot_be_paid_is_explained_without_a_pointer(page: Page) -> None:
    page.run(
        """
        answers.push([422, { status: 422, detail: "/lines: Too little", errors: [
          { pointer: "/lines", detail: "Too little" }] }]);
        """
    )
    assert page.order() == "Too little."


def test_order_with_an_unknown_outcome_is_shown_and_sent_again_unchanged(page: Page) -> None:
    page.run('answers.push("lost");')
    page.order()
    assert page.shown["unknown"]
    # the cart is another one now, but the page shows the order that it sends again
    page.run('inAnotherTab(line("robot", 1), line("kite", 3));')
    assert page.shown["pending"] == "2 \u00d7 kite"
    assert page.order() == "placed"
    first, second = page.sent
    assert first == second
    # what was added since then stays in the cart
    assert page.run("return stored().map((l) => [l.toy.id, l.quantity]);") == [
        ["robot", 1],
        ["kite", 1],
    ]


def test_order_of_another_tab_is_shown_before_this_tab_sends_it(page: Page) -> None:
    page.run(
        """
        localStorage.setItem("toyshop.pending-order", JSON.stringify({
          key: "other", email: "a@b.cc", texts: ["one robot"],
          body: { lines: [], expected_total: { amount: 1, currency: "AUD" } } }));
        """
    )
    assert "another tab" in page.order()
    assert page.sent == []
    assert (page.shown["pending"], page.shown["button"]) == ("one robot", "Try again")
    assert page.order() == "placed"
    assert page.sent[0]["key"] == "other"


def test_order_that_was_placed_by_a_lost_attempt_is_not_placed_twice(page: Page) -> None:
    # GIVEN an attempt whose response is lost, then one that finds the price changed
    page.run('answers.push("lost");')
    page.order()
    page.run(PRICE_CHANGED)
    assert "price has changed" in page.order()
    # WHEN the first attempt has placed the order after all
    page.run('clock += 5000; answers.push([422, { status: 422, detail: "This key was used." }]);')
    # THEN the page says so, and begins a new order only after that
    assert "placed your order after all" in page.order()
    assert page.order() == "placed"
    keys = [order["key"] for order in page.sent]
    assert keys == [keys[0]] * 3 + [keys[3]]
    assert keys[3] != keys[0]
