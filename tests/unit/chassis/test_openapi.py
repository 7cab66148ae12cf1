"""The OpenAPI documents that are generated from the contracts."""

import json
from importlib import import_module
from typing import Any

import pytest
from openapi_spec_validator import validate

from chassis.openapi import document, portable_schema
from contracts import files, notifications, orders, payments, storefront, toys
from contracts.operations import Operation
from contracts.reference import Reference, undescribed
from contracts.reference.storefront import REFERENCE

CONTRACTS = {
    "files": files.OPERATIONS,
    "notifications": notifications.OPERATIONS,
    "orders": orders.OPERATIONS,
    "payments": payments.OPERATIONS,
    "storefront": storefront.OPERATIONS,
    "toys": toys.OPERATIONS,
}


def reference_of(name: str) -> Reference:
    reference: Reference = import_module(f"contracts.reference.{name}").REFERENCE
    return reference


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_contract_generates_a_valid_document(name: str) -> None:
    operations: tuple[Operation[Any], ...] = CONTRACTS[name]
    described = document(reference_of(name), operations, server="/")
    validate(described)
    # THEN it has every operation, with its responses and its security
    for operation in operations:
        entry = described["paths"][operation.path][operation.method.lower()]
        assert entry["operationId"] == operation.name
        statuses = {str(status) for status in (*operation.status, *operation.problems)}
        not_modified = {"304"} if operation.conditional else set()
        assert entry["responses"].keys() == statuses | not_modified | {"default"}
        assert ("requestBody" in entry) is (operation.body is not None or operation.raw_body)
        assert bool(entry["security"]) is (operation.audience != "anyone")
        assert entry.get("x-repeatable", False) is operation.repeatable
        parameters = {(item["in"], item["name"]) for item in entry["parameters"]}
        assert {("header", header.name) for header in operation.headers} <= parameters


def test_patterns_are_valid_in_ecma_262() -> None:
    text = json.dumps(document(REFERENCE, storefront.OPERATIONS, server="/api"))
    # only the look-ahead after the end, which excludes a line break in Python, is superfluous there
    assert "$(?!" not in text


def test_descriptions_are_markdown() -> None:
    schema = {"description": "Send ``a``.\n\n    Then ``b``.\n    ", "default": "``c``"}
    assert portable_schema(schema) == {
        "description": "Send `a`.\n\nThen `b`.",
        "default": "``c``",
    }


def test_a_query_is_described_by_parameters_not_by_a_schema() -> None:
    described = document(REFERENCE, storefront.OPERATIONS, server="/api")
    assert "ToyQuery" not in described["components"]["schemas"]
    limit = next(
        item for item in described["paths"]["/toys"]["get"]["parameters"] if item["name"] == "limit"
    )
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}


def test_parameter_without_a_default_is_required() -> None:
    described = document(reference_of("files"), files.OPERATIONS, server="/")
    parameters = described["paths"]["/images"]["get"]["parameters"]
    assert {item["name"]: item.get("required", False) for item in parameters} == {
        "subject": True,
        "limit": False,
        "after": False,
    }


def test_problem_with_further_members_is_described() -> None:
    described = document(REFERENCE, storefront.OPERATIONS, server="/api")
    responses = described["paths"]["/orders"]["post"]["responses"]
    schema = responses["409"]["content"]["application/problem+json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/PriceChanged"}
    assert {"type", "detail", "lines", "total"} <= described["components"]["schemas"][
        "PriceChanged"
    ]["properties"].keys()
    assert responses["422"]["$ref"] == "#/components/responses/Problem"


def test_versions_have_etags_and_created_resources_a_location() -> None:
    paths = document(REFERENCE, storefront.OPERATIONS, server="/api")["paths"]
    assert paths["/toys/{toy_id}"]["get"]["responses"]["200"]["headers"].keys() == {"ETag"}
    created = paths["/orders"]["post"]["responses"]["201"]["headers"]
    assert created.keys() == {"ETag", "Location"}
    assert "Location" in paths["/orders/{order_id}/receipt"]["get"]["responses"]["303"]["headers"]


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_operation_has_a_tag_and_a_description(name: str) -> None:
    names = {operation.name for operation in CONTRACTS[name]}
    tags = reference_of(name).tags
    described = [
        one for tag in tags for one in tag.operations if one != "getHealth" or one in names
    ]
    assert sorted(described) == sorted(names)
    assert all(text.endswith(".") for tag in tags for text in tag.operations.values())


def test_api_without_texts_of_its_own_has_a_complete_document() -> None:
    reference = undescribed("Toys", "What it is for.", "Where", toys.OPERATIONS)
    described = document(reference, toys.OPERATIONS, server="/")
    validate(described)
    assert described["paths"]["/toys"]["get"]["description"] == "For permitted services."
    assert described["paths"]["/toys"]["get"]["tags"] == ["API"]
