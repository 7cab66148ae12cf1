"""Settings of a service: environment variables as one typed object, read once at its start."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec

from chassis.parsing import field_error

S = TypeVar("S", bound="Settings")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that every service has; the field ``table_name`` is the variable ``TABLE_NAME``.

    Attributes
    ----------
    stage, service
        The names of the stage and of the service.
    log_level
        The lowest level of the log.
    trace_percent
        The share of traces that are sampled although they have no write.
    slow_seconds
        A request or event that takes longer is exported in any case.
    """

    stage: str
    service: str
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    trace_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 100
    slow_seconds: Annotated[float, msgspec.Meta(gt=0)] = 1

    @property
    def unresolved(self) -> list[str]:
        """Variables that have a reference instead of a value.

        After ``chalice deploy``, which does not know references, a secret is one until ``./shop
        deliver``. Anyone can read it in the repository, so it must not be used as a secret.
        """
        values = msgspec.structs.asdict(self)
        return [
            name.upper()
            for name, value in values.items()
            if isinstance(value, str) and value.startswith("{{resolve:")
        ]


class SettingsError(Exception):
    """An environment variable is missing or not valid; the service cannot start."""


def load(kind: type[S], environ: Mapping[str, str] = os.environ) -> S:
    """Read the settings of a service.

    Parameters
    ----------
    kind
        The type of the settings.
    environ
        The environment variables by name.

    Raises
    ------
    SettingsError
        If a variable is missing or not valid; the message names it.
    """
    fields = {field.name: field.name.upper() for field in msgspec.structs.fields(kind)}
    values = {name: environ[variable] for name, variable in fields.items() if variable in environ}
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        wrong = field_error(error, "variable")
        variable = wrong.pointer.lstrip("/").upper()
        raise SettingsError(f"Environment variable {variable}: {wrong.detail}.") from None


def source(function: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the ARN of the topic, queue or stream that invokes a function.

    ``chalice deploy`` gets it from an environment variable. In a release by CloudFormation,
    delivery.yaml overrides the placeholder that is returned then.

    Parameters
    ----------
    function
        The name of the function.
    environ
        The environment variables by name.
    """
    name = f"{function.upper()}_SOURCE"
    return environ.get(name, "arn:aws:sns:us-east-1:000000000000:overridden-by-delivery-yaml")
