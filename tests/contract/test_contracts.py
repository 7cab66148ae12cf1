"""The committed contracts match the code, are valid, and are compatible with the last release."""

import copy
import gzip
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import jsonschema
import pytest
import yaml
from openapi_spec_validator import validate

from contracts.events import EVENT_TYPES
from shopctl.contracts.check import check
from support.emitted_events import MESSAGES
from support.paths import ROOT, TESTS

SERVICES = sorted(path.parent.name for path in (ROOT / "apps").glob("*/service.toml"))
ASYNCAPI = json.loads((ROOT / "docs/asyncapi.json").read_text(encoding="utf-8"))
OFFICIAL = json.loads(
    gzip.decompress((TESTS / "support/schemas/asyncapi-3.1.0.json.gz").read_bytes())
)


def openapi(service: str) -> dict[str, Any]:
    path = ROOT / f"docs/openapi/{service}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_documents_match_the_code_and_no_change_is_breaking() -> None:
    assert [str(finding) for finding in check(ROOT)] == []


# OpenAPI


@pytest.mark.parametrize("service", SERVICES)
def test_document_of_an_api_is_valid_openapi(service: str) -> None:
    document = openapi(service)
    assert document["openapi"].startswith("3.1")
    validate(document)


@pytest.mark.parametrize("service", SERVICES)
def test_app_serves_exactly_the_documented_routes(
    load_app: Callable[..., ModuleType], service: str
) -> None:
    app = load_app(service).app
    served = {
        (method, path)
        for path in app.routes
        for method in app.allowed_methods(path)
        # documents for browsers are no operations of the API
        if not path.startswith("/pages/")
    }
    described = {
        (method.upper(), path)
        for path, methods in openapi(service)["paths"].items()
        for method in methods
    }
    # every GET is served as HEAD too
    described |= {("HEAD", path) for method, path in described if method == "GET"}
    assert served == described


def test_storefront_serves_the_committed_document(
    load_app: Callable[..., ModuleType], api_of: Any
) -> None:
    answer = api_of(load_app("storefront_api")).call("GET", "/openapi.json")
    assert answer.json_body == openapi("storefront_api")


# AsyncAPI


def asyncapi_errors(document: Any) -> list[str]:
    validator = jsonschema.Draft7Validator(OFFICIAL)
    return [error.message for error in validator.iter_errors(document)]


def test_document_of_the_events_is_valid_asyncapi() -> None:
    assert ASYNCAPI["asyncapi"] == "3.1.0"
    assert asyncapi_errors(ASYNCAPI) == []


def _without_channel(document: Any) -> None:
    del document["operations"]["orders.send.orders-events"]["channel"]


@pytest.mark.parametrize(
    "edit",
    [
        _without_channel,
        lambda document: document["info"].pop("version"),
        lambda document: document["channels"]["orders-events"].update(adress="typo"),
        lambda document: document["operations"]["payments.receive.orders-events"].update(
            action="subscribe"
        ),
    ],
)
def test_invalid_asyncapi_document_is_detected(edit: Callable[[Any], object]) -> None:
    document = copy.deepcopy(ASYNCAPI)
    edit(document)
    assert asyncapi_errors(document)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def at(reference: str) -> Any:
    node = ASYNCAPI
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    return node


def test_every_reference_is_valid_and_every_schema_is_used() -> None:
    used = set(references(ASYNCAPI))
    for reference in used:
        assert at(reference), reference
    for name in ASYNCAPI["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in used


def test_every_event_type_has_one_channel_of_its_source() -> None:
    placed = {
        name: channel
        for channel, described in ASYNCAPI["channels"].items()
        for name in described["messages"]
    }
    assert placed.keys() == EVENT_TYPES.keys() == ASYNCAPI["components"]["messages"].keys()
    for name, kind in EVENT_TYPES.items():
        operation = ASYNCAPI["operations"][f"{kind.source.lstrip('/')}.send.{placed[name]}"]
        reference = f"#/channels/{placed[name]}/messages/{name}"
        assert {"$ref": reference} in operation["messages"]


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_emitted_event_matches_the_asyncapi_schema(name: str) -> None:
    components = ASYNCAPI["components"]
    schema = {**components["messages"][name]["payload"], "components": components}
    validator = jsonschema.Draft7Validator(schema)
    event = json.loads(MESSAGES[name])
    assert [error.message for error in validator.iter_errors(event)] == []
    assert not validator.is_valid(event | {"type": "shop.order.lost.v1"})
    assert not validator.is_valid(event | {"data": {}})


@pytest.mark.parametrize("channel", ASYNCAPI["channels"])
def test_channel_is_a_topic_of_the_sender(channel: str) -> None:
    service = channel.removesuffix("-events").replace("-", "_")
    template = (ROOT / "apps" / service / "resources.yaml").read_text(encoding="utf-8")
    topics = [
        resource["Properties"]["TopicName"]["Fn::Sub"]
        for resource in yaml.safe_load(template)["Resources"].values()
        if resource["Type"] == "AWS::SNS::Topic" and "TopicName" in resource["Properties"]
    ]
    assert ASYNCAPI["channels"][channel]["address"].replace("{stage}", "${Stage}") in topics
