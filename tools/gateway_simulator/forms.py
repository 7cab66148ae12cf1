"""Form-encoded parameters with nested keys: `metadata[order_id]=…`, `payment_method_types[0]=…`."""

import re
from collections.abc import Collection
from typing import cast
from urllib.parse import parse_qsl

from gateway_simulator.errors import invalid_parameter

Form = dict[str, "str | Form"]

_MAX_FIELDS = 1000
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 50, 40, 500


def decode(encoded: str) -> Form:
    """Decode a form body or a query string into nested dictionaries.

    A list is decoded into a dictionary with the positions as keys.

    Parameters
    ----------
    encoded
        Form-encoded text.

    Raises
    ------
    StripeError
        400 if the text cannot be decoded.

    Examples
    --------
    >>> decode("amount=100&metadata[order_id]=ord_1")
    {'amount': '100', 'metadata': {'order_id': 'ord_1'}}
    """
    try:
        pairs = parse_qsl(
            encoded, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise invalid_parameter("", f"Invalid form encoding: {error}") from error
    form: Form = {}
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if match is None:
            raise invalid_parameter(key, f"Invalid parameter name: {key}")
        *parents, last = [match[1], *_PART.findall(match[2])]
        level = form
        for parent in parents:
            below = level.setdefault(parent, {})
            if isinstance(below, str):
                raise invalid_parameter(key, f"Invalid nesting: {key}")
            level = below
        last = last or str(len(level))
        if isinstance(level.get(last), dict):
            raise invalid_parameter(key, f"Invalid nesting: {key}")
        level[last] = value
    return form


class Params:
    """Typed access to the parameters of one request.

    A method that reads a parameter raises a 400 `StripeError` if its value is not valid. A
    parameter that has not been read is unknown: `reject_unknown` rejects it, as Stripe does.

    Parameters
    ----------
    form
        Decoded parameters.
    prefix
        Name of the parameter that contains these; empty at the top level.
    """

    def __init__(self, form: Form, prefix: str = "") -> None:
        self._form = form
        self._prefix = prefix
        self._read: set[str] = set()
        self._nested: list[Params] = []

    def _name(self, name: str) -> str:
        return f"{self._prefix}[{name}]" if self._prefix else name

    def _value(self, name: str) -> "str | Form | None":
        self._read.add(name)
        return self._form.get(name)

    def string(self, name: str) -> str | None:
        """Return a string, or None if it is absent or empty.

        Raises
        ------
        StripeError
            400 if the parameter is an object.
        """
        value = self._value(name)
        if isinstance(value, dict):
            raise invalid_parameter(self._name(name), f"Invalid string: {self._name(name)}")
        return value or None

    def required_string(self, name: str) -> str:
        """Return a string that must be present.

        Raises
        ------
        StripeError
            400 if the parameter is absent, empty or an object.
        """
        value = self.string(name)
        if value is None:
            raise self._missing(name)
        return value

    def integer(self, name: str, *, minimum: int = 1, maximum: int = 99_999_999) -> int | None:
        """Return a whole number, or None if it is absent.

        Raises
        ------
        StripeError
            400 if the parameter is not a whole number from `minimum` to `maximum`.
        """
        value = self.string(name)
        if value is None:
            return None
        full, code = self._name(name), "parameter_invalid_integer"
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid_parameter(full, f"Invalid integer: {value}", code)
        number = int(value)
        if number < minimum:
            message = f"This value must be greater than or equal to {minimum}."
            raise invalid_parameter(full, message, code)
        if number > maximum:
            message = f"This value must be less than or equal to {maximum}."
            raise invalid_parameter(full, message, code)
        return number

    def required_integer(self, name: str, *, maximum: int = 99_999_999) -> int:
        """Return a positive whole number that must be present.

        Raises
        ------
        StripeError
            400 if the parameter is absent or not a whole number from 1 to `maximum`.
        """
        value = self.integer(name, maximum=maximum)
        if value is None:
            raise self._missing(name)
        return value

    def boolean(self, name: str) -> bool:
        """Return a boolean, or False if it is absent.

        Raises
        ------
        StripeError
            400 if the parameter is neither `true` nor `false`.
        """
        value = self.string(name)
        if value not in (None, "true", "false"):
            raise invalid_parameter(self._name(name), f"Invalid boolean: {value}")
        return value == "true"

    def choice(self, name: str, options: Collection[str]) -> str | None:
        """Return one of the options, or None if the parameter is absent.

        Raises
        ------
        StripeError
            400 if the parameter has another value.
        """
        value = self.string(name)
        if value is not None and value not in options:
            allowed = ", ".join(options)
            message = f"Invalid {self._name(name)}: must be one of {allowed}"
            raise invalid_parameter(self._name(name), message)
        return value

    def nested(self, name: str) -> "Params | None":
        """Return the parameters that another contains, or None if it is absent.

        Raises
        ------
        StripeError
            400 if the parameter is not an object.
        """
        value = self._value(name)
        if value is None:
            return None
        if isinstance(value, str):
            raise invalid_parameter(self._name(name), f"Invalid object: {self._name(name)}")
        nested = Params(value, self._name(name))
        self._nested.append(nested)
        return nested

    def strings(self, name: str) -> list[str]:
        """Return a list of strings, which is empty if the parameter is absent.

        Raises
        ------
        StripeError
            400 if the parameter is not a list of strings.
        """
        value = self._value(name)
        if value is None:
            return []
        if isinstance(value, str) or not all(isinstance(item, str) for item in value.values()):
            raise invalid_parameter(self._name(name), f"Invalid array: {self._name(name)}")
        return list(cast(dict[str, str], value).values())

    def metadata(self) -> dict[str, str]:
        """Return the key-value pairs in `metadata`.

        Raises
        ------
        StripeError
            400 if `metadata` is not an object of strings within Stripe's limits.
        """
        value = self._value("metadata")
        if value is None or value == "":
            return {}
        if isinstance(value, str):
            raise invalid_parameter("metadata", "Invalid object: metadata")
        if len(value) > _METADATA_PAIRS:
            message = f"Metadata can have at most {_METADATA_PAIRS} keys."
            raise invalid_parameter("metadata", message)
        pairs: dict[str, str] = {}
        for key, text in value.items():
            param = f"metadata[{key}]"
            if isinstance(text, dict):
                raise invalid_parameter(param, "Metadata values must be strings.")
            if len(key) > _METADATA_KEY:
                message = f"Metadata keys must be at most {_METADATA_KEY} characters."
                raise invalid_parameter(param, message)
            if len(text) > _METADATA_VALUE:
                message = f"Metadata values must be at most {_METADATA_VALUE} characters."
                raise invalid_parameter(param, message)
            if text:
                pairs[key] = text
        return pairs

    def reject_unknown(self) -> None:
        """Check that all parameters have been read.

        Raises
        ------
        StripeError
            400 if a parameter has not been read.
        """
        for nested in self._nested:
            nested.reject_unknown()
        for name in self._form:
            if name not in self._read:
                full = self._name(name)
                message = f"Received unknown parameter: {full}"
                raise invalid_parameter(full, message, "parameter_unknown")

    def _missing(self, name: str) -> Exception:
        full = self._name(name)
        return invalid_parameter(full, f"Missing required param: {full}.", "parameter_missing")
