"""`./shop init` adds a complete stage to `stages.toml`, or changes nothing."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from shopctl.cli.main import cli
from shopctl.project import new_stage, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.paths import ROOT

REQUIRED = {
    "--stage": "trial",
    "--account": "123456789012",
    "--region": "eu-west-1",
    "--domain": "shop.example.com",
}


class Checkout:
    """The files of a checkout that the command changes."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root=root, home=root / ".shop")
        (root / "infra").mkdir()
        (root / "apps").symlink_to(ROOT / "apps")
        self.stages, self.profiles = self.layout.stages, root / "infra" / "aws-profiles.ini"
        self.stages.write_text((ROOT / "stages.toml").read_text())
        self.profiles.write_text((ROOT / "infra" / "aws-profiles.ini").read_text())

    def init(self, *more: str, **changed: str | None) -> str:
        """Run ``./shop init`` with these options, and return its output."""
        options = REQUIRED | {f"--{name}": value for name, value in changed.items()}
        given = [text for pair in options.items() if pair[1] is not None for text in pair]
        result = CliRunner().invoke(cli, ["init", *given, *more], catch_exceptions=False)
        return result.output

    def files(self) -> dict[str, str]:
        found = sorted(self.layout.root.rglob("*"))
        return {path.name: path.read_text() for path in found if path.is_file()}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path)
    monkeypatch.setattr(Layout, "find", lambda: made.layout)
    return made


def test_stage_is_appended_and_the_rest_of_the_file_is_kept(checkout: Checkout) -> None:
    before = checkout.stages.read_text()
    # WHEN a stage is added THEN the output names what is left to do
    output = checkout.init()
    assert (
        "Complete these settings there: stripe_publishable_key, seller_name, seller_address,"
        " seller_tax_number, tax_name, tax_percent, alarm_email, infra.CertificateArn.\n"
    ) in output
    # AND the file has the stage after all that it had, comments included
    assert checkout.stages.read_text().startswith(before)
    stage = stages.load(checkout.stages, "trial")
    assert (stage.account, stage.region, stage.mode) == (
        "123456789012",
        "eu-west-1",
        "cloudformation",
    )
    assert (stage.origin, stage.sender_domain) == ("https://shop.example.com", "shop.example.com")
    assert stage.bucket_suffix == "-123456789012"
    assert (stage.retain_data, stage.network, stage.test_payments) == (True, True, False)
    # AND the pipeline has its profile
    assert "arn:aws:iam::123456789012:role/toyshop-trial-deployer" in checkout.profiles.read_text()
    # AND nothing else was written
    assert set(checkout.files()) == {"stages.toml", "aws-profiles.ini"}


def test_every_setting_can_be_given(checkout: Checkout) -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b-2c3d"
    output = checkout.init(
        *("--certificate", certificate, "--currency", "EUR", "--alarm-email", "ops@example.org"),
        *("--sender-domain", "example.org", "--gradual-release", "Canary10Percent5Minutes"),
        "--snap-start",
        *("--seller-name", 'Müller & "Söhne" GmbH', "--seller-address", "Hauptstraße 1, Köln"),
        *("--seller-tax-number", "USt-IdNr. DE123456789", "--test-payments"),
        *("--stripe-publishable-key", "pk_test_51a", "--ses-sandbox"),
        *("--tax-name", "USt", "--tax-percent", "19"),
    )
    assert "Complete" not in output
    stage = stages.load(checkout.stages, "trial")
    assert stage.seller_name == 'Müller & "Söhne" GmbH'
    assert stage.infra == {"CertificateArn": certificate}
    assert (stage.currency, stage.sender_domain) == ("EUR", "example.org")
    assert (stage.test_payments, stage.ses_sandbox) == (True, True)
    assert stage.stripe_publishable_key == "pk_test_51a"
    assert (stage.gradual_release, stage.snap_start) == ("Canary10Percent5Minutes", True)
    assert (stage.tax_name, stage.tax_percent) == ("USt", 19)
    assert new_stage.incomplete(stage) == []


def test_prices_without_tax_are_stated(checkout: Checkout) -> None:
    assert "tax" not in checkout.init("--tax-name", "none", "--seller-tax-number", "1")
    assert "tax_percent = 0\n" in checkout.stages.read_text()


def test_stage_without_a_domain_has_no_origin(checkout: Checkout) -> None:
    checkout.init("--sender-domain", "example.org", domain=None)
    section = tomllib.loads(checkout.stages.read_text())["trial"]
    assert "origin" not in section
    assert "infra" not in section
    assert stages.load(checkout.stages, "trial").sender_domain == "example.org"


def test_stage_for_chalice_is_added(checkout: Checkout) -> None:
    checkout.init("--mode", "chalice")
    assert stages.load(checkout.stages, "trial").mode == "chalice"


@pytest.mark.parametrize(
    ("changed", "more", "what"),
    [
        ({"stage": "Trial"}, (), "--stage 'Trial' is invalid"),
        ({"stage": "t"}, (), "--stage 't' is invalid"),
        ({"stage": "trial\n"}, (), "--stage 'trial"),
        ({"stage": "local"}, (), "cannot be called local"),
        ({"stage": "sample"}, (), "cannot be called sample"),
        ({"stage": "pipeline"}, (), "cannot be called pipeline"),
        ({"stage": "default"}, (), "cannot be called default"),
        ({"stage": "orders"}, (), "cannot be called orders"),
        ({"account": "1234"}, (), "--account '1234' is invalid"),
        ({"region": "mars-north-1"}, (), "--region 'mars-north-1' is invalid"),
        ({"domain": "https://shop.example.com"}, (), "--domain 'https"),
        ({"domain": "shop"}, (), "--domain 'shop'"),
        ({"domain": "10.0.0.1"}, (), "--domain '10.0.0.1'"),
        ({"domain": "-a.example.com"}, (), "--domain '-a"),
        ({"domain": None}, (), "--sender-domain is missing"),
        ({}, ("--currency", "dollars"), "--currency 'dollars'"),
        ({}, ("--currency", "aud"), "--currency 'aud'"),
        ({}, ("--currency", "XYZ"), "--currency 'XYZ'"),
        ({}, ("--alarm-email", "nobody"), "--alarm-email 'nobody'"),
        ({}, ("--certificate", "arn:aws:acm:eu-west-1:123456789012:certificate/a"), "--certific"),
        ({}, ("--stripe-publishable-key", "sk_test_51a"), "--stripe-publishable-key 'sk"),
        ({}, ("--tax-percent", "10"), "--tax-name is missing"),
        ({}, ("--tax-name", "none", "--tax-percent", "10"), "--tax-name 'none' is invalid"),
        ({}, ("--tax-name", "GST"), "--tax-percent '0' is invalid"),
        ({}, ("--tax-name", "GST", "--tax-percent", "100"), "--tax-percent '100' is invalid"),
        (
            {},
            ("--mode", "chalice", "--gradual-release", "Canary10Percent5Minutes"),
            "--gradual-release",
        ),
        ({}, ("--mode", "chalice", "--snap-start"), "publishes no versions of functions"),
        (
            {"domain": None},
            (
                *("--sender-domain", "example.org"),
                *("--certificate", "arn:aws:acm:us-east-1:123456789012:certificate/a"),
            ),
            "--certificate 'arn",
        ),
    ],
)
def test_invalid_stage_is_refused_and_nothing_is_written(
    checkout: Checkout, changed: dict[str, str | None], more: tuple[str, ...], what: str
) -> None:
    before = checkout.files()
    with pytest.raises(ShopProblem) as refused:
        checkout.init(*more, **changed)
    assert what in refused.value.what
    assert refused.value.remedy.endswith(".")
    assert checkout.files() == before


def test_all_problems_are_reported_at_once_in_the_order_of_the_help(checkout: Checkout) -> None:
    # GIVEN no valid option
    before = checkout.files()
    with pytest.raises(ShopProblem) as refused:
        checkout.init(
            *("--sender-domain", "x", "--currency", "aud", "--certificate", "arn", "--tax-name"),
            *("GST", "--stripe-publishable-key", "sk_test_1", "--alarm-email", "nobody"),
            account=None,
            region="ap-southeast2",
            stage="orders",
            domain="https://a.example",
        )
    # THEN each has a line, and none shows a pattern or blames a file
    heading, *lines = refused.value.what.splitlines()
    assert "./shop init --help" in heading
    named = [line.split()[1] for line in lines[1:]]
    assert "cannot be called orders" in lines[0]
    options = [parameter.opts[0] for parameter in cli.commands["init"].params]
    assert named == [option for option in options if option in named]
    assert len(named) == 9
    assert "--account is missing. Give its 12 digits, such as 123456789012." in lines[1]
    assert 'such as "ap-southeast-2"' in lines[2]
    assert not {"[", "^", "stages.toml"} & set(refused.value.what.replace("- ", "").split())
    assert "stages.toml" not in refused.value.what
    assert checkout.files() == before


def test_stage_is_added_once(checkout: Checkout) -> None:
    checkout.init()
    before = checkout.files()
    with pytest.raises(ShopProblem, match="already has a stage trial"):
        checkout.init(account="210987654321")
    assert checkout.files() == before


def test_failed_write_leaves_both_files_unchanged(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a disk that is full when the second file is written
    before, chmod = checkout.files(), Path.chmod

    def full(path: Path, mode: int) -> None:
        if "profiles" in path.name:
            raise OSError("No space left on device")
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", full)
    # WHEN a stage is added THEN neither file changes, and no temporary file is left
    with pytest.raises(OSError, match="No space"):
        checkout.init()
    assert checkout.files() == before
