"""A private service reports that it is down when it cannot read its table."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from shopctl.project import services
from support.log_lines import Logged
from support.moto_aws import client_of
from support.paths import APPS

TABLES = {
    name: f"toyshop-local-{service.manifest.owns.tables[0]}"
    for name, service in services.read(APPS).items()
    if service.manifest.owns.tables and not service.is_public
}


@pytest.mark.parametrize("service", TABLES)
def test_health_is_503_without_the_table(
    service: str, load_app: Callable[..., ModuleType], api_of: Any, logged: Logged
) -> None:
    api = api_of(load_app(service))
    answer = api.call("GET", "/health")
    assert (answer.status_code, answer.json_body) == (200, {"status": "ok"})
    client_of("dynamodb").delete_table(TableName=TABLES[service])
    answer = api.call("GET", "/health")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    (line,) = logged("table unavailable")
    assert line["level"] == "ERROR"
    assert "ResourceNotFoundException" in line["reason"]
