"""Amounts of money."""

from typing import Annotated

from msgspec import Meta, Struct

from contracts import patterns

MinorUnits = Annotated[int, Meta(ge=0, le=99_999_999)]
AnyMinorUnits = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Currency = Annotated[str, Meta(pattern=patterns.CURRENCY, description="ISO 4217")]


class Money(Struct, frozen=True, kw_only=True):
    """An amount in the minor units of its currency, such as cents."""

    amount: int
    currency: str


class NewMoney(Money, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount in a request."""

    amount: MinorUnits
    currency: Currency


class ExpectedMoney(Money, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount that a client has calculated, such as the total of a cart.

    It may be larger than what can be paid, so that the answer is about the order, not about this
    field.
    """

    amount: AnyMinorUnits
    currency: Currency
