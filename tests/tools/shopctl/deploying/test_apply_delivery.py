"""Delivery settings that are applied through AWS's API after `chalice deploy`."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from shopctl.deploying import apply_delivery
from shopctl.project.delivery_config import FunctionDelivery

FILTER = {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]}
SAME_FILTER = {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]}


class Mappings:
    """The event source mappings of Lambda."""

    def __init__(self, **settings: Any) -> None:
        self.settings = {"UUID": "1", "BatchSize": 100, **settings}
        self.changes: list[dict[str, Any]] = []

    def list_event_source_mappings(self, **_: str) -> dict[str, Any]:
        return {"EventSourceMappings": [self.settings]}

    def update_event_source_mapping(self, UUID: str, **wanted: Any) -> None:  # noqa: N803
        self.changes.append(wanted)

    def get_function_concurrency(self, **_: str) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("present", "wanted", "changed"),
    [
        ({}, FILTER, FILTER),
        ({"FilterCriteria": FILTER}, SAME_FILTER, None),
        # a rollback to a release without a filter removes it
        ({"FilterCriteria": FILTER}, None, {}),
        ({}, None, None),
        ({"FilterCriteria": {"Filters": []}}, None, None),
    ],
)
def test_filter_of_a_stream_is_set_and_removed(
    present: dict[str, Any], wanted: dict[str, Any] | None, changed: dict[str, Any] | None
) -> None:
    mappings = Mappings(**present)
    event = {"BatchSize": 100} | ({"FilterCriteria": wanted} if wanted else {})
    function = FunctionDelivery(
        name="relay", trigger="stream", source="arn", event=event, invoke={}, concurrency=None
    )
    cloud: Any = SimpleNamespace(client=lambda _service: mappings)
    assert apply_delivery._apply(cloud, "arn", function) == (
        [] if changed is None else ["event source"]
    )
    assert [json.dumps(one["FilterCriteria"]) for one in mappings.changes] == (
        [] if changed is None else [json.dumps(changed)]
    )
