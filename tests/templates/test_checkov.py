"""checkov has no finding in the templates of prod that `infra/waivers.toml` does not waive."""

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from support.paths import ROOT
from support.rendered_stage import Templates

WAIVERS = tomllib.loads((ROOT / "infra" / "waivers.toml").read_text())["waiver"]


@dataclass(frozen=True, order=True)
class Finding:
    """A finding of checkov about a resource."""

    check: str
    resource: str
    what: str

    def is_waived_by(self, waiver: dict[str, Any]) -> bool:
        patterns = waiver["resources"]
        named = any(fnmatchcase(self.resource, pattern) for pattern in patterns)
        return bool(self.check == waiver["check"] and named)


def find(paths: list[Path]) -> list[Finding]:
    """Run checkov with options that keep it off the network."""
    command = [str(Path(sys.executable).with_name("checkov")), "--framework", "cloudformation"]
    command += ["--skip-download", "--compact", "--quiet", "--output", "json"]
    done = subprocess.run(
        [*command, "--file", *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("{"), done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 0
    return sorted(
        Finding(
            found["check_id"],
            f"{Path(found['file_path']).stem}.{found['resource'].rpartition('.')[2]}",
            found["check_name"],
        )
        for found in report["results"]["failed_checks"]
    )


@pytest.fixture(scope="module")
def findings(prod: Templates) -> list[Finding]:
    return find([*prod.write_translated(decided=True), *sorted((ROOT / "infra").glob("*.yaml"))])


def unwaived(findings: list[Finding]) -> list[str]:
    return [
        f"{each.resource}: {each.check} {each.what}"
        for each in findings
        if not any(each.is_waived_by(waiver) for waiver in WAIVERS)
    ]


def test_each_finding_is_waived_with_a_reason(findings: list[Finding]) -> None:
    assert unwaived(findings) == []
    assert all(len(waiver["reason"]) > 40 for waiver in WAIVERS)


def test_no_waiver_is_unused(findings: list[Finding]) -> None:
    left = [
        waiver["check"]
        for waiver in WAIVERS
        if not any(finding.is_waived_by(waiver) for finding in findings)
    ]
    assert left == []


FAULTS = {
    "an open bucket": (
        "file_manager-resources.json",
        "PublicBucket",
        lambda properties: properties.pop("PublicAccessBlockConfiguration"),
        "CKV_AWS_53",
    ),
    "a table without backups": (
        "orders-resources.json",
        "Table",
        lambda properties: properties.pop("PointInTimeRecoverySpecification"),
        "CKV_AWS_28",
    ),
    "a topic in clear": (
        "payments-resources.json",
        "Topic",
        lambda properties: properties.pop("KmsMasterKeyId"),
        "CKV_AWS_26",
    ),
    "an administrator": (
        "orders.json",
        "ApiHandlerRole",
        lambda properties: properties["Policies"][0]["PolicyDocument"]["Statement"].append(
            {"Effect": "Allow", "Action": "*", "Resource": "*"}
        ),
        "CKV_AWS_62",
    ),
}


def test_planted_faults_are_found(prod: Templates, tmp_path: Path) -> None:
    # GIVEN the templates of prod with a fault in each
    spoiled: dict[str, Any] = {}
    for path in prod.write_translated(decided=True):
        spoiled[path.name] = json.loads(path.read_text())
    for file, logical_id, spoil, _ in FAULTS.values():
        spoil(spoiled[file]["Resources"][logical_id]["Properties"])
    paths = []
    for file in {file for file, *_ in FAULTS.values()}:
        paths.append(tmp_path / file)
        paths[-1].write_text(json.dumps(spoiled[file]))
    # WHEN checkov runs THEN each fault is found, and no waiver hides it
    found = unwaived(find(paths))
    for file, logical_id, _, check in FAULTS.values():
        place = f"{file.removesuffix('.json')}.{logical_id}: {check} "
        assert [line for line in found if line.startswith(place)], f"{place} not in {found}"
