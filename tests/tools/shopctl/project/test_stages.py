"""Stages as `stages.toml` lists them, and whose credentials may deploy to one."""

from pathlib import Path

import pytest

from shopctl.aws.clients import Cloud, connect
from shopctl.project import stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage

STAGE = """
[trial]
account = "333333333333"
region = "eu-west-1"
mode = "chalice"
currency = "EUR"
retain_data = false
origin = "https://trial.example"
sender_domain = "trial.example"
seller_name = "Trial"
seller_address = "1 Trial Street"
seller_tax_number = "1"
"""


@pytest.fixture
def trial(tmp_path: Path) -> Stage:
    path = tmp_path / "stages.toml"
    path.write_text(STAGE)
    return stages.load(path, "trial")


def test_committed_stages_are_complete() -> None:
    path = Layout.find().stages
    assert stages.load(path, "local").parameters["SenderDomain"] == "toyshop.example"
    # a team's own stages on AWS keep their data by default
    on_aws = [stage for stage in stages.load_all(path) if not stage.aws]
    assert all(stage.network and stage.alarm_email for stage in on_aws)


def test_unknown_stage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stages.toml").write_text(STAGE)
    with pytest.raises(ShopProblem) as refused:
        stages.load(tmp_path / "stages.toml", "other")
    assert refused.value.what == "There is no stage other in stages.toml."
    assert refused.value.remedy == "The stages are trial."


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("color = 1", "color"),
        ("gateway = 5", "gateway"),
        ("= broken", "not valid TOML"),
        ('gradual_release = "Someday"', "gradual_release"),
        # Chalice's own deployment knows no alias
        ('gradual_release = "Canary10Percent5Minutes"', "`gradual_release` needs mode"),
    ],
)
def test_invalid_stage_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "stages.toml").write_text(f"{STAGE}{line}\n")
    with pytest.raises(ShopProblem, match=reason):
        stages.load(tmp_path / "stages.toml", "trial")


def test_stage_of_the_other_mode_is_refused(trial: Stage) -> None:
    trial.require("chalice")
    with pytest.raises(ShopProblem, match="marked chalice") as refused:
        trial.require("cloudformation")
    assert "chalice deploy --stage trial" in refused.value.remedy


def test_missing_credentials_are_refused(trial: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(ShopProblem, match="no AWS credentials") as refused:
        connect(trial, "http://127.0.0.1:1")
    assert "333333333333" in refused.value.remedy


def test_credentials_of_another_account_are_refused(
    trial: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN credentials that AWS says are of another account
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setattr(Cloud, "account", lambda _: "444444444444")
    # WHEN a command wants to use them
    with pytest.raises(ShopProblem, match="444444444444") as refused:
        connect(trial)
    # THEN it says which account they should be of
    assert "333333333333" in refused.value.remedy


def test_embedded_stage_without_an_embedded_aws_is_refused() -> None:
    local = stages.load(Layout.find().stages, "local")
    with pytest.raises(ShopProblem, match="not running"):
        connect(local)
