"""The stages of the shop as `stages.toml` lists them."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

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

ShipsTo = Annotated[
    str, msgspec.Meta(pattern=r"^(all( except( [A-Z]{2})+)?|[A-Z]{2}( [A-Z]{2})*)$")
]

# CloudFront has no other port than 443
Origin = Annotated[
    str, msgspec.Meta(pattern=r"^(https://[a-z0-9.-]+|http://[a-z0-9.-]+(:[0-9]+)?)?$")
]
# a secret key (sk_…) must not be published
PublishableKey = Annotated[str, msgspec.Meta(pattern=r"^(pk_(test|live)_[A-Za-z0-9]+)?$")]

UNKNOWN_ORIGIN = "https://edge-not-deployed.invalid"
"""Stands for the name of a distribution that does not exist yet; never a working address."""
_OF_CLOUDFRONT = ".cloudfront.net"


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
        Tax that all prices include, and its rate; 0 for none.
    aws
        URL of the embedded AWS; empty for AWS itself.
    gateway
        URL of the payment gateway's simulator; empty for Stripe.
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
    infra
        Parameters of the templates in `infra/`.
    test_payments
        Whether no real money moves there, so that an order may be placed as a test.
    gradual_release
        How traffic moves to a release; None for all at once.
    concurrency
        Factor for the concurrency limits of functions; 0 reserves none.
    """

    name: str
    account: str
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
    bucket_suffix: str = ""
    ships_to: ShipsTo = "all"
    auto_confirm_users: bool = False
    retry_base_seconds: int | None = None
    reconcile_grace_seconds: int | None = None
    action_timeout_hours: int | None = None
    network: bool = True
    alarm_email: str = ""
    infra: dict[str, str] = {}
    test_payments: bool = False
    ses_sandbox: bool = False
    gradual_release: GradualRelease | None = None
    concurrency: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1

    @property
    def parameters(self) -> dict[str, str]:
        """Values of the parameters that templates may declare."""
        values = {"Stage": self.name, "SenderDomain": self.sender_domain, **self.infra}
        values["SesSandbox"] = "true" if self.ses_sandbox else "false"
        if self.alarm_email:
            values["AlarmEmail"] = self.alarm_email
        if self.bucket_suffix:
            values["BucketSuffix"] = self.bucket_suffix
        if self.origin.startswith("https:"):
            values["ShopOrigin"] = self.origin
        elif not self.aws:
            values["ShopOrigin"] = UNKNOWN_ORIGIN
        if self.domain:
            values["DomainName"] = self.domain
        return values

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
        raise ShopProblem(
            f"There is no stage {name} in {path.name}.", f"The stages are {', '.join(content)}."
        )
    stage = parse(name, content[name], path.name)
    check_name(path, stage)
    return stage


def check_name(path: Path, stage: Stage) -> None:
    """Check that a stage may have its name.

    Parameters
    ----------
    path
        Path of `stages.toml`; the services are beside it.

    Raises
    ------
    ShopProblem
        If the name is invalid or reserved.
    """
    name = stage.name
    if not re.fullmatch(NAME, name):
        raise ShopProblem(
            f"{name!r} in {path.name} is not a valid name of a stage.",
            "Use 2 to 16 lower-case letters and digits, beginning with a letter.",
        )
    reason = _RESERVED.get(name)
    if name == "local" and not stage.aws:
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
    try:
        stage = msgspec.convert({"name": name, **settings}, Stage)
        if stage.gradual_release and stage.mode == "chalice":
            raise msgspec.ValidationError('`gradual_release` needs mode = "cloudformation"')
        if stage.origin.startswith("http:") and not stage.aws:
            raise msgspec.ValidationError("`origin` must begin with https://")
        if stage.origin.endswith(_OF_CLOUDFRONT):
            raise msgspec.ValidationError(
                "`origin` is a name of CloudFront, which is used when `origin` is left out"
            )
    except msgspec.ValidationError as error:
        raise ShopProblem(
            f"The stage {name} in {file} is invalid: {error}.", "Correct it."
        ) from None
    if not stage.aws and not stage.bucket_suffix:
        raise ShopProblem(
            f"The stage {name} in {file} has no bucket_suffix, and the names of buckets are"
            " unique in all of AWS.",
            f'Set bucket_suffix = "-{stage.account}" for it.',
        )
    return stage


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
