"""Differences between properties and between the files of packages."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from shopctl.aws.cloudformation import Template
from shopctl.drift import code, planned
from shopctl.drift.change import SECRET, UNKNOWN, Change, compare, masked
from shopctl.drift.kinds import functions
from shopctl.packaging.package import Package
from shopctl.project.manifest import Manifest
from shopctl.project.services import Service


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 1}}, [Change("changed", "a.b", 1, 2)]),
        ({"a": {}}, {"a": {"b": [1]}}, [Change("added", "a.b", new=[1])]),
        ({"a": {"b": None}}, {"a": {}}, [Change("removed", "a.b")]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [Change("changed", "a", [1, 2], [2, 1])]),
        ({"a": 1}, {"a": UNKNOWN}, []),
        ({"a": [UNKNOWN]}, {"a": ["x"]}, []),
    ],
)
def test_change_names_the_deepest_differing_property(
    old: Any, new: Any, changes: list[Change]
) -> None:
    assert list(compare(old, new)) == changes


def test_statements_are_compared_by_sid_in_any_order() -> None:
    old = [{"Sid": "Table", "Action": "a"}, {"Sid": "Logs", "Action": "b"}]
    new = [{"Sid": "Logs", "Action": "c"}, {"Sid": "Table", "Action": "a"}]
    assert list(compare(old, new, "S")) == [Change("changed", "S.Logs.Action", "b", "c")]
    # two statements of one name are compared by position
    doubled = [*new, {"Sid": "Table", "Action": "*"}]
    assert [change.path for change in compare(old, doubled, "S")] == ["S"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("STRIPE_API_KEY", "anything", SECRET),
        ("STRIPE_WEBHOOK_SECRET", "anything", SECRET),
        ("DATABASE_PASSWORD", "anything", SECRET),
        ("EDGE_KEY", "anything", SECRET),
        ("HARMLESS", "sk_live_4711", SECRET),
        ("HARMLESS", "key=whsec_4711;", f"key={SECRET};"),
        ("CURSOR_SECRET_ID", "toyshop-cursor-key", "toyshop-cursor-key"),
        (
            "STRIPE_API_KEY",
            "{{resolve:secretsmanager:gateway:SecretString:api_key}}",
            "{{resolve:secretsmanager:gateway:SecretString:api_key}}",
        ),
    ],
)
def test_secret_is_masked(name: str, value: str, shown: str) -> None:
    path = "APIHandler.Properties.Environment.Variables"
    (change,) = compare({name: "old"}, {name: value}, path)
    assert change.new == shown
    assert masked({"Variables": {name: value}}, "F")["Variables"][name] == shown


@pytest.mark.parametrize(
    ("deployed", "changes"),
    [
        ({"Size": "5"}, [Change("changed", "Parameters.Size", "5", "3")]),
        # its default, as CloudFormation returns it
        ({"Size": "3"}, []),
        # the change of the template says that it is gone
        ({"Size": "3", "Color": "red"}, []),
    ],
)
def test_parameter_that_is_no_longer_given_returns_to_its_default(
    deployed: dict[str, str], changes: list[Change]
) -> None:
    body = json.dumps({"Parameters": {"Size": {"Type": "Number", "Default": 3}}})
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in deployed.items()]
    template = Template("orders", body, [], body)
    assert list(planned._parameters({"Parameters": given}, template)) == changes


def archive(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, text in files.items():
            # ZipInfo has a fixed time, so that the same files make the same bytes
            made.writestr(zipfile.ZipInfo(name), text)
    return content.getvalue()


@pytest.fixture
def service(tmp_path: Path) -> Service:
    (tmp_path / "vendor" / "chassis").mkdir(parents=True)
    return Service(tmp_path, Manifest(name="orders", visibility="private"))


SHIPPED = {
    "app.py": "app",
    "chalicelib/orders/domain.py": "rules",
    "chassis/api.py": "api",
    "__pycache__/app.cpython-313.pyc": "code",
    "msgspec/core.py": "core",
    "msgspec-0.20.0.dist-info/METADATA": "",
}


@pytest.mark.parametrize(
    ("changed", "changes"),
    [
        ({}, []),
        ({"app.py": "other"}, [Change("changed", "app.py")]),
        ({"chassis/api.py": None}, [Change("removed", "chassis/api.py")]),
        ({"chalicelib/orders/new.py": "new"}, [Change("added", "chalicelib/orders/new.py")]),
        (
            {
                "msgspec-0.20.0.dist-info/METADATA": None,
                "msgspec-0.21.0.dist-info/METADATA": "",
                "msgspec/core.py": "newer",
            },
            [Change("changed", "msgspec", "0.20.0", "0.21.0")],
        ),
        (
            {"__pycache__/app.cpython-313.pyc": "other"},
            [Change("changed", "byte-code, or files of its dependencies")],
        ),
    ],
)
def test_differing_files_of_a_package_are_named(
    tmp_path: Path, service: Service, changed: dict[str, str | None], changes: list[Change]
) -> None:
    new = {name: text for name, text in (SHIPPED | changed).items() if text is not None}
    (tmp_path / "new.zip").write_bytes(archive(new))
    package = Package(service, tmp_path / "new.zip", {}, "", reused=True)
    assert code.differing(package, archive(SHIPPED), exactly=True) == changes


def test_snap_start_is_compared_whatever_its_snapshots_do() -> None:
    on = {"SnapStart": {"ApplyOn": "PublishedVersions"}}
    live = {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}}
    assert functions._snap_start(on) == functions._snap_start(live) == "PublishedVersions"
    assert functions._snap_start({}) == "None"
