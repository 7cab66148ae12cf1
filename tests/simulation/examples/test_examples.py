"""The examples in the documents match the requests and responses of the services.

A tour in a simulated world uses every operation; ``--write`` stores the recorded examples. Then run
``./shop contracts --write``, which adds them to the documents.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contracts.events import EVENT_TYPES
from support.emitted_events import MESSAGES
from support.examples import Recorder, recorded
from support.paths import ROOT
from support.world import apps
from support.world.usage import operations_of

EXAMPLES = ROOT / "libs/contracts/src/contracts/reference"
CONTRACTS = {"file_manager": "files", "storefront_api": "storefront"}


def file_of(service: str) -> Path:
    return EXAMPLES / f"{CONTRACTS.get(service, service)}.json"


def text_of(examples: Any) -> str:
    return json.dumps(examples, indent=1, ensure_ascii=False) + "\n"


@pytest.fixture(scope="module")
def tour(request: pytest.FixtureRequest) -> Recorder:
    found = recorded()
    # events that nothing in the tour causes, such as those about disputes
    for name in EVENT_TYPES:
        found.events.setdefault(name, json.loads(MESSAGES[name]))
    if request.config.getoption("--write"):
        for service, examples in found.exchanges.items():
            file_of(service).write_text(text_of(dict(sorted(examples.items()))))
        (EXAMPLES / "events.json").write_text(text_of(dict(sorted(found.events.items()))))
    return found


@pytest.mark.parametrize("service", apps.SERVICES)
def test_services_answer_the_examples_as_documented(tour: Recorder, service: str) -> None:
    assert json.loads(file_of(service).read_text()) == tour.exchanges[service]


@pytest.mark.parametrize("service", apps.SERVICES)
def test_every_operation_has_an_example(service: str) -> None:
    examples = json.loads(file_of(service).read_text())
    assert examples.keys() == {operation.name for operation in operations_of(service)}
    for name, example in examples.items():
        assert {"request", "response"} <= example.keys(), name


def test_every_event_type_has_an_example(tour: Recorder) -> None:
    assert json.loads((EXAMPLES / "events.json").read_text()) == tour.events
    assert tour.events.keys() == EVENT_TYPES.keys()


def examples_in(node: Any) -> list[tuple[Any, Any]]:
    """Return all examples in a document, each with its schema."""
    found = []
    if isinstance(node, dict):
        if "example" in node and "schema" in node:
            found.append((node["schema"], node["example"]))
        for value in node.values():
            found += examples_in(value)
    elif isinstance(node, list):
        for value in node:
            found += examples_in(value)
    return found


@pytest.mark.parametrize("service", apps.SERVICES)
def test_examples_match_their_schemas(service: str) -> None:
    document = json.loads((ROOT / f"docs/openapi/{service}.json").read_text())
    found = examples_in(document)
    assert len(found) > len(document["paths"])
    for schema, example in found:
        validator = jsonschema.Draft202012Validator(
            {**schema, "components": document["components"]},
            format_checker=jsonschema.FormatChecker(),
        )
        assert [error.message for error in validator.iter_errors(example)] == [], example
