"""Adds a stage: its section of `stages.toml`, and the pipeline's profile for its account."""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shopctl.project import aws_names, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.stages import GradualRelease, Stage

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
        Address that alarms are sent to; empty for `operations` at the sender's domain.
    seller_name, seller_address, seller_tax_number, stripe_publishable_key
        The seller on receipts, and the public key of Stripe; empty to be filled in later.
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
    stripe_publishable_key: str = ""
    test_payments: bool = False
    ses_sandbox: bool = False
    gradual_release: GradualRelease | None = None

    def section(self) -> str:
        """Return the stage's section of `stages.toml`.

        Raises
        ------
        ShopProblem
            If a value is invalid.
        """
        self._check()
        sender = self.sender_domain or self.domain
        settings: dict[str, str | bool] = {
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

    def _check(self) -> None:
        sender = self.sender_domain or self.domain
        if not sender:
            raise ShopProblem(
                "Without --domain, emails have no domain to be sent from.",
                "Give --sender-domain, a domain that you own.",
            )
        for option, value, pattern, example in (
            ("--stage", self.name, stages.NAME, "staging: 2 to 16 lower-case letters and digits"),
            ("--account", self.account, "[0-9]{12}", "123456789012, with 12 digits"),
            ("--currency", self.currency, "[A-Z]{3}", "AUD, an ISO 4217 code"),
            ("--domain", self.domain, f"({_HOST})?", "shop.example.com, without https://"),
            ("--sender-domain", sender, _HOST, "example.com"),
            ("--certificate", self.certificate, f"({_CERTIFICATE})?", _CERTIFICATE_EXAMPLE),
            ("--alarm-email", self.alarm_email, rf"([^@\s]+@{_HOST})?", "operations@example.com"),
        ):
            if not re.fullmatch(pattern, value) or len(value) > 253:
                raise ShopProblem(
                    f"{option} {value!r} is invalid.", f"Give a value such as {example}."
                )
        if self.certificate and not self.domain:
            raise ShopProblem(
                "A certificate needs a domain of your own.", "Give --domain, or no --certificate."
            )
        if self.region not in _regions():
            raise ShopProblem(
                f"AWS has no region {self.region!r}.", f"The regions are {', '.join(_regions())}."
            )


_CERTIFICATE_EXAMPLE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d, in us-east-1"


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
    section = new.section()
    stage = new.stage()
    stages.check_name(layout.stages, stage)
    before = layout.stages.read_text()
    if new.name in stages.names(layout.stages):
        raise ShopProblem(
            f"{layout.stages.name} already has a stage {new.name}.", "Edit its section instead."
        )
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
    return to_complete(stage)


def to_complete(stage: Stage) -> list[str]:
    """Return the names of a stage's settings that still have to be filled in."""
    settings = {
        name: getattr(stage, name) for name in stage.__struct_fields__ if name != "infra"
    } | {f"infra.{name}": value for name, value in stage.infra.items()}
    return [name for name, value in settings.items() if str(value).startswith(TO_COMPLETE)]


def _table(name: str, values: Mapping[str, str | bool]) -> str:
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


def _regions() -> list[str]:
    # boto3 takes a tenth of a second to import, and the checks do not need it
    from boto3 import Session

    return sorted(Session().get_available_regions("lambda"))
