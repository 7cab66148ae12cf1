"""Adds a stage: its section of `stages.toml`, and the pipeline's profile for its account."""

import difflib
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shopctl.project import aws_names, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import NO_TAX, GradualRelease, Stage

TO_COMPLETE = "TODO: "
"""The start of every value that still has to be filled in."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])"
_CERTIFICATE = r"arn:aws:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f-]+"


@dataclass(frozen=True, kw_only=True)
class NewStage:
    """The choices for a new stage; all other settings have defaults or follow from these.

    Attributes
    ----------
    domain
        Host name of the web page; empty for the distribution's own.
    sender_domain
        Domain of the address that emails are sent from; empty for `domain`.
    certificate
        ARN of the certificate for `domain` in us-east-1; empty if it is yet to be issued.
    alarm_email
        Address that alarms are sent to; empty to be filled in later.
    seller_name, seller_address, seller_tax_number, stripe_publishable_key
        The seller on receipts, and the public key of Stripe; empty to be filled in later.
    tax_name, tax_percent
        The tax that all prices include, and its rate; an empty name to be filled in later,
        ``none`` for prices without tax.
    ses_sandbox
        Whether the account is in the sandbox of SES, as a new one is.
    """

    name: str
    account: str
    region: str
    mode: Literal["cloudformation", "chalice"] = "cloudformation"
    currency: str = "AUD"
    domain: str = ""
    sender_domain: str = ""
    certificate: str = ""
    alarm_email: str = ""
    seller_name: str = ""
    seller_address: str = ""
    seller_tax_number: str = ""
    tax_name: str = ""
    tax_percent: float = 0
    stripe_publishable_key: str = ""
    test_payments: bool = False
    ses_sandbox: bool = False
    gradual_release: GradualRelease | None = None
    snap_start: bool = False

    def section(self) -> str:
        """Return the stage's section of `stages.toml`.

        Raises
        ------
        ShopProblem
            If a value is invalid.
        """
        _refuse(self.problems())
        sender, percent = self.sender_domain or self.domain, float(self.tax_percent)
        settings: dict[str, str | float] = {
            "account": self.account,
            "region": self.region,
            "mode": self.mode,
            "currency": self.currency,
            "ships_to": "all except AQ BV HM KP TF UM",
            "retain_data": True,
        }
        if self.domain:
            settings["origin"] = f"https://{self.domain}"
        settings |= {
            "sender_domain": sender,
            "seller_name": self.seller_name or f"{TO_COMPLETE}legal name",
            "seller_address": self.seller_address or f"{TO_COMPLETE}address in one line",
            "seller_tax_number": self.seller_tax_number or f"{TO_COMPLETE}such as ABN and number",
            "tax_name": self.tax_name or f"{TO_COMPLETE}such as GST; none for prices without tax",
            "tax_percent": int(percent) if percent.is_integer() else percent,
            "alarm_email": self.alarm_email or f"{TO_COMPLETE}who is alarmed, by email",
            "bucket_suffix": f"-{self.account}",
        }
        if self.stripe_publishable_key:
            settings["stripe_publishable_key"] = self.stripe_publishable_key
        if self.test_payments:
            settings["test_payments"] = True
        if self.ses_sandbox:
            settings["ses_sandbox"] = True
        if self.gradual_release:
            settings["gradual_release"] = self.gradual_release
        if self.snap_start:
            settings["snap_start"] = True
        text = _table(self.name, settings)
        if self.domain:
            certificate = self.certificate or f"{TO_COMPLETE}ARN of the certificate in us-east-1"
            text += "\n" + _table(f"{self.name}.infra", {"CertificateArn": certificate})
        return text

    def stage(self) -> Stage:
        """Return the stage that the section defines.

        Raises
        ------
        ShopProblem
            If a value is invalid.
        """
        return stages.parse(self.name, tomllib.loads(self.section())[self.name], "stages.toml")

    def problems(self) -> list[ShopProblem]:
        """Return what is wrong with the options of `./shop init`, in the order of its help."""
        sender, expected = self.sender_domain or self.domain, stages.EXPECTED
        near = difflib.get_close_matches(self.region, stages.regions(), 1)
        region = expected["region"].replace(_EXAMPLE_REGION, near[0] if near else _EXAMPLE_REGION)
        certified = bool(self.domain) and _fits(_CERTIFICATE, self.certificate)
        published = _fits(stages.PUBLISHABLE_KEY, self.stripe_publishable_key)
        taxed = self.tax_percent > 0
        options = (
            ("--stage", self.name, _fits(stages.NAME, self.name), _NAME),
            ("--account", self.account, _fits("[0-9]{12}", self.account), _ACCOUNT),
            ("--region", self.region, self.region in stages.regions(), region),
            ("--domain", self.domain, _fits(f"({_HOST})?", self.domain), _DOMAIN),
            ("--certificate", self.certificate, certified or not self.certificate, _ARN),
            ("--sender-domain", sender, _fits(_HOST, sender), _SENDER),
            ("--alarm-email", self.alarm_email, _fits(_ADDRESS, self.alarm_email), _ALARMS),
            ("--currency", self.currency, self.currency in stages.CURRENCIES, expected["currency"]),
            (
                "--stripe-publishable-key",
                self.stripe_publishable_key,
                published,
                expected["stripe_publishable_key"],
            ),
            (
                "--gradual-release",
                self.gradual_release or "",
                not self.gradual_release or self.mode == "cloudformation",
                "it only with --mode cloudformation",
            ),
            ("--tax-name", self.tax_name, not taxed or self.tax_name not in ("", NO_TAX), _TAX),
            (
                "--tax-percent",
                f"{self.tax_percent:g}",
                0 <= self.tax_percent < 100 and (taxed or self.tax_name in ("", NO_TAX)),
                f"{expected['tax_percent']}, or --tax-name {NO_TAX} for prices without tax",
            ),
        )
        # --sender-domain is --domain by default, which is named when it is invalid
        return [
            ShopProblem(
                f"{option} {value!r} is invalid." if value else f"{option} is missing.",
                f"Give {words}.",
            )
            for option, value, valid, words in options
            if not valid and not (option == "--sender-domain" and not self.sender_domain and value)
        ]


_EXAMPLE_REGION = "ap-southeast-2"
_NAME = "2 to 16 lower-case letters and digits, such as staging"
_ACCOUNT = "its 12 digits, such as 123456789012"
_DOMAIN = "a host name without https://, such as shop.example.com"
_ARN = (
    "the ARN of a certificate for --domain in us-east-1, such as"
    " arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d"
)
_SENDER = "a domain that you own, such as example.com; without --domain, it is required"
_ADDRESS = rf"([^@\s]+@{_HOST})?"
_ALARMS = "an email address, such as operations@example.com"
_TAX = "the name of the tax, such as GST, with --tax-percent"


def _fits(pattern: str, value: str) -> bool:
    return len(value) <= 253 and re.fullmatch(pattern, value) is not None


def _refuse(problems: Sequence[ShopProblem]) -> None:
    """Raise one problem for all of them.

    Raises
    ------
    ShopProblem
        If there is any.
    """
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "".join(f"\n- {problem.what} {problem.remedy}" for problem in problems)
        raise ShopProblem(f"Options are invalid or missing (see ./shop init --help):{lines}")


def add(layout: Layout, new: NewStage) -> list[str]:
    """Append a stage to `stages.toml`, and its deployer's profile to `infra/aws-profiles.ini`.

    Either both files are replaced, each atomically, or neither.

    Returns
    -------
    list
        Settings that still have to be filled in.

    Raises
    ------
    ShopProblem
        Before any change, if the stage exists, its name is reserved or a value is invalid.
    """
    _refuse([*_name_problems(layout, new.name), *new.problems()])
    section, stage = new.section(), new.stage()
    before = layout.stages.read_text()
    profile = (
        f"[profile {new.name}]\n"
        f"role_arn = arn:aws:iam::{new.account}:role/{aws_names.resource(new.name, 'deployer')}\n"
        "credential_source = EcsContainer\n"
        "duration_seconds = 3600\n"
    )
    profiles = layout.infra / "aws-profiles.ini"
    texts = {
        layout.stages: f"{before.rstrip()}\n\n{section}",
        profiles: f"{profiles.read_text().rstrip()}\n\n{profile}",
    }
    _replace(texts)
    return incomplete(stage)


def _name_problems(layout: Layout, name: str) -> list[ShopProblem]:
    """Return why a new stage cannot have a name that is valid otherwise."""
    if not re.fullmatch(stages.NAME, name):
        return []
    try:
        stages.check_name(layout.stages, name, on_aws=True)
    except ShopProblem as problem:
        return [problem]
    if name not in stages.names(layout.stages):
        return []
    return [
        ShopProblem(
            f"{layout.stages.name} already has a stage {name}.", "Edit its section instead."
        )
    ]


def to_complete(stage: Stage) -> list[str]:
    """Return the names of a stage's settings that still have to be filled in."""
    settings = {
        name: getattr(stage, name) for name in stage.__struct_fields__ if name != "infra"
    } | {f"infra.{name}": value for name, value in stage.infra.items()}
    return [name for name, value in settings.items() if str(value).startswith(TO_COMPLETE)]


def incomplete(stage: Stage) -> list[str]:
    """Return `to_complete`, and the optional settings without which a stage is not ready."""
    lacking = {
        "alarm_email": not stage.alarm_email,
        "stripe_publishable_key": not (stage.stripe_publishable_key or stage.gateway),
        "infra.CertificateArn": bool(stage.domain) and not stage.infra.get("CertificateArn"),
        # prices without tax are stated, because a receipt without its tax would not be valid
        "tax_percent": not stage.tax_percent and stage.tax_name != NO_TAX,
    }
    missing = {*to_complete(stage), *(name for name, lacks in lacking.items() if lacks)}
    order = stage.__struct_fields__
    return sorted(missing, key=lambda name: (order.index(name.partition(".")[0]), name))


def _table(name: str, values: Mapping[str, str | float]) -> str:
    # a JSON string without escaped non-ASCII characters is a TOML string
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
    return f"[{name}]\n{''.join(lines)}"


def _replace(texts: dict[Path, str]) -> None:
    """Replace files only after the new content of all of them has been written."""
    written = {}
    try:
        for path, text in texts.items():
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
            written[path] = Path(name)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            written[path].chmod(path.stat().st_mode)
        for path, temporary in written.items():
            temporary.replace(path)
    finally:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
