"""Checks the syntax of a condition once; the shop sends the same few again and again."""

from functools import lru_cache

from ministack.services import dynamodb

_KEPT = 1_000


def install() -> None:
    """Check the syntax of each condition once; ministack checks it for each item that it reads."""
    dynamodb._condition_syntax_error = lru_cache(_KEPT)(dynamodb._condition_syntax_error)
