"""The stages of the shop as `stages.toml` lists them."""

import difflib
import functools
import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from shopctl.project.errors import ShopProblem

NAME = r"[a-z][a-z0-9]{1,15}"
"""Pattern of a stage's name."""

_RESERVED = {
    "sample": "`./shop check` renders a stage of this name",
    "pipeline": "the names of the pipeline's own resources begin with toyshop-pipeline",
    "default": "the AWS CLI uses the profile of this name when none is given",
}

GradualRelease = Literal[
    "Canary10Percent5Minutes",
    "Canary10Percent10Minutes",
    "Canary10Percent15Minutes",
    "Linear10PercentEvery1Minute",
    "Linear10PercentEvery2Minutes",
]
"""How CodeDeploy moves traffic to a release; each ends well before `./shop deploy` times out."""

# "Lambda SnapStart is available in all commercial Regions except" Taipei and New Zealand:
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
_WITHOUT_SNAP_START = ("ap-east-2", "ap-southeast-6")

ShipsTo = Annotated[
    str, msgspec.Meta(pattern=r"^(all( except( [A-Z]{2})+)?|[A-Z]{2}( [A-Z]{2})*)$")
]

# CloudFront has no other port than 443
Origin = Annotated[
    str, msgspec.Meta(pattern=r"^(https://[a-z0-9.-]+|http://[a-z0-9.-]+(:[0-9]+)?)?$")
]
# a secret key (sk_…) must not be published
PUBLISHABLE_KEY = r"(pk_(test|live)_[A-Za-z0-9]+)?"
"""Pattern of Stripe's publishable key, or of an empty text."""
PublishableKey = Annotated[str, msgspec.Meta(pattern=rf"^{PUBLISHABLE_KEY}$")]

Account = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$")]

CURRENCIES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD
    HNL HTG HUF IDR ILS INR JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL
    MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
    QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SOS SRD SZL THB TJS TND TOP TRY TTD TWD TZS UAH USD
    UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW
    """.split()  # noqa: SIM905 - lines of codes are easier to read
)
"""ISO 4217 codes that Stripe charges in, except those that `orders` cannot sell in."""

NO_TAX = "none"
"""The `tax_name` of a stage whose prices include no tax."""

UNKNOWN_ORIGIN = "https://edge-not-deployed.invalid"
"""Stands for the name of a distribution that does not exist yet; never a working address."""
_OF_CLOUDFRONT = ".cloudfront.net"
_APPS = Path(__file__).resolve().parents[3] / "apps"

EXPECTED = {
    "account": '12 digits in quotation marks, such as "123456789012"',
    "region": 'the code of an AWS region, such as "ap-southeast-2"',
    "mode": '"cloudformation" or "chalice"',
    "currency": 'an ISO 4217 code in capital letters that Stripe can charge in, such as "AUD"',
    "origin": 'https:// and a host name, without a slash at the end, such as "https://shop.example.com"',
    "stripe_publishable_key": (
        'Stripe\'s publishable key, which begins with pk_test_ or pk_live_, such as "pk_test_51…";'
        " never a secret key"
    ),
    "ships_to": (
        '"all", "all except" and the codes of countries (ISO 3166), or only such codes, such as'
        ' "AU NZ"'
    ),
    "tax_percent": "a number from 0 to below 100, such as 10",
    "trace_percent": "a number from 0 to 100, such as 2",
    "concurrency": "a number from 0 to 1, such as 0.5",
    "gradual_release": " or ".join(f'"{one}"' for one in get_args(GradualRelease)),
}
"""What the values of settings must be, in words."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage.

    Attributes
    ----------
    account, region
        The only account and region that the stage may be deployed to.
    mode
        How it is deployed; with both ways at once, every event would be consumed twice.
    currency
        ISO 4217 code of all prices.
    ships_to
        Countries that orders are delivered to: ``all``, ``all except`` codes, or codes of ISO 3166
        alpha-2, separated by spaces.
    retain_data
        Whether resources with data outlive their stack.
    origin
        URL of the web page, without a path; empty to use the name of the edge's distribution.
    stripe_publishable_key
        Key with which the web page confirms payments at Stripe; it is public.
    sender_domain
        Domain of the address that emails are sent from.
    ses_sandbox
        Whether the account is in the sandbox of SES, or the domain not verified yet.
    seller_name, seller_address, seller_tax_number
        The seller on receipts: legal name, address in one line, and the number under which it is
        registered for tax, with its kind.
    tax_name, tax_percent
        Tax that all prices include, and its rate; ``none`` and 0 for prices without tax.
    aws
        URL of the embedded AWS; empty for AWS itself.
    gateway
        URL of the payment gateway's simulator; empty for Stripe.
    gateway_keys
        Keys of the simulator that were rolled while it ran, by name; never in stages.toml.
    bucket_suffix
        End of every bucket's name, which is unique in all of AWS; a stage there needs one.
    auto_confirm_users
        Whether users need not confirm their email address.
    retry_base_seconds, reconcile_grace_seconds, action_timeout_hours
        Override the services' own defaults.
    network
        Whether functions that call private APIs run inside the stage's VPC.
    alarm_email
        Email address that alarms are sent to; empty for none.
    runbooks
        URL of `docs/runbooks`, which the descriptions of alarms link to.
    infra
        Parameters of the templates in `infra/`.
    test_payments
        Whether no real money moves there, so that an order may be placed as a test.
    gradual_release
        How traffic moves to a release; None for all at once.
    snap_start
        Whether functions that a person waits for start from a snapshot of their process.
    trace_percent
        Share of the traces without a write that are recorded.
    concurrency
        Factor for the concurrency limits of functions; 0 reserves none.
    """

    name: str
    account: Account
    region: str
    mode: Literal["cloudformation", "chalice"]
    currency: str
    retain_data: bool
    origin: Origin = ""
    stripe_publishable_key: PublishableKey = ""
    sender_domain: str
    seller_name: str
    seller_address: str
    seller_tax_number: str
    tax_name: str = "Tax"
    tax_percent: Annotated[float, msgspec.Meta(ge=0, lt=100)] = 0
    aws: str = ""
    gateway: str = ""
    gateway_keys: dict[str, str] = {}
    bucket_suffix: str = ""
    ships_to: ShipsTo = "all"
    auto_confirm_users: bool = False
    retry_base_seconds: int | None = None
    reconcile_grace_seconds: int | None = None
    action_timeout_hours: int | None = None
    network: bool = True
    alarm_email: str = ""
    runbooks: Annotated[str, msgspec.Meta(pattern=r"^[!-~]*[^/]$")] = "docs/runbooks"
    infra: dict[str, str] = {}
    test_payments: bool = False
    ses_sandbox: bool = False
    gradual_release: GradualRelease | None = None
    snap_start: bool = False
    trace_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 2
    concurrency: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1

    @property
    def parameters(self) -> dict[str, str]:
        """Values of the parameters that templates may declare."""
        values = {"Stage": self.name, "SenderDomain": self.sender_domain, **self.infra}
        values["SesSandbox"] = "true" if self.ses_sandbox else "false"
        if self.alarm_email:
            values["AlarmEmail"] = self.alarm_email
        values["Runbooks"] = self.runbooks
        if self.bucket_suffix:
            values["BucketSuffix"] = self.bucket_suffix
        if self.origin.startswith("https:"):
            values["ShopOrigin"] = self.origin
        elif not self.aws:
            values["ShopOrigin"] = UNKNOWN_ORIGIN
        if self.domain:
            values["DomainName"] = self.domain
        if self.stripe_publishable_key:
            values["StripePublishableKey"] = self.stripe_publishable_key
        return values

    @property
    def publishes_versions(self) -> bool:
        """Whether a release publishes a version of each function, which an alias points to."""
        return self.snap_start or self.gradual_release is not None

    @property
    def domain(self) -> str:
        """The shop's own domain name; empty if it uses the distribution's."""
        host = self.origin.removeprefix("https://")
        own = host != self.origin and not host.endswith(_OF_CLOUDFRONT)
        return host if own else ""

    def require(self, mode: Literal["cloudformation", "chalice"]) -> None:
        """Raise unless the stage is deployed in this way.

        Raises
        ------
        ShopProblem
            If it is deployed the other way.
        """
        if self.mode != mode:
            other = "./shop deploy" if self.mode == "cloudformation" else "chalice deploy"
            raise ShopProblem(
                f"The stage {self.name} is marked {self.mode} in stages.toml.",
                f"Use {other} --stage {self.name}: with both, every event is consumed twice.",
            )


def load(path: Path, name: str) -> Stage:
    """Read one stage.

    Raises
    ------
    ShopProblem
        If the file cannot be read or has no such stage, or the stage is incomplete or invalid, or
        has a reserved name.
    """
    content = _read(path)
    if name not in content:
        near = difflib.get_close_matches(name, content, 1)
        raise ShopProblem(
            f"There is no stage {name} in {path.name}.",
            (f"Did you mean {near[0]}? " if near else "")
            + f"The stages are {', '.join(content)}; ./shop init --stage {name} adds one on AWS.",
        )
    stage = parse(name, content[name], path.name)
    check_name(path, name, on_aws=not stage.aws)
    return stage


def check_name(path: Path, name: str, *, on_aws: bool) -> None:
    """Check that a stage may have its name.

    Parameters
    ----------
    path
        Path of `stages.toml`; the services are beside it.
    on_aws
        Whether the stage is on AWS itself, not on the embedded one.

    Raises
    ------
    ShopProblem
        If the name is invalid or reserved.
    """
    if not re.fullmatch(NAME, name):
        raise ShopProblem(
            f"{name!r} in {path.name} is not a valid name of a stage.",
            "Use 2 to 16 lower-case letters and digits, beginning with a letter.",
        )
    reason = _RESERVED.get(name)
    if name == "local" and on_aws:
        reason = "this is the stage on the embedded AWS"
    elif (path.parent / "apps" / name).is_dir():
        reason = f"a service has this name, and Chalice names its resources toyshop-{name}"
    if reason:
        raise ShopProblem(
            f"A stage on AWS cannot be called {name}: {reason}.",
            "Choose another name, such as staging.",
        )


def parse(name: str, settings: dict[str, Any], file: str) -> Stage:
    """Return the stage with these settings.

    Parameters
    ----------
    file
        Name of the file that they are from, for the message.

    Raises
    ------
    ShopProblem
        If the stage is incomplete or a setting is invalid.
    """
    where = f"The stage {name} in {file}"
    try:
        stage = msgspec.convert({"name": name, **settings}, Stage)
    except msgspec.ValidationError as error:
        raise _invalid(where, settings, str(error)) from None
    if stage.publishes_versions and stage.mode == "chalice":
        setting = "snap_start" if stage.snap_start else "gradual_release"
        raise ShopProblem(
            f"{where} has {setting}, and is deployed with chalice deploy, which publishes no"
            " versions of functions.",
            f'Remove {setting}, or set mode = "cloudformation".',
        )
    if stage.snap_start and stage.region in _WITHOUT_SNAP_START:
        raise ShopProblem(
            f"{where} has snap_start, and Lambda has no SnapStart in {stage.region}.",
            "Remove snap_start, or choose another region.",
        )
    if stage.origin.startswith("http:") and not stage.aws:
        raise _wrong(where, "origin", stage.origin)
    if stage.origin.endswith(_OF_CLOUDFRONT):
        raise ShopProblem(
            f"{where} has the name of a distribution as its origin.",
            "Remove origin: the distribution's name is used without it.",
        )
    if stage.currency not in CURRENCIES:
        raise _wrong(where, "currency", stage.currency)
    if unknown := unknown_countries(stage.ships_to):
        raise _wrong(where, "ships_to", stage.ships_to, f" {', '.join(unknown)}: no such country.")
    if not stage.aws and stage.region not in regions():
        near = difflib.get_close_matches(stage.region, regions(), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise _wrong(where, "region", stage.region, hint)
    if not stage.aws and not stage.bucket_suffix:
        raise ShopProblem(
            f"{where} has no bucket_suffix, and the names of buckets are unique in all of AWS.",
            f'Set bucket_suffix = "-{stage.account}" for it.',
        )
    return stage


def _wrong(where: str, setting: str, value: object, reason: str = "") -> ShopProblem:
    return ShopProblem(
        f"{where} has the invalid setting {setting} ="
        f" {json.dumps(value, ensure_ascii=False, default=str)}.{reason}",
        f"It must be {EXPECTED[setting]}.",
    )


_TYPES = {
    "str": "text in quotation marks",
    "bool": "true or false, without quotation marks",
    "int": "a whole number, without quotation marks",
    "object": "a table",
}
"""What values of types of TOML are, in words, by msgspec's names."""


def _invalid(where: str, settings: dict[str, Any], error: str) -> ShopProblem:
    """Return the problem that msgspec found, in words."""
    if found := re.match(r"Object contains unknown field `(.+)`$", error):
        near = difflib.get_close_matches(found[1], Stage.__struct_fields__, 1)
        return ShopProblem(
            f"{where} has the setting {found[1]}, which does not exist.",
            f"Did you mean {near[0]}?"
            if near
            else "Remove it; stages.toml describes all settings.",
        )
    if found := re.match(r"Object missing required field `(.+)`$", error):
        return ShopProblem(
            f"{where} lacks the setting {found[1]}.",
            f"It must be {EXPECTED.get(found[1], 'set; stages.toml describes all settings')}.",
        )
    if found := re.search(r" - at `\$\.(\w+)", error):
        setting = found[1]
        value = settings.get(setting)
        if setting in EXPECTED:
            return _wrong(where, setting, value)
        kind = re.match(r"Expected `(\w+)", error)
        expected = _TYPES.get(kind[1] if kind else "", "as stages.toml describes it")
        return ShopProblem(f"{where} has an invalid {setting}.", f"It must be {expected}.")
    return ShopProblem(f"{where} is invalid.", "It must be a table of settings.")


def unknown_countries(ships_to: str) -> list[str]:
    """Return the codes in a stage's `ships_to` that are not those of countries.

    Without the orders service, which has the list of countries and alone reads the setting, there
    are none.
    """
    countries = _countries()
    codes = re.findall(r"\b[A-Z]{2}\b", ships_to) if countries else ()
    return [code for code in codes if code not in countries]


@functools.cache
def _countries() -> frozenset[str]:
    # what the orders service reads when it starts
    file = _APPS / "orders/chalicelib/orders/countries.json"
    if not file.exists():
        return frozenset()
    return frozenset(country["code"] for country in msgspec.json.decode(file.read_bytes()))


@functools.cache
def regions() -> Sequence[str]:
    """Return the codes of AWS's regions."""
    # boto3 takes a tenth of a second to import, and local commands do not need it
    from boto3 import Session

    return sorted(Session().get_available_regions("lambda"))


def names(path: Path) -> list[str]:
    """Return the names of all stages.

    Raises
    ------
    ShopProblem
        If the file cannot be read.
    """
    return list(_read(path))


def load_all(path: Path) -> list[Stage]:
    """Read all stages.

    Raises
    ------
    ShopProblem
        If the file cannot be read or a stage is incomplete.
    """
    return [load(path, name) for name in names(path)]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ShopProblem(f"{path} is missing.", "Restore it from the repository.") from None
    except tomllib.TOMLDecodeError as error:
        raise ShopProblem(f"{path} is not valid TOML: {error}.", "Correct it.") from None
