"""How orders are sent: never twice or for another customer, and all attempts in one trace."""

import pytest

from chassis.context import parent_of
from support.page_scripts import PageScripts

KEY = "c0ffee00-cafe-4000-abcd-efabcdef0001"
BROWSER = """
const items = new Map();
const localStorage = {
  getItem: (name) => items.get(name) ?? null,
  setItem: (name, value) => items.set(name, value),
  removeItem: (name) => items.delete(name),
};
const listeners = [];
const addEventListener = (type, listener) => { if (type === "storage") listeners.push(listener); };
class StorageEvent {
  constructor(type, { key }) { this.key = key; }
}
const dispatchEvent = (event) => listeners.forEach((listener) => listener(event));
const AbortSignal = { timeout: () => null };
const navigator = { locks: { request: (name, run) => run() } };
let keys = 0;
const crypto = {
  randomUUID: () => `c0ffee00-cafe-4000-abcd-efabcdef${String(keys += 1).padStart(4, "0")}`,
};
modules["./delivery.js"] = { parseAddress: (value) => value };

// each answer is a status, or a function that is called before it is sent
const answers = [];
const sent = [];
const traces = [];
async function fetch(path, { method, headers, body }) {
  traces.push(headers.traceparent);
  sent.push(`${method} ${path} ${headers.Authorization ?? ""}`.trim());
  let [status, document] = answers.shift();
  if (typeof document === "function") document = document();
  return {
    status, ok: status < 400,
    json: async () => document, text: async () => JSON.stringify(document ?? {}),
  };
}
"""
STEPS = """
const { session } = modules["./api.js"];
const { forget } = modules["./storage.js"];
const { place, pending, stored, takePlaced } = modules["./placing.js"];
const signIn = (access, email) => {
  session.value = { access, refresh: `refresh-${access}`, email, isStaff: false };
};
const address = {};
const body = {
  lines: [{ toy_id: "toy_1", quantity: 1 }], shipping_address: address, payment_method: "pm_1",
  expected_total: { amount: 5, currency: "AUD" },
};
const tryToPlace = () => place(stored.value?.key ?? null, () => ({ body, items: [] }))
  .then((order) => order.id, (error) => error.status);
signIn("alice", "alice@example.com");
"""


@pytest.fixture
def page() -> PageScripts:
    scripts = PageScripts(BROWSER)
    scripts.load("lib/storage.js", "lib/api.js", "lib/basket.js", "lib/placing.js")
    return scripts


@pytest.mark.parametrize("status", [401, 429])
def test_refusal_before_the_lookup_leaves_the_outcome_unknown(
    page: PageScripts, status: int
) -> None:
    # GIVEN an order whose response was lost
    script = f"""
        answers.push([503]);
        await tryToPlace();
        // WHEN it is sent again, and refused before its key is looked up
        answers.push([{status}], [401]);
        const again = await tryToPlace();
        signIn("alice-2", "alice@example.com");
        return [again, pending()?.key];
    """
    # THEN its outcome is still unknown, and it can be sent again unchanged
    assert page.run(STEPS + script) == [status, KEY]


def test_refusal_of_a_new_order_lets_the_customer_change_it(page: PageScripts) -> None:
    script = "answers.push([429]); return [await tryToPlace(), pending(), stored.value.key];"
    assert page.run(STEPS + script) == [429, None, KEY]


def test_request_is_not_repeated_as_another_customer(page: PageScripts) -> None:
    # WHEN Bob signs in in another tab while a request of Alice is refused
    script = """
        answers.push([401, () => signIn("bob", "bob@example.com")]);
        return [await tryToPlace(), sent];
    """
    assert page.run(STEPS + script) == [401, ["POST /api/orders Bearer alice"]]


def test_request_is_repeated_with_the_token_of_another_tab(page: PageScripts) -> None:
    script = """
        answers.push([401, () => signIn("alice-2", "alice@example.com")], [201, { id: "ord_1" }]);
        return [await tryToPlace(), sent.at(-1)];
    """
    assert page.run(STEPS + script) == ["ord_1", "POST /api/orders Bearer alice-2"]


@pytest.mark.parametrize("leave", ["before", "after"])
def test_placed_order_is_not_shown_to_the_next_customer(page: PageScripts, leave: str) -> None:
    script = f"""
        const leaves = {str(leave == "before").lower()};
        answers.push([201, () => {{ if (leaves) forget(); return {{ id: "ord_1" }}; }}]);
        await tryToPlace();
        if (!leaves) forget();
        signIn("bob", "bob@example.com");
        return takePlaced("ord_1");
    """
    assert page.run(STEPS + script) is None


def test_placed_order_is_shown_once_to_its_customer(page: PageScripts) -> None:
    script = """
        answers.push([201, { id: "ord_1" }]);
        await tryToPlace();
        return [takePlaced("ord_1")?.id, takePlaced("ord_1")];
    """
    assert page.run(STEPS + script) == ["ord_1", None]


def test_all_attempts_to_place_an_order_are_one_trace(page: PageScripts) -> None:
    # GIVEN an order whose response was lost
    page.run(STEPS + "answers.push([503]); await tryToPlace();")
    # WHEN it is sent again after a reload, and the session has to be renewed
    page.load("lib/storage.js", "lib/api.js", "lib/basket.js", "lib/placing.js")
    script = """
        const tokens = { access_token: "alice-2", refresh_token: "r" };
        answers.push([401], [200, tokens], [201, { id: "ord_1" }], [201, { id: "ord_2" }]);
        const placed = [await tryToPlace(), await tryToPlace()];
        return [placed, sent.map((request, i) => [request.split(" ")[1], traces[i]])];
    """
    placed, sent = page.run(STEPS + script)
    assert placed == ["ord_1", "ord_2"]
    # THEN the storefront accepts the context of each request, and each has a span of its own
    paths = [path for path, _ in sent]
    traces, spans, _ = zip(*(parent_of(traceparent) for _, traceparent in sent), strict=True)
    assert paths == ["/api/orders"] * 2 + ["/api/sessions"] + ["/api/orders"] * 2
    assert len(set(spans)) == len(sent)
    # AND those that place the first order are one trace
    *attempts, another = [
        trace for path, trace in zip(paths, traces, strict=True) if "orders" in path
    ]
    assert attempts == [KEY.replace("-", "")] * 3
    assert len({*attempts, traces[2], another}) == 3


def test_key_that_is_no_uuid_begins_a_trace(page: PageScripts) -> None:
    # GIVEN an attempt that another version of the page has stored
    script = """
        stored.value = { key: "k", email: "alice@example.com", body: null, items: [], lost: [] };
        answers.push([201, { id: "ord_1" }]);
        return [await tryToPlace(), traces];
    """
    placed, traces = page.run(STEPS + script)
    assert placed == "ord_1"
    assert [parent_of(traceparent) is None for traceparent in traces] == [False]
