"""Faults in packaged templates, which cfn-lint and the rule on logs report with file and line.

Packaging and cfn-lint take seconds, so all faults are planted in one checkout.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from shopctl.checking import cfn_lint, packaged_templates
from shopctl.checking.repository import Repository
from shopctl.checking.rules import logs, templates
from shopctl.deploying import stage_config
from shopctl.project.finding import Finding
from support.checkout_copy import CheckoutCopy

# one process of xdist has the packaged checkout
pytestmark = pytest.mark.xdist_group("templates")

RESOURCES = Path("apps/orders/resources.yaml")
DELIVERY = Path("apps/orders/delivery.yaml")
ALARMS = Path("infra/alarms.yaml")
FUNCTION = 'FunctionName: {"Fn::Sub": "toyshop-${Stage}-orders-on-dynamodb-record"}'
LOG_GROUP = """  ApiHandlerLogGroup:
    Properties:
      LogGroupName: {"Fn::Sub": "/aws/lambda/${APIHandler}"}
"""


class Checked:
    """A faulty checkout, packaged once, with the findings of a first run."""

    def __init__(self, checkout: CheckoutCopy) -> None:
        self.checkout = checkout
        self.repository = Repository(checkout.root)
        self.templates = sorted(templates.check(self.repository))
        self.logs = sorted(logs.check(self.repository))

    def in_file(self, path: Path) -> list[Finding]:
        """Return cfn-lint's findings that are reported in a file."""
        return [finding for finding in self.templates if finding.path == path]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    checkout = CheckoutCopy.create(tmp_path_factory.mktemp("faulty"))
    for name in ("notifications", "payments", "storefront_api", "toys"):
        shutil.rmtree(checkout.root / "apps" / name)
    for path in (checkout.root / "infra").glob("*.yaml"):
        if path.name not in ("alarms.yaml", "network.yaml"):
            path.unlink()
    checkout.replace(str(RESOURCES), "SSEEnabled: true", "SSEEnabled: perhaps")
    checkout.replace(str(DELIVERY), FUNCTION, f"{FUNCTION}\n      MemorySize: 7")
    checkout.replace(str(DELIVERY), "${APIHandler}", "orders")
    checkout.replace(str(ALARMS), "Statistic: Sum", "Statistic: Most")
    checkout.append("apps/file_manager/app.py", "raise RuntimeError\n")
    vpc = {"subnet_ids": ["here"], "security_group_ids": ["sg-0123456789abcdef0"]}
    with pytest.MonkeyPatch.context() as patch:
        # rendered for stages on AWS only
        patch.setattr(stage_config.network, "is_inside", lambda _: True)
        patch.setattr(stage_config.network, "settings", lambda _: vpc)
        yield Checked(checkout)


def test_committed_template_that_cloudformation_would_reject_is_reported(checked: Checked) -> None:
    (found,) = checked.in_file(RESOURCES)
    assert found.line == checked.checkout.line_of(str(RESOURCES), "perhaps")
    assert "E3012" in found.what


def test_packaged_template_that_cloudformation_would_reject_is_reported(checked: Checked) -> None:
    found = [finding for finding in checked.in_file(DELIVERY) if "MemorySize" in finding.what]
    # once for each stage, at the line of the function in delivery.yaml
    assert len(found) == len(checked.repository.stages)
    line = checked.checkout.line_of(str(DELIVERY), "  OnDynamodbRecord:")
    assert {finding.line for finding in found} == {line}


def test_template_of_another_stage_that_cloudformation_would_reject_is_reported(
    checked: Checked,
) -> None:
    found = [finding for finding in checked.in_file(DELIVERY) if "SubnetIds" in finding.what]
    # for each of three functions in every stage on AWS
    assert len(found) == 3 * (len(checked.repository.stages) - 1) > 0
    assert all("VpcConfig.SubnetIds" in finding.what for finding in found)


def test_infrastructure_template_that_cloudformation_would_reject_is_reported(
    checked: Checked,
) -> None:
    (found,) = checked.in_file(ALARMS)
    assert found.line == checked.checkout.line_of(str(ALARMS), "Most")


def test_no_other_template_is_reported(checked: Checked) -> None:
    config = Path("apps/file_manager/.chalice/config.json")
    assert {finding.path for finding in checked.templates} == {RESOURCES, DELIVERY, ALARMS, config}
    texts = ("MemorySize", "SubnetIds")
    assert all(any(text in each.what for text in texts) for each in checked.in_file(DELIVERY))


def test_app_that_chalice_cannot_package_is_reported(checked: Checked) -> None:
    (found,) = checked.in_file(Path("apps/file_manager/.chalice/config.json"))
    assert "Chalice cannot package file_manager" in found.what


def test_accepted_templates_are_not_checked_again(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a first run, which accepted the network and the resources of file_manager
    again: list[str] = []
    monkeypatch.setattr(
        cfn_lint, "check", lambda paths: again.extend(path.name for path in paths) or []
    )
    # WHEN the templates are checked once more THEN only those with findings are
    list(templates.check(checked.repository))
    packaged = [f"orders-{stage.name}.yaml" for stage in checked.repository.stages]
    assert sorted(again) == sorted(["alarms.yaml", "resources.yaml", *packaged])


def test_function_without_log_retention_is_reported(checked: Checked) -> None:
    # once for each stage
    assert len(checked.logs) == len(checked.repository.stages)
    assert {finding.path for finding in checked.logs} == {DELIVERY}
    assert checked.logs[0].what.startswith("The log lines of APIHandler in the stage ")


def test_app_without_log_groups_is_reported(
    checkout: CheckoutCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a configuration without log retention, for which Chalice generates no log groups
    monkeypatch.setattr(stage_config, "LOG_RETENTION_DAYS", None)
    checkout.replace(str(DELIVERY), LOG_GROUP, "")
    repository = Repository(checkout.root)
    local = [stage for stage in repository.stages if stage.name == "local"]
    # WHEN one service is packaged for one stage
    packaged = packaged_templates.package([repository.services["orders"]], local)
    vars(repository)["packaged"] = packaged
    # THEN each of its functions is reported
    assert len(list(logs.check(repository))) == 3
