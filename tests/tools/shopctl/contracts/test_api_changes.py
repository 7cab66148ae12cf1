"""Differences between two releases of an API or event type, and who is affected."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from shopctl.contracts import snapshots, wire
from shopctl.contracts.changes import Change
from shopctl.contracts.generate import generate
from support.paths import APPS

DOCUMENTS = generate(APPS)
CONTRACTS = wire.contracts(DOCUMENTS)
CALLERS = ("callers that send the old request",)
READERS = ("callers that read the old response",)
OLD_CONSUMERS, NEW_CONSUMERS = (
    "consumers of the old release",
    "consumers of the new release (events still in queues)",
)
Edit = Callable[[Any], object]


def changes(name: str, edit: Edit) -> list[Change]:
    """Return the changes that an edit of one contract makes."""
    edited = copy.deepcopy(CONTRACTS[name])
    edit(edited)
    return snapshots.changes(CONTRACTS, {**CONTRACTS, name: edited})


def operation(name: str) -> Callable[[Any], Any]:
    method, path = name.split()
    return lambda api: api["paths"][path][method.lower()]


PLACE, CHANGE, LIST = "POST /orders", "PATCH /orders/{order_id}", "GET /orders"
place, change, list_ = operation(PLACE), operation(CHANGE), operation(LIST)
HEADER = {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}
OPTIONAL = {"name": "country", "in": "query", "schema": {"type": "string"}}
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
        "", PLACE, "was renamed to buy", ()),
    "the URL of an API changes": (lambda api: api.update(servers=[{"url": "/v2"}]),
        "", "servers", "was changed", CALLERS),
    # who may call
    "fewer may call": (lambda api: place(api).update({"x-audience": "staff"}),
        PLACE, "audience", "is now staff", CALLERS),
    "anyone may call": (lambda api: place(api).update({"x-audience": "anyone"}),
        PLACE, "audience", "is now anyone", ()),
    "another kind of token is required": (lambda api: place(api).update(security=[{"bearer": []}]),
        PLACE, "security", "was changed", CALLERS),
    "no token is required": (lambda api: place(api).update(security=[]),
        PLACE, "security", "is no longer required", ()),
    # who may repeat
    "callers may no longer repeat": (lambda api: place(api).pop("x-repeatable"),
        PLACE, "repetition", "may no longer be repeated", CALLERS),
    "callers may repeat": (lambda api: change(api).update({"x-repeatable": True}),
        CHANGE, "repetition", "may be repeated", ()),
    # parameters
    "a required header is added": (lambda api: place(api)["parameters"].append(HEADER),
        PLACE, "header parameter If-Match", "was added and is required", CALLERS),
    "an optional parameter is added": (lambda api: list_(api)["parameters"].append(OPTIONAL),
        LIST, "query parameter country", "was added", ()),
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
        LIST, "query parameter limit", "has maximum 50 instead of 100", CALLERS),
    "a parameter's default is changed": (
        lambda api: parameter(api, "limit")["schema"].update(default=50),
        LIST, "query parameter limit", "has default 50 instead of 20", CALLERS),
    # bodies
    "a required body is added": (
        lambda api: list_(api).update(requestBody=place(api)["requestBody"]),
        LIST, "body", "was added and is required", CALLERS),
    "an optional body is added": (lambda api: list_(api).update(requestBody={"content": {}}),
        LIST, "body", "was added", ()),
    "a body is removed": (lambda api: place(api).pop("requestBody"),
        PLACE, "body", "was removed", CALLERS),
    "a content type of a request is removed": (
        lambda api: change(api)["requestBody"]["content"].pop("application/json"),
        CHANGE, "body application/json", "was removed", CALLERS),
    "a content type of a request is added": (
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
        f"{PLACE} body", "PlaceOrder/fingerprint", "changed from string to integer", CALLERS),
    "an input field's pattern is changed": (
        lambda api: properties("PlaceOrder")(api)["fingerprint"].update(pattern="^x$"),
        f"{PLACE} body", "PlaceOrder/fingerprint",
        "has pattern ^x$ instead of ^[0-9a-f]{64}$", CALLERS),
    # responses
    "a response is removed": (lambda api: place(api)["responses"].pop("200"),
        PLACE, "response 200", "was removed", READERS),
    "another success response is added": (
        lambda api: place(api)["responses"].update({"202": place(api)["responses"]["201"]}),
        PLACE, "response 202", "was added", READERS),
    "an answer to a conditional request is added": (
        lambda api: place(api)["responses"].update({"304": {"description": "Not Modified"}}),
        PLACE, "response 304", "was added", ()),
    "another problem response is added": (
        lambda api: place(api)["responses"].update({"410": PROBLEM}),
        PLACE, "response 410", "was added", ()),
    "a problem response of a type of its own is added": (
        lambda api: place(api)["responses"].update({"410": place(api)["responses"]["409"]}),
        PLACE, "response 410", "was added", ()),
    "the ETag header of a response is removed": (
        lambda api: place(api)["responses"]["201"]["headers"].pop("ETag"),
        PLACE, "response 201 header ETag", "was removed", READERS),
    "a header of a response is added": (
        lambda api: place(api)["responses"]["201"]["headers"].update(X={"schema": {}}),
        PLACE, "response 201 header X", "was added", ()),
    "a header of a response is retyped": (
        lambda api: place(api)["responses"]["201"]["headers"]["ETag"].update(
            schema={"type": "integer"}),
        PLACE, "response 201 header ETag", "changed from string to integer", READERS),
    "a content type of a response is added": (
        lambda api: place(api)["responses"]["201"]["content"].update({"text/html": {}}),
        PLACE, "response 201 text/html", "was added", READERS),
    "a field of the problem response is removed": (
        lambda api: properties("Problem")(api).pop("detail"),
        f"{PLACE} response 400", "Problem/detail", "was removed", READERS),
    "an output field is removed": (lambda api: properties("Order")(api).pop("total"),
        f"{PLACE} response 200", "Order/total", "was removed", READERS),
    "an output field is added": (
        lambda api: (properties("Order")(api).update(gift={}),
                     schema("Order")(api)["required"].append("gift")),
        f"{PLACE} response 200", "Order/gift", "was added and is required", ()),
    "an output enum is widened": (
        lambda api: properties("Order")(api)["status"]["enum"].append("shipped"),
        f"{PLACE} response 200", "Order/status", "can now be 'shipped'", READERS),
    "an output enum is narrowed": (
        lambda api: properties("Order")(api)["status"]["enum"].remove("cancelled"),
        f"{PLACE} response 200", "Order/status", "can no longer be 'cancelled'", ()),
    "an output field may be null": (
        lambda api: properties("Order")(api).update(
            payment_method={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        f"{PLACE} response 200", "Order/payment_method", "can now be null", READERS),
}  # fmt: skip


@pytest.mark.parametrize("case", API_CASES)
def test_api_change_is_described_with_whom_it_breaks(case: str) -> None:
    edit, place_, path, what, breaks = API_CASES[case]
    found = changes("apis/orders", edit)
    matching = [c for c in found if (c.path, c.what, c.breaks) == (path, what, breaks)]
    assert len(matching) == 1, found
    assert (place_ in matching[0].places) if place_ else matching[0].places == ()
    # nothing else is reported as breaking
    assert [c for c in found if c.breaking and c not in matching] == []


def test_change_of_a_shared_type_is_reported_once_with_all_places() -> None:
    (change_,) = changes("apis/orders", lambda api: properties("Order")(api).pop("total"))
    assert {f"{PLACE} response 201", f"{LIST} response 200"} <= set(change_.places)
    assert "Order/total" in str(change_)
    assert f"and {len(change_.places) - 1} more" in str(change_)


def test_change_of_a_type_in_request_and_response_is_assessed_for_each() -> None:
    # GIVEN a type that is in a request and in a response
    def share(api: Any) -> None:
        schema("PlaceOrder")(api)["properties"]["payment_method"] = {"enum": ["a", "b"]}
        schema("Order")(api)["properties"]["payment_method"] = {"enum": ["a", "b"]}

    before = copy.deepcopy(CONTRACTS["apis/orders"])
    share(before)
    after = copy.deepcopy(before)
    for name in ("PlaceOrder", "Order"):
        schema(name)(after)["properties"]["payment_method"] = {"enum": ["a", "b", "c"]}
    found = snapshots.changes({"apis/orders": before}, {"apis/orders": after})
    # THEN accepting more in requests breaks nobody, returning more breaks readers
    assert {(c.path, c.breaks) for c in found} == {
        ("PlaceOrder/payment_method", ()),
        ("Order/payment_method", READERS),
    }


PLACED = "events/shop.order.placed.v1"


def data(event: Any) -> Any:
    return event["components"]["schemas"]["Order"]


EVENT_CASES: dict[str, tuple[Edit, str, str, tuple[str, ...]]] = {
    "a field is removed": (lambda e: data(e)["properties"].pop("total"),
        "Order/total", "was removed", (NEW_CONSUMERS, OLD_CONSUMERS)),
    "an optional field is added": (lambda e: data(e)["properties"].update(gift={}),
        "Order/gift", "was added", ()),
    "a required field is added": (
        lambda e: (data(e)["properties"].update(gift={}), data(e)["required"].append("gift")),
        "Order/gift", "was added and is required", (NEW_CONSUMERS,)),
    "a field is retyped": (lambda e: data(e)["properties"].update(version={"type": "string"}),
        "Order/version", "changed from integer to string", (NEW_CONSUMERS, OLD_CONSUMERS)),
    "an enum is widened": (lambda e: data(e)["properties"]["status"]["enum"].append("shipped"),
        "Order/status", "can now be 'shipped'", (OLD_CONSUMERS,)),
    "an enum is narrowed": (lambda e: data(e)["properties"]["status"]["enum"].remove("placed"),
        "Order/status", "can no longer be 'placed'", (NEW_CONSUMERS,)),
    "an attribute is removed": (lambda e: e["payload"]["properties"].pop("subject"),
        "event/subject", "was removed", (NEW_CONSUMERS, OLD_CONSUMERS)),
    "it is published to another topic": (lambda e: e.update(channel="elsewhere"),
        "channel", "changed from toyshop-{stage}-orders-events to elsewhere", (OLD_CONSUMERS,)),
}  # fmt: skip


@pytest.mark.parametrize("case", EVENT_CASES)
def test_event_change_is_described_with_whom_it_breaks(case: str) -> None:
    edit, path, what, breaks = EVENT_CASES[case]
    (change_,) = changes(PLACED, edit)
    assert (change_.path, change_.what, change_.breaks) == (path, what, breaks)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CONTRACTS.items() if key != name}


@pytest.mark.parametrize("name", [PLACED, "apis/orders"])
def test_removing_a_contract_breaks_and_adding_one_does_not(name: str) -> None:
    (removed,) = snapshots.changes(CONTRACTS, without(name))
    assert (removed.contract, removed.what, removed.breaking) == (name, "was removed", True)
    (added,) = snapshots.changes(without(name), CONTRACTS)
    assert (added.contract, added.what, added.breaking) == (name, "was added", False)


def test_new_version_breaks_only_if_it_replaces_the_old_one() -> None:
    second = "events/shop.order.placed.v2"
    beside = {**CONTRACTS, second: {**CONTRACTS[PLACED], "payload": {"type": "object"}}}
    assert [c.breaking for c in snapshots.changes(CONTRACTS, beside)] == [False]
    instead = {name: contract for name, contract in beside.items() if name != PLACED}
    broken = [c for c in snapshots.changes(CONTRACTS, instead) if c.breaking]
    assert [c.contract for c in broken] == [PLACED]


def test_descriptions_are_not_part_of_a_contract_but_fields_of_that_name_are() -> None:
    documents = copy.deepcopy(DOCUMENTS)
    orders = documents["openapi/orders.json"]
    orders["info"]["title"] = "Changed"
    orders["components"]["schemas"]["Order"]["description"] = "Changed"
    place(orders)["summary"] = "Changed"
    documents["asyncapi.json"]["info"]["description"] = "Changed"
    assert snapshots.changes(CONTRACTS, wire.contracts(documents)) == []
    toy = CONTRACTS["apis/toys"]["components"]["schemas"]["Toy"]
    assert toy["properties"]["description"] == {"type": "string"}
    assert "description" not in toy
    problem = CONTRACTS["apis/toys"]["components"]["schemas"]["Problem"]
    assert {"title", "detail"} <= problem["properties"].keys()


def test_field_named_properties_is_part_of_a_contract() -> None:
    documents = copy.deepcopy(DOCUMENTS)
    fields = documents["openapi/toys.json"]["components"]["schemas"]["Toy"]["properties"]
    fields["properties"] = {"type": "object", "description": "Text", "properties": {}}
    toy = wire.contracts(documents)["apis/toys"]["components"]["schemas"]["Toy"]
    assert toy["properties"]["properties"] == {"type": "object", "properties": {}}


def test_event_contract_has_exactly_the_types_that_it_refers_to() -> None:
    schemas = CONTRACTS[PLACED]["components"]["schemas"]
    assert schemas.keys() == {"Order", "OrderLine", "Money", "Address", "Contact"}
    assert list(schemas) == sorted(schemas)


def named(node: Any, schemas: Any, found: set[str]) -> set[str]:
    """Collect the names of the types that a part of a contract refers to."""
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, str) and child.startswith("#/components/schemas/"):
            name = child.rpartition("/")[2]
            if name not in found:
                found.add(name)
                named(schemas[name], schemas, found)
        elif isinstance(child, dict | list):
            named(child, schemas, found)
    return found


@pytest.mark.parametrize("name", CONTRACTS)
def test_responses_and_events_accept_new_fields(name: str) -> None:
    # GIVEN a contract whose readers must ignore fields that they do not know yet
    contract = CONTRACTS[name]
    schemas = contract["components"]["schemas"]
    read = [contract["payload"]] if "payload" in contract else [
        operation["responses"] for path in contract["paths"].values() for operation in path.values()
    ]  # fmt: skip
    types = named(read, schemas, set())
    assert types
    assert [key for key in types if schemas[key].get("additionalProperties") is False] == []
    # THEN a new field in any of them breaks nobody
    edited = copy.deepcopy(contract)
    for key in types:
        edited["components"]["schemas"][key]["properties"]["added"] = {"type": "string"}
    found = snapshots.changes({name: contract}, {name: edited})
    assert {change_.path for change_ in found} == {f"{key}/added" for key in types}
    assert [str(change_) for change_ in found if change_.breaking] == []
