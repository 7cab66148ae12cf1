"""The stages of the shop as `stages.toml` lists them."""

import re
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from shopctl.packaging.shift import Shift
from shopctl.problems import ShopProblem

_NAME = re.compile(r"[a-z][a-z0-9]{1,15}")


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage.

    Attributes
    ----------
    account, region
        The only place that the stage may be deployed to.
    mode
        How it is deployed; both ways together would consume every event twice.
    keeps_data
        Whether what holds data outlives its stack.
    origin
        Where the web page is.
    aws
        The embedded AWS; empty is the real one.
    gateway
        The payment gateway's simulator; empty is Stripe.
    test_payments
        Whether the gateway moves no real money there, so that an order may be placed to try it.
    shift
        How the traffic moves to a release; None is at once.
    """

    name: str
    account: str
    region: str
    mode: Literal["cloudformation", "chalice"]
    currency: str
    keeps_data: bool
    origin: str
    sender_domain: str
    aws: str = ""
    gateway: str = ""
    bucket_suffix: str = ""
    auto_confirm_users: bool = False
    retry_base_seconds: int | None = None
    test_payments: bool = False
    shift: Shift | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """Values of the parameters that a template may declare."""
        values = {"Stage": self.name, "SenderDomain": self.sender_domain}
        if self.bucket_suffix:
            values["BucketSuffix"] = self.bucket_suffix
        if self.origin.startswith("https:"):
            values["ShopOrigin"] = self.origin
        return values

    def require(self, mode: Literal["cloudformation", "chalice"]) -> None:
        """Refuse a stage that is deployed the other way.

        Raises
        ------
        ShopProblem
            If it is.
        """
        if self.mode != mode:
            other = "./shop deploy" if self.mode == "cloudformation" else "chalice deploy"
            raise ShopProblem(
                f"The stage {self.name} is marked {self.mode} in stages.toml.",
                f"Use {other} --stage {self.name}: both ways together consume all events twice.",
            )


def load(path: Path, name: str) -> Stage:
    """Read one stage.

    Raises
    ------
    ShopProblem
        If the file cannot be read, or has no such stage, or the stage is not complete.
    """
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ShopProblem(f"{path} is missing.", "Restore it from the repository.") from None
    except tomllib.TOMLDecodeError as error:
        raise ShopProblem(f"{path} is not valid TOML: {error}.", "Correct it.") from None
    if name not in content or not _NAME.fullmatch(name):
        raise ShopProblem(
            f"There is no stage {name} in {path.name}.", f"The stages are {', '.join(content)}."
        )
    try:
        stage = msgspec.convert({"name": name, **content[name]}, Stage)
        if stage.shift and stage.mode == "chalice":
            raise msgspec.ValidationError('`shift` needs mode = "cloudformation"')
        return stage
    except msgspec.ValidationError as error:
        raise ShopProblem(
            f"The stage {name} in {path.name} is not right: {error}.", "Correct it."
        ) from None
