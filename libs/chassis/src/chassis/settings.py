"""Environment variables into one typed object, read once at the edge of a service."""

import os
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from chassis.parsing import field_error

S = TypeVar("S", bound="Settings")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every service is told. A field ``table_name`` is the variable ``TABLE_NAME``."""

    stage: str
    service: str
    log_level: str = "INFO"


class SettingsError(Exception):
    """An environment variable is missing or wrong; the service cannot start."""


def load(kind: type[S], environ: Mapping[str, str] = os.environ) -> S:
    """Read the settings of a service.

    Parameters
    ----------
    kind
        The settings' type.
    environ
        Where to read from.

    Raises
    ------
    SettingsError
        If a variable is missing or has a wrong value; the message names it.
    """
    fields = {field.name: field.name.upper() for field in msgspec.structs.fields(kind)}
    values = {name: environ[variable] for name, variable in fields.items() if variable in environ}
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        wrong = field_error(error)
        variable = wrong.pointer.lstrip("/").upper()
        raise SettingsError(f"Environment variable {variable}: {wrong.detail}") from None


def source(function: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the ARN of what invokes a function.

    `chalice deploy` is told it; in a release by CloudFormation it is in delivery.yaml, which
    overrides what is returned then.
    """
    name = f"{function.upper()}_SOURCE"
    return environ.get(name, "arn:aws:sns:us-east-1:000000000000:overridden-by-delivery-yaml")
