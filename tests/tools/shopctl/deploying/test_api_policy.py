"""Who may call a private API."""

import importlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from contracts.health import HEALTH
from shopctl.deploying.api_policy import (
    as_list,
    calling_roles,
    no_other_way_in,
    policies,
    policy_files,
    resource_policy,
)
from shopctl.project import services
from shopctl.project.errors import ShopProblem
from support.paths import APPS

MANIFESTS = services.read(APPS)


def test_the_committed_policies_are_the_derived_ones() -> None:
    differing = [
        str(path)
        for path, content in policy_files(APPS, "local", "000000000000").items()
        if path.read_text() != content
    ]
    assert differing == [], "PYTHONPATH=tools python -m shopctl.deploying.api_policy writes them"


def test_every_private_app_has_its_policy_packaged() -> None:
    for name, manifest in MANIFESTS.items():
        config = json.loads((APPS / name / ".chalice" / "config.json").read_text())
        stage = config["stages"]["local"]
        private = manifest.visibility == "private"
        assert stage.get("api_gateway_endpoint_type") == ("PRIVATE" if private else "REGIONAL")
        assert stage.get("api_gateway_policy_file") == ("callers-local.json" if private else None)


@pytest.mark.parametrize("caller", [name for name in MANIFESTS if MANIFESTS[name].calls])
def test_a_service_may_invoke_the_operations_that_it_declares_and_no_other(caller: str) -> None:
    allowed = {
        resource
        for policy in policies(APPS / caller, "local").values()
        for statement in policy["Statement"]
        if "execute-api:Invoke" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    declared = {
        resource_of(callee, operation)
        for callee, names in MANIFESTS[caller].calls.items()
        for operation in operations_of(callee)
        if operation.name in names
    }
    assert allowed == declared


def operations_of(service: str) -> list[Any]:
    return [*importlib.import_module(MANIFESTS[service].api).OPERATIONS, HEALTH]


def resource_of(service: str, operation: Any) -> str:
    path = re.sub(r"\{[a-z_]+\}", "*", operation.path)
    api = f"toyshop-local-{service.replace('_', '-')}"
    return f"arn:aws:execute-api:*:*:{api}/api/{operation.method}{path}"


def test_who_calls_a_service_by_its_manifest_alone_is_named(tmp_path: Path) -> None:
    # GIVEN a manifest with a call that no policy allows
    apps = tmp_path / "apps"
    shutil.copytree(APPS, apps, symlinks=True)
    manifest = apps / "toys" / "service.toml"
    manifest.write_text(manifest.read_text().replace("[calls]", '[calls]\norders = ["getOrder"]'))
    with pytest.raises(ShopProblem, match="policies of toys differ in whether it calls orders"):
        calling_roles(apps, "local")


def test_a_policy_that_is_no_json_is_named(tmp_path: Path) -> None:
    apps = tmp_path / "apps"
    shutil.copytree(APPS, apps, symlinks=True)
    policy = apps / "toys" / ".chalice" / "policy-images-local.json"
    policy.write_text("{")
    with pytest.raises(ShopProblem, match=r"policy-images-local\.json is not valid JSON"):
        calling_roles(apps, "local")


def test_the_denial_names_roles_as_principal_arns_name_them() -> None:
    allow, deny = resource_policy(["b", "a"], "123456789012")["Statement"]
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        "arn:aws:iam::123456789012:role/a",
        "arn:aws:iam::123456789012:role/b",
    ]


def test_an_api_that_nobody_calls_is_denied_to_all() -> None:
    _, deny = resource_policy([], "123456789012")["Statement"]
    assert "Condition" not in deny


def test_on_aws_there_is_one_way_in() -> None:
    deny = no_other_way_in("vpce-1")
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
