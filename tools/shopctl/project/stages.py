"""The stages of the shop as `stages.toml` lists them."""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from shopctl.deploying.gradual_release import Shift
from shopctl.project.errors import ShopProblem

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
    network
        Whether functions that call private APIs run inside the stage's network.
    alarms_to
        E-mail address that alarms go to; empty is nobody, and alarms tell no one.
    infra
        Values of parameters of the templates in `infra/`.
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
    reconcile_grace_seconds: int | None = None
    network: bool = True
    alarms_to: str = ""
    infra: dict[str, str] = {}
    test_payments: bool = False
    shift: Shift | None = None

    def role_name(self, service: str, function: str) -> str:
        """Return the name of a function's role; both names in dashes, as in names of resources."""
        if self.mode == "cloudformation":
            return f"toyshop-{self.name}-{service}-{function}"
        return f"toyshop-{service}-{self.name}-{function.replace('-', '_')}"

    def function_name(self, service: str, function: str) -> str:
        """Return the name of a function, which is its role's too but for one of Chalice's."""
        # the API's function, which Chalice calls by app and stage alone
        api = self.mode == "chalice" and function == "api-handler"
        return f"toyshop-{service}-{self.name}" if api else self.role_name(service, function)

    def api_name(self, service: str) -> str:
        """Return the name of a service's API, which Chalice calls by the app alone."""
        chalice = self.mode == "chalice"
        return f"toyshop-{service}" if chalice else f"toyshop-{self.name}-{service}"

    @property
    def parameters(self) -> dict[str, str]:
        """Values of the parameters that a template may declare."""
        values = {"Stage": self.name, "SenderDomain": self.sender_domain, **self.infra}
        if self.alarms_to:
            values["AlarmsTo"] = self.alarms_to
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
    content = _read(path)
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


def load_all(path: Path) -> list[Stage]:
    """Read all stages.

    Raises
    ------
    ShopProblem
        If the file cannot be read, or a stage is not complete.
    """
    return [load(path, name) for name in _read(path)]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ShopProblem(f"{path} is missing.", "Restore it from the repository.") from None
    except tomllib.TOMLDecodeError as error:
        raise ShopProblem(f"{path} is not valid TOML: {error}.", "Correct it.") from None
