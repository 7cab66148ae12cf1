"""Stages as `stages.toml` lists them, and whose credentials may deploy to one."""

import runpy
from pathlib import Path

import pytest
from babel import Locale
from botocore import exceptions
from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud, connect
from shopctl.aws.target import find_target
from shopctl.checking.repository import SAMPLE
from shopctl.project import stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import Stage
from support.paths import ROOT

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
bucket_suffix = "-trial"
"""


class LayoutOf(Layout):
    """The checkout, with other stages."""

    @property
    def stages(self) -> Path:
        return self.home / "stages.toml"


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
    assert refused.value.remedy == (
        "The stages are trial; ./shop init --stage other adds one on AWS."
    )
    # AND the nearest name is suggested
    with pytest.raises(ShopProblem, match="no stage trail") as refused:
        stages.load(tmp_path / "stages.toml", "trail")
    assert refused.value.remedy.startswith("Did you mean trial? ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (SAMPLE.name, "`./shop check` renders a stage of this name"),
        ("pipeline", "toyshop-pipeline"),
        ("default", "the profile of this name"),
        ("local", "the embedded AWS"),
        ("orders", "a service has this name"),
    ],
)
def test_reserved_name_is_refused_wherever_stages_are_read(
    tmp_path: Path, name: str, reason: str
) -> None:
    # GIVEN a stage that was added to the file by hand, and a service
    (tmp_path / "apps" / "orders").mkdir(parents=True)
    path = tmp_path / "stages.toml"
    path.write_text(STAGE.replace("[trial]", f"[{name}]"))
    for read in (lambda: stages.load(path, name), lambda: stages.load_all(path)):
        with pytest.raises(ShopProblem) as refused:
            read()
        assert refused.value.what.startswith(f"A stage on AWS cannot be called {name}: ")
        assert reason in refused.value.what
        assert refused.value.remedy == "Choose another name, such as staging."


def test_invalid_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stages.toml"
    path.write_text(STAGE.replace("[trial]", "[Trial]"))
    with pytest.raises(ShopProblem, match=r"'Trial' in .* is not a valid name") as refused:
        stages.load(path, "Trial")
    assert "lower-case letters" in refused.value.remedy


def test_stage_on_aws_needs_names_of_buckets_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "stages.toml"
    without = STAGE.replace('bucket_suffix = "-trial"', "")
    path.write_text(without)
    with pytest.raises(ShopProblem) as refused:
        stages.load(path, "trial")
    assert "has no bucket_suffix" in refused.value.what
    assert refused.value.remedy == 'Set bucket_suffix = "-333333333333" for it.'
    # the embedded AWS has all names for itself
    path.write_text(without + 'aws = "http://127.0.0.1:1"\n')
    assert stages.load(path, "trial").bucket_suffix == ""


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        ("colour = 1", "has the setting colour, which does not exist", "Remove it"),
        ("retain = 1", "has the setting retain, which does not exist", "Did you mean retain_data?"),
        ("gateway = 5", "has an invalid gateway", "text in quotation marks"),
        ('network = "no"', "has an invalid network", "true or false"),
        ("= broken", "not valid TOML", "Correct it"),
        ("tax_percent = 100", "tax_percent = 100", "from 0 to below 100"),
        ('gradual_release = "Someday"', 'gradual_release = "Someday"', '"Canary10Percent5Minutes"'),
        # Chalice's own deployment knows no alias
        ('gradual_release = "Canary10Percent5Minutes"', "chalice deploy", "mode"),
        ("snap_start = true", "publishes no versions of functions", "Remove snap_start"),
        ('snap_start = "yes"', "has an invalid snap_start", "true or false"),
        # a secret key must not be published
        ('stripe_publishable_key = "sk_live_x"', "stripe_publishable_key", "begins with pk_test_"),
        ('ships_to = "Australia"', 'ships_to = "Australia"', 'such as "AU NZ"'),
        ('ships_to = "AU XX"', "XX: no such country", 'such as "AU NZ"'),
        ('ships_to = "all except XX YY"', "XX, YY: no such country", 'such as "AU NZ"'),
    ],
)
def test_invalid_stage_is_refused_in_words(
    tmp_path: Path, line: str, what: str, remedy: str
) -> None:
    (tmp_path / "stages.toml").write_text(f"{STAGE}{line}\n")
    with pytest.raises(ShopProblem) as refused:
        stages.load(tmp_path / "stages.toml", "trial")
    assert what in refused.value.what
    assert remedy in refused.value.remedy
    # AND no regular expression or name of a Python type is shown
    assert not set("^`") & set(refused.value.what + refused.value.remedy)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"333333333333"', '"33333333333"', 'account = "33333333333"'),
        ('"333333333333"', "333333333333", "account = 333333333333"),
        ('"eu-west-1"', '"euwest-1"', "Did you mean eu-west-1?"),
        ('"eu-west-1"', '"mars"', 'region = "mars".'),
        ('"EUR"', '"eur"', 'currency = "eur"'),
        ('"EUR"', '"XYZ"', 'currency = "XYZ"'),
        # orders cannot sell in it
        ('"EUR"', '"ISK"', 'currency = "ISK"'),
        ('mode = "chalice"', 'mode = "sam"', 'mode = "sam"'),
        ('currency = "EUR"', "", "lacks the setting currency"),
    ],
)
def test_account_region_and_currency_are_checked(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    assert old in STAGE
    (tmp_path / "stages.toml").write_text(STAGE.replace(old, new))
    with pytest.raises(ShopProblem) as refused:
        stages.load(tmp_path / "stages.toml", "trial")
    assert what in refused.value.what
    assert "such as" in refused.value.remedy or '"cloudformation"' in refused.value.remedy


def test_snap_start_is_refused_where_lambda_does_not_have_it(tmp_path: Path) -> None:
    def with_snapshots(region: str) -> Path:
        deployed = STAGE.replace('mode = "chalice"', 'mode = "cloudformation"\nsnap_start = true')
        path = tmp_path / "stages.toml"
        path.write_text(deployed.replace('"eu-west-1"', f'"{region}"'))
        return path

    assert stages.load(with_snapshots("eu-west-1"), "trial").publishes_versions
    with pytest.raises(ShopProblem, match="no SnapStart in ap-southeast-6") as refused:
        stages.load(with_snapshots("ap-southeast-6"), "trial")
    assert refused.value.remedy == "Remove snap_start, or choose another region."


def test_currencies_are_those_that_orders_can_sell_in() -> None:
    limits = runpy.run_path(str(ROOT / "apps/orders/chalicelib/orders/limits.py"))
    named = {*limits["_MINIMUM"], *limits["_MAXIMUM"], *limits["_ROUNDED_TO_TENS"]}
    assert named <= stages.CURRENCIES
    assert all(limits["limits_of"](currency) for currency in stages.CURRENCIES)
    # AND each is the code of a currency
    assert not stages.CURRENCIES - {*Locale("en").currencies}


@pytest.mark.parametrize(
    "origin",
    [
        "http://trial.example",
        "https://trial.example:8443",
        "https://trial.example/",
        "https://trial.example/shop",
        "trial.example",
        "https://d111.cloudfront.net",
    ],
)
def test_invalid_origin_is_refused(tmp_path: Path, origin: str) -> None:
    content = STAGE.replace("https://trial.example", origin)
    (tmp_path / "stages.toml").write_text(content)
    with pytest.raises(ShopProblem, match="origin"):
        stages.load(tmp_path / "stages.toml", "trial")


def test_stage_without_an_origin_allows_no_working_one(tmp_path: Path) -> None:
    content = STAGE.replace('origin = "https://trial.example"\n', "")
    (tmp_path / "stages.toml").write_text(content)
    stage = stages.load(tmp_path / "stages.toml", "trial")
    assert stage.parameters["ShopOrigin"].endswith(".invalid")


def test_stage_without_an_origin_gets_the_one_of_its_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = STAGE.replace('origin = "https://trial.example"\n', "")
    (tmp_path / "stages.toml").write_text(content)
    layout = LayoutOf(Layout.find().root, tmp_path)
    monkeypatch.setattr(Cloud, "account", lambda _: "333333333333")
    for published in ("", "https://d111.cloudfront.net"):
        values = {"edge/origin": published} if published else {}
        monkeypatch.setattr("shopctl.aws.ssm_parameters.read", lambda _, values=values: values)
        # WHEN the edge is deployed THEN all commands use its name
        to = find_target(layout, "trial")
        assert to.stage.origin == published
        if published:
            assert to.origin == published
            continue
        with pytest.raises(ShopProblem, match="The stage trial has no edge yet"):
            _ = to.origin
    assert to.cloud.parameters["ShopOrigin"] == "https://d111.cloudfront.net"
    # AND the distribution gets no name of its own by that
    assert "DomainName" not in to.cloud.parameters


@pytest.mark.parametrize(
    ("named", "services", "page"),
    [((), 6, True), (("web",), 0, True), (("orders",), 1, False), (("web", "orders"), 1, True)],
)
def test_page_is_chosen_by_its_name_or_with_all_services(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: tuple[str, ...],
    services: int,
    page: bool,
) -> None:
    (tmp_path / "stages.toml").write_text(STAGE)
    layout = LayoutOf(Layout.find().root, tmp_path)
    monkeypatch.setattr(Cloud, "account", lambda _: "333333333333")
    to = find_target(layout, "trial", named, with_page=True)
    assert (len(to.services), to.page) == (services, page)
    # AND other commands know no service of this name
    if "web" in named:
        with pytest.raises(ShopProblem, match="There is no service web"):
            find_target(layout, "trial", named)


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
    # AND the message and the document say what the embedded AWS takes for credentials
    assert "set AWS_ACCESS_KEY_ID to the account's id" in refused.value.remedy
    document = (ROOT / "docs/operating.md").read_text()
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ACCESS_KEY_ID=111122223333" in document


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


def rejected(code: str, status: int = 403) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "GetCallerIdentity",
    )


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (rejected("InvalidClientTokenId"), "AWS rejects the credentials: ", "aws sso login"),
        (rejected("ExpiredToken"), "The AWS credentials have expired.", "aws sso login"),
        (rejected("InternalFailure", 500), "AWS fails: ", "again"),
        (exceptions.NoCredentialsError(), "There are no AWS credentials", "AWS_PROFILE"),
        (
            exceptions.PartialCredentialsError(provider="env", cred_var="secret"),
            "There are no AWS credentials, or they are incomplete.",
            "AWS_PROFILE",
        ),
        (exceptions.ProfileNotFound(profile="x"), "The config profile (x)", "list-profiles"),
        (exceptions.UnauthorizedSSOTokenError(), "The sign-in to AWS", "aws sso login"),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="x"), "The sign-in", "sso login"),
        (exceptions.EndpointConnectionError(endpoint_url="x"), "AWS does not answer: ", "connecti"),
        (exceptions.ReadTimeoutError(endpoint_url="x"), "AWS does not answer: ", "connection"),
        (exceptions.ProxyConnectionError(proxy_url="x"), "AWS does not answer: ", "connection"),
        (exceptions.InvalidConfigError(error_msg="x"), "The AWS credentials cannot be", "AWS_PRO"),
    ],
)
def test_failure_to_identify_the_caller_is_named(
    trial: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception, what: str, remedy: str
) -> None:
    def fails(_: Cloud) -> str:
        raise error

    monkeypatch.setattr(Cloud, "account", fails)
    with pytest.raises(ShopProblem) as refused:
        connect(trial)
    assert refused.value.what.startswith(what)
    assert remedy in refused.value.remedy
    # AND only a rejection is called one
    assert ("rejects" in refused.value.what) == what.startswith("AWS rejects")


def test_embedded_stage_without_an_embedded_aws_is_refused() -> None:
    local = stages.load(Layout.find().stages, "local")
    with pytest.raises(ShopProblem, match="not running"):
        connect(local)
