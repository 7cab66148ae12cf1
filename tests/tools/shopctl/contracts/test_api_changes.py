"""Two releases of an API or an event type: what changed, and whom it breaks."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shopctl.contracts import snapshots, wire
from shopctl.contracts.changes import Change
from shopctl.contracts.generate import generate

DOCUMENTS = generate(Path(__file__).parents[4] / "apps")
PROMISES = wire.promises(DOCUMENTS)
CALLERS = ("callers that send as before",)
READERS = ("callers that read as before",)
LAGGING, AHEAD = (
    "consumers of the old release",
    "consumers of the new release (by events on their way)",
)
Edit = Callable[[Any], object]


def changes(promise: str, edit: Edit) -> list[Change]:
    """Return what the comparison says of an edit of one promise."""
    edited = copy.deepcopy(PROMISES[promise])
    edit(edited)
    return snapshots.changes(PROMISES, {**PROMISES, promise: edited})


def operation(name: str) -> Callable[[Any], Any]:
    method, path = name.split()
    return lambda api: api["paths"][path][method.lower()]


PLACE, CHANGE, LIST = "POST /orders", "PATCH /orders/{order_id}", "GET /orders"
place, change, list_ = operation(PLACE), operation(CHANGE), operation(LIST)
HEADER = {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}
OPTIONAL = {"name": "status", "in": "query", "schema": {"type": "string"}}
PROBLEM = {"$ref": "#/components/responses/Problem"}


def schema(name: str) -> Callable[[Any], Any]:
    return lambda api: api["components"]["schemas"][name]


def properties(name: str) -> Callable[[Any], Any]:
    return lambda api: schema(name)(api)["properties"]


def parameter(api: Any, name: str) -> Any:
    return next(p for p in list_(api)["parameters"] if p["name"] == name)


API_CASES: dict[str, tuple[Edit, str, str, str, tuple[str, ...]]] = {
    # operations
    "an operation is removed": (lambda api: api["paths"]["/orders"].pop("post"),
        "", PLACE, "was removed", CALLERS),
    "a path is removed": (lambda api: api["paths"].pop("/orders/replay"),
        "", "POST /orders/replay", "was removed", CALLERS),
    "an operation is added": (lambda api: api["paths"].update({"/orders/v2": {"post": place(api)}}),
        "", "POST /orders/v2", "was added", ()),
    "an operation is renamed": (lambda api: place(api).update(operationId="buy"),
        "", PLACE, "is called buy now", ()),
    "an API moves": (lambda api: api.update(servers=[{"url": "/v2"}]),
        "", "servers", "moved", CALLERS),
    # who may call
    "fewer may call": (lambda api: place(api).update({"x-audience": "staff"}),
        PLACE, "audience", "is for staff now", CALLERS),
    "anyone may call": (lambda api: place(api).update({"x-audience": "anyone"}),
        PLACE, "audience", "is for anyone now", ()),
    "a token of another kind": (lambda api: place(api).update(security=[{"bearer": []}]),
        PLACE, "security", "was changed", CALLERS),
    "no token": (lambda api: place(api).update(security=[]),
        PLACE, "security", "is asked of no one", ()),
    # parameters
    "a required header is added": (lambda api: place(api)["parameters"].append(HEADER),
        PLACE, "header parameter If-Match", "was added and is required", CALLERS),
    "an optional parameter is added": (lambda api: list_(api)["parameters"].append(OPTIONAL),
        LIST, "query parameter status", "was added", ()),
    "a parameter is removed": (
        lambda api: list_(api)["parameters"].remove(parameter(api, "limit")),
        LIST, "query parameter limit", "was removed", CALLERS),
    "a parameter becomes required": (lambda api: parameter(api, "limit").update(required=True),
        LIST, "query parameter limit", "became required", CALLERS),
    "a header becomes optional": (
        lambda api: [p.update(required=False) for p in change(api)["parameters"]
                     if p["in"] == "header"],
        CHANGE, "header parameter If-Match", "became optional", ()),
    "a parameter's bound is narrowed": (
        lambda api: parameter(api, "limit")["schema"].update(maximum=50),
        LIST, "query parameter limit", "has maximum 50, had 100", CALLERS),
    "a parameter's default is changed": (
        lambda api: parameter(api, "limit")["schema"].update(default=50),
        LIST, "query parameter limit", "has the default 50, was 20", CALLERS),
    # bodies
    "a body is asked for": (lambda api: list_(api).update(requestBody=place(api)["requestBody"]),
        LIST, "body", "was added and is required", CALLERS),
    "a body is taken": (lambda api: list_(api).update(requestBody={"content": {}}),
        LIST, "body", "was added", ()),
    "a body is no longer taken": (lambda api: place(api).pop("requestBody"),
        PLACE, "body", "was removed", CALLERS),
    "a content type is no longer taken": (
        lambda api: change(api)["requestBody"]["content"].pop("application/json"),
        CHANGE, "body application/json", "was removed", CALLERS),
    "a content type is taken": (
        lambda api: place(api)["requestBody"]["content"].update({"application/cbor": {}}),
        PLACE, "body application/cbor", "was added", ()),
    "an input field is added": (lambda api: properties("PlaceOrder")(api).update(gift={}),
        f"{PLACE} body", "PlaceOrder/gift", "was added", ()),
    "an input field is required": (
        lambda api: (properties("PlaceOrder")(api).update(gift={}),
                     schema("PlaceOrder")(api)["required"].append("gift")),
        f"{PLACE} body", "PlaceOrder/gift", "was added and is required", CALLERS),
    "an input field is removed": (lambda api: properties("PlaceOrder")(api).pop("payment_method"),
        f"{PLACE} body", "PlaceOrder/payment_method", "was removed", CALLERS),
    "an input field is retyped": (
        lambda api: properties("PlaceOrder")(api).update(fingerprint={"type": "integer"}),
        f"{PLACE} body", "PlaceOrder/fingerprint", "was string, is integer", CALLERS),
    "an input field's pattern is changed": (
        lambda api: properties("PlaceOrder")(api)["fingerprint"].update(pattern="^x$"),
        f"{PLACE} body", "PlaceOrder/fingerprint",
        "has pattern ^x$, had ^[0-9a-f]{64}$", CALLERS),
    # answers
    "an answer is removed": (lambda api: place(api)["responses"].pop("200"),
        PLACE, "answer 200", "was removed", READERS),
    "another success": (
        lambda api: place(api)["responses"].update({"202": place(api)["responses"]["201"]}),
        PLACE, "answer 202", "was added", READERS),
    "another problem": (lambda api: place(api)["responses"].update({"409": PROBLEM}),
        PLACE, "answer 409", "was added", ()),
    "an answer loses its ETag": (lambda api: place(api)["responses"]["201"]["headers"].pop("ETag"),
        PLACE, "answer 201 header ETag", "was removed", READERS),
    "an answer gains a header": (
        lambda api: place(api)["responses"]["201"]["headers"].update(X={"schema": {}}),
        PLACE, "answer 201 header X", "was added", ()),
    "an answer's header is retyped": (
        lambda api: place(api)["responses"]["201"]["headers"]["ETag"].update(
            schema={"type": "integer"}),
        PLACE, "answer 201 header ETag", "was string, is integer", READERS),
    "an answer of another type": (
        lambda api: place(api)["responses"]["201"]["content"].update({"text/html": {}}),
        PLACE, "answer 201 text/html", "was added", READERS),
    "the problem answer changes": (lambda api: properties("Problem")(api).pop("detail"),
        f"{PLACE} answer 400", "Problem/detail", "was removed", READERS),
    "an output field is removed": (lambda api: properties("Order")(api).pop("total"),
        f"{PLACE} answer 200", "Order/total", "was removed", READERS),
    "an output field is added": (
        lambda api: (properties("Order")(api).update(gift={}),
                     schema("Order")(api)["required"].append("gift")),
        f"{PLACE} answer 200", "Order/gift", "was added and is required", ()),
    "an output enum is widened": (
        lambda api: properties("Order")(api)["status"]["enum"].append("shipped"),
        f"{PLACE} answer 200", "Order/status", "may be 'shipped' now", READERS),
    "an output enum is narrowed": (
        lambda api: properties("Order")(api)["status"]["enum"].remove("cancelled"),
        f"{PLACE} answer 200", "Order/status", "is never 'cancelled' any more", ()),
    "an output field may be null": (
        lambda api: properties("Order")(api).update(
            payment_method={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        f"{PLACE} answer 200", "Order/payment_method", "may be null now", READERS),
}  # fmt: skip


@pytest.mark.parametrize("case", API_CASES)
def test_a_change_of_an_api_is_named_and_judged(case: str) -> None:
    edit, place_, path, what, breaks = API_CASES[case]
    found = changes("apis/orders", edit)
    matching = [c for c in found if (c.path, c.what, c.breaks) == (path, what, breaks)]
    assert len(matching) == 1, found
    assert (place_ in matching[0].places) if place_ else matching[0].places == ()
    # nothing else is said to break
    assert [c for c in found if c.breaking and c not in matching] == []


def test_a_change_of_a_shared_type_is_told_once_with_all_places() -> None:
    (change_,) = changes("apis/orders", lambda api: properties("Order")(api).pop("total"))
    assert {f"{PLACE} answer 201", f"{LIST} answer 200"} <= set(change_.places)
    assert "Order/total" in str(change_)
    assert f"and {len(change_.places) - 1} more" in str(change_)


def test_a_change_of_a_type_that_is_sent_and_answered_is_judged_for_each() -> None:
    # GIVEN a type that is in a body and in an answer
    def share(api: Any) -> None:
        schema("PlaceOrder")(api)["properties"]["payment_method"] = {"enum": ["a", "b"]}
        schema("Order")(api)["properties"]["payment_method"] = {"enum": ["a", "b"]}

    before = copy.deepcopy(PROMISES["apis/orders"])
    share(before)
    after = copy.deepcopy(before)
    for name in ("PlaceOrder", "Order"):
        schema(name)(after)["properties"]["payment_method"] = {"enum": ["a", "b", "c"]}
    found = snapshots.changes({"apis/orders": before}, {"apis/orders": after})
    # THEN more may be sent, which harms nobody, but readers are surprised
    assert {(c.path, c.breaks) for c in found} == {
        ("PlaceOrder/payment_method", ()),
        ("Order/payment_method", READERS),
    }


PLACED = "events/shop.order.placed.v1"


def data(event: Any) -> Any:
    return event["components"]["schemas"]["Order"]


EVENT_CASES: dict[str, tuple[Edit, str, str, tuple[str, ...]]] = {
    "a field is removed": (lambda e: data(e)["properties"].pop("total"),
        "Order/total", "was removed", (AHEAD, LAGGING)),
    "an optional field is added": (lambda e: data(e)["properties"].update(gift={}),
        "Order/gift", "was added", ()),
    "a required field is added": (
        lambda e: (data(e)["properties"].update(gift={}), data(e)["required"].append("gift")),
        "Order/gift", "was added and is required", (AHEAD,)),
    "a field is retyped": (lambda e: data(e)["properties"].update(version={"type": "string"}),
        "Order/version", "was integer, is string", (AHEAD, LAGGING)),
    "an enum is widened": (lambda e: data(e)["properties"]["status"]["enum"].append("shipped"),
        "Order/status", "may be 'shipped' now", (LAGGING,)),
    "an enum is narrowed": (lambda e: data(e)["properties"]["status"]["enum"].remove("placed"),
        "Order/status", "is never 'placed' any more", (AHEAD,)),
    "an attribute is removed": (lambda e: e["payload"]["properties"].pop("subject"),
        "event/subject", "was removed", (AHEAD, LAGGING)),
    "it comes from another topic": (lambda e: e.update(channel="elsewhere"),
        "channel", "is elsewhere, was toyshop-{stage}-orders-events", (LAGGING,)),
}  # fmt: skip


@pytest.mark.parametrize("case", EVENT_CASES)
def test_a_change_of_an_event_is_named_and_judged(case: str) -> None:
    edit, path, what, breaks = EVENT_CASES[case]
    (change_,) = changes(PLACED, edit)
    assert (change_.path, change_.what, change_.breaks) == (path, what, breaks)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PROMISES.items() if key != name}


@pytest.mark.parametrize("name", [PLACED, "apis/orders"])
def test_a_promise_that_ends_breaks_and_a_new_one_does_not(name: str) -> None:
    (ended,) = snapshots.changes(PROMISES, without(name))
    assert (ended.promise, ended.what, ended.breaking) == (name, "was removed", True)
    (begun,) = snapshots.changes(without(name), PROMISES)
    assert (begun.promise, begun.what, begun.breaking) == (name, "was added", False)


def test_a_new_version_breaks_nobody_beside_the_old_one_and_somebody_in_its_place() -> None:
    second = "events/shop.order.placed.v2"
    beside = {**PROMISES, second: {**PROMISES[PLACED], "payload": {"type": "object"}}}
    assert [c.breaking for c in snapshots.changes(PROMISES, beside)] == [False]
    instead = {name: promise for name, promise in beside.items() if name != PLACED}
    broken = [c for c in snapshots.changes(PROMISES, instead) if c.breaking]
    assert [c.promise for c in broken] == [PLACED]


def test_prose_is_no_promise_but_a_field_of_that_name_is() -> None:
    documents = copy.deepcopy(DOCUMENTS)
    orders = documents["openapi/orders.json"]
    orders["info"]["title"] = "Changed"
    orders["components"]["schemas"]["Order"]["description"] = "Changed"
    place(orders)["summary"] = "Changed"
    documents["asyncapi.json"]["info"]["description"] = "Changed"
    assert snapshots.changes(PROMISES, wire.promises(documents)) == []
    toy = PROMISES["apis/toys"]["components"]["schemas"]["Toy"]
    assert toy["properties"]["description"] == {"type": "string"}
    assert "description" not in toy
    problem = PROMISES["apis/toys"]["components"]["schemas"]["Problem"]
    assert {"title", "detail"} <= problem["properties"].keys()


def test_a_field_may_be_called_properties() -> None:
    documents = copy.deepcopy(DOCUMENTS)
    fields = documents["openapi/toys.json"]["components"]["schemas"]["Toy"]["properties"]
    fields["properties"] = {"type": "object", "description": "Prose", "properties": {}}
    toy = wire.promises(documents)["apis/toys"]["components"]["schemas"]["Toy"]
    assert toy["properties"]["properties"] == {"type": "object", "properties": {}}


def test_an_event_holds_every_type_that_it_refers_to_and_no_other() -> None:
    schemas = PROMISES[PLACED]["components"]["schemas"]
    assert schemas.keys() == {"Order", "OrderLine", "Money", "Address", "Contact"}
    assert list(schemas) == sorted(schemas)


def named(node: Any, schemas: Any, found: set[str]) -> set[str]:
    """Collect the names of the types that a part of a promise refers to."""
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, str) and child.startswith("#/components/schemas/"):
            name = child.rpartition("/")[2]
            if name not in found:
                found.add(name)
                named(schemas[name], schemas, found)
        elif isinstance(child, dict | list):
            named(child, schemas, found)
    return found


@pytest.mark.parametrize("name", PROMISES)
def test_no_reader_of_an_answer_or_event_is_strict(name: str) -> None:
    # GIVEN that what is added to an answer or event must be ignored by those that lag behind
    promise = PROMISES[name]
    schemas = promise["components"]["schemas"]
    read = [promise["payload"]] if "payload" in promise else [
        operation["responses"] for path in promise["paths"].values() for operation in path.values()
    ]  # fmt: skip
    types = named(read, schemas, set())
    assert types
    assert [key for key in types if schemas[key].get("additionalProperties") is False] == []
    # THEN a field more in any of them breaks nobody
    edited = copy.deepcopy(promise)
    for key in types:
        edited["components"]["schemas"][key]["properties"]["news"] = {"type": "string"}
    found = snapshots.changes({name: promise}, {name: edited})
    assert {change_.path for change_ in found} == {f"{key}/news" for key in types}
    assert [str(change_) for change_ in found if change_.breaking] == []
