"""The functions' concurrency: scaled for a stage, and compared with the account's limit."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shopctl.aws.clients import Cloud
from shopctl.aws.ssm_parameters import PlaceholderValues
from shopctl.aws.target import Target
from shopctl.deploying import concurrency, deploy, export, stage_config
from shopctl.packaging.package import Package
from shopctl.project import delivery_config, services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage
from support.paths import SAMPLE_STAGES
from support.sample_stages import PROD

LAYOUT = Layout.find()

SERVICES = services.load(LAYOUT.apps)
PUBLISHED = PlaceholderValues()
PAYMENTS = next(one for one in SERVICES if one.name == "payments")


def limits(stage: Stage) -> dict[str, int | None]:
    """Return the concurrency of each function of payments."""
    functions = delivery_config.read(PAYMENTS, stage, PUBLISHED).functions
    return {function.name: function.concurrency for function in functions}


def of_queue(stage: Stage) -> int:
    functions = delivery_config.read(PAYMENTS, stage, PUBLISHED).functions
    (retry,) = (function for function in functions if function.name == "charge_retry")
    return int(retry.event["ScalingConfig"]["MaximumConcurrency"])


def scaled(factor: float) -> Stage:
    return msgspec.structs.replace(PROD, concurrency=factor)


NEEDED = sum(
    function.concurrency or 0
    for service in SERVICES
    for function in delivery_config.read(service, PROD, PUBLISHED).functions
)


@dataclass
class Account:
    """Lambda of an account, in which functions have reserved some of the limit."""

    limit: int
    reserved: dict[str, int] = field(default_factory=dict)

    class exceptions:  # noqa: N801 - botocore's name
        ResourceNotFoundException = KeyError

    def get_account_settings(self) -> dict[str, Any]:
        unreserved = self.limit - sum(self.reserved.values())
        settings = {"ConcurrentExecutions": self.limit}
        return {"AccountLimit": {**settings, "UnreservedConcurrentExecutions": unreserved}}

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803
        return {"ReservedConcurrentExecutions": self.reserved[FunctionName]}


def check(account: Account, stage: Stage = PROD) -> None:
    cloud = Cloud(stage.name, None, stage.region)
    cloud._clients["lambda 60"] = account
    concurrency.check(Target(LAYOUT, stage, cloud, tuple(SERVICES)), PUBLISHED)


@pytest.mark.parametrize(
    ("factor", "charge", "charge_again", "queue"),
    [(1, 20, 5, 5), (0.5, 10, 2, 2), (0.01, 1, 1, 2), (0, None, None, 2)],
)
def test_limits_are_scaled_for_a_stage(
    factor: float, charge: int | None, charge_again: int | None, queue: int
) -> None:
    stage = scaled(factor)
    found = limits(stage)
    assert (found["charge"], found["charge_again"], of_queue(stage)) == (
        charge,
        charge_again,
        queue,
    )


def test_both_ways_of_deploying_scale_alike() -> None:
    # GIVEN the functions of payments in a template, with the limits of delivery.yaml
    template = {
        "Resources": {
            "Charge": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"ReservedConcurrentExecutions": 20},
            },
            "ChargeRetry": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Events": {"Q": {"Properties": {"ScalingConfig": {"MaximumConcurrency": 5}}}}
                },
            },
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        }
    }
    for factor in (1, 0.5, 0.01, 0):
        stage = scaled(factor)
        # WHEN they are scaled for CloudFormation
        changed = concurrency.apply(template, factor)["Resources"]
        charge = changed["Charge"]["Properties"].get("ReservedConcurrentExecutions")
        (event,) = changed["ChargeRetry"]["Properties"]["Events"].values()
        # THEN they are what `./shop deliver` sets, and what `chalice deploy` is given
        assert charge == limits(stage)["charge"]
        assert event["Properties"]["ScalingConfig"]["MaximumConcurrency"] == of_queue(stage)
        own = msgspec.structs.replace(stage, mode="chalice", gradual_release=None)
        rendered = stage_config.render(PAYMENTS, own, PUBLISHED)["config.json"]
        functions = msgspec.json.decode(rendered)["stages"]["prod"]["lambda_functions"]
        assert functions["charge"].get("reserved_concurrency") == charge
    # AND the given template is as before
    assert template["Resources"]["Charge"]["Properties"] == {"ReservedConcurrentExecutions": 20}


def test_a_deployment_and_an_export_are_scaled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {"ReservedConcurrentExecutions": 20},
    }
    template = {"Resources": {"Charge": function}}
    sam = tmp_path / "sam.json"
    sam.write_bytes(msgspec.json.encode(template))
    made = Package(PAYMENTS, tmp_path / "deployment.zip", template, "digest", reused=False)
    monkeypatch.setattr(deploy, "build", lambda *_, **__: made)
    monkeypatch.setattr(export, "make_templates", lambda *_: {"prod": sam})
    monkeypatch.setattr(services, "load", lambda *_: [PAYMENTS])
    stage = msgspec.structs.replace(scaled(0.5), gradual_release=None)
    to = Target(LAYOUT, stage, Cloud("prod"), (PAYMENTS,))
    exported, _ = export.write(stage, LAYOUT, tmp_path / "templates")
    for found in (
        deploy.package(to, PAYMENTS, PUBLISHED).template,
        msgspec.json.decode(exported.read_bytes()),
    ):
        assert found["Resources"]["Charge"]["Properties"]["ReservedConcurrentExecutions"] == 10


def test_account_with_the_default_limit_is_accepted() -> None:
    check(Account(1000))
    # exactly 100 stay unreserved
    check(Account(NEEDED + 100))


def test_account_with_too_low_a_limit_is_refused_with_what_fits() -> None:
    with pytest.raises(ShopProblem) as refused:
        check(Account(NEEDED + 99))
    assert refused.value.what == (
        f"The functions reserve a concurrency of {NEEDED}, and the account has {NEEDED - 1} to"
        f" reserve: its limit is {NEEDED + 99}, of which 100 stay unreserved."
    )
    assert "Service Quotas" in refused.value.remedy
    factor = float(refused.value.remedy.partition("concurrency = ")[2].split()[0])
    assert factor > 0.9
    check(Account(NEEDED + 99), scaled(factor))


def test_new_account_is_accepted_without_reservations() -> None:
    with pytest.raises(ShopProblem, match="the account has 0 to reserve") as refused:
        check(Account(10))
    assert "set concurrency = 0 for prod in stages.toml" in refused.value.remedy
    check(Account(10), scaled(0))


def test_what_the_functions_have_reserved_already_is_theirs() -> None:
    deployed = {
        f"toyshop-prod-{service.dashed}-{function.name.replace('_', '-')}": function.concurrency
        for service in SERVICES
        for function in delivery_config.read(service, PROD, PUBLISHED).functions
        if function.concurrency
    }
    check(Account(NEEDED + 100, deployed))
    # but not what other functions of the account have
    with pytest.raises(ShopProblem):
        check(Account(NEEDED + 100, {**deployed, "another": 1}))


@pytest.mark.parametrize("factor", ["-0.1", "1.5", '"half"'])
def test_invalid_factor_is_refused(tmp_path: Path, factor: str) -> None:
    path = tmp_path / "stages.toml"
    path.write_text(SAMPLE_STAGES.read_text() + f"\nconcurrency = {factor}\n")
    with pytest.raises(ShopProblem, match="concurrency"):
        stages.load(path, "prod")
