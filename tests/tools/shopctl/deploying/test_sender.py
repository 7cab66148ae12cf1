"""The domain that emails are sent from: its DKIM records are printed until SES has verified it."""

from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest

from shopctl.aws import cloudformation, ses, ssm_parameters
from shopctl.aws.ses import in_sandbox
from shopctl.aws.ssm_parameters import PublishedValues
from shopctl.aws.target import Target
from shopctl.deploying import deploy, stacks
from shopctl.project import services
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.fake_cloudformation import FakeCloud
from support.moto_aws import aws, client_of
from support.sample_stages import STAGING

__all__ = ["aws"]
RECORD = "t._domainkey.staging.toyshop.example CNAME t.dkim.amazonses.com"
PENDING, VERIFIED = (ses.Identity(done, "PENDING", (RECORD,)) for done in (False, True))


@pytest.fixture(autouse=True)
def deployable(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = PublishedValues({"alarms/topic-arn": "arn"})
    monkeypatch.setattr(ssm_parameters, "read", lambda _: topic)
    monkeypatch.setattr(stacks, "deploy_resources", lambda *_: {})
    monkeypatch.setattr(ses, "in_sandbox", lambda _: False)


def target(*names: str) -> Target:
    layout = Layout.find()
    chosen = services.load(layout.apps, names)
    return Target(layout, STAGING, FakeCloud(local=False), tuple(chosen))


def reported(monkeypatch: pytest.MonkeyPatch, found: ses.Identity | None, *names: str) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(ses, "identity", lambda *_: found)
    deploy.deploy_resources(target(*names), lines.append)
    return lines


def test_records_are_printed_until_the_domain_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reported(monkeypatch, PENDING, "notifications") == [
        "SES verifies staging.toyshop.example when DNS has these records:",
        f"  {RECORD}",
    ]
    assert reported(monkeypatch, VERIFIED, "notifications") == []
    assert reported(monkeypatch, PENDING, "toys") == []


@pytest.mark.parametrize("found", [None, PENDING])
def test_user_pool_is_refused_until_the_domain_is_verified(
    monkeypatch: pytest.MonkeyPatch, found: ses.Identity | None
) -> None:
    with pytest.raises(ShopProblem, match="SES has not verified the domain") as refused:
        reported(monkeypatch, found, "storefront_api")
    assert "--resources notifications" in refused.value.remedy


def test_release_does_not_wait_for_ses_while_the_user_pool_stays_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    to = target("storefront_api")
    pool = stacks.resources(to.cloud, to.stage, to.services[0])
    assert pool is not None
    cloudformation.deploy(to.cloud, pool, "bucket")
    monkeypatch.setattr(ses, "identity", lambda *_: PENDING)
    deploy.deploy_resources(to, print)


@pytest.mark.parametrize(
    ("service", "marked", "warned"),
    [
        ("storefront_api", False, True),
        ("notifications", False, True),
        ("toys", False, False),
        ("storefront_api", True, False),
    ],
)
def test_sandbox_is_reported_before_any_change(
    monkeypatch: pytest.MonkeyPatch, service: str, marked: bool, warned: bool
) -> None:
    # GIVEN a verified domain in an account in the sandbox
    monkeypatch.setattr(ses, "identity", lambda *_: VERIFIED)
    monkeypatch.setattr(ses, "in_sandbox", lambda _: True)
    events: list[str] = []
    monkeypatch.setattr(stacks, "deploy_resources", lambda *_: events.append("deployed") or {})
    # WHEN a service is deployed
    to = target(service)
    stage = msgspec.structs.replace(to.stage, ses_sandbox=marked)
    deploy.deploy_resources(replace(to, stage=stage), events.append)
    # THEN a warning says first what will not work, unless stages.toml says it
    assert events[-1] == "deployed"
    assert len(events) == 1 + warned
    if warned:
        assert events[0].startswith("Warning: SES is in the sandbox")
        assert "sign-up codes" in events[0]
        assert "ses_sandbox = true" in events[0]


@pytest.mark.parametrize("granted", [True, False])
def test_sandbox_ends_with_production_access(
    monkeypatch: pytest.MonkeyPatch, granted: bool
) -> None:
    account = SimpleNamespace(get_account=lambda: {"ProductionAccessEnabled": granted})
    cloud = FakeCloud(local=False)
    monkeypatch.setattr(cloud, "client", {"sesv2": account}.__getitem__)
    assert in_sandbox(cloud) is not granted


def test_records_are_those_of_ses(aws: None) -> None:
    found = ses.identity(_moto(), "a.example.com")
    assert found is None
    client_of("sesv2").create_email_identity(EmailIdentity="a.example.com")
    found = ses.identity(_moto(), "a.example.com")
    assert found is not None
    for record in found.records:
        name, kind, value = record.split()
        assert name.endswith("._domainkey.a.example.com")
        assert (kind, value.partition(".")[2]) == ("CNAME", "dkim.amazonses.com")


def _moto() -> FakeCloud:
    cloud = FakeCloud(local=False)
    cloud.client = client_of  # type: ignore[method-assign]
    return cloud
