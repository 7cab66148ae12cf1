"""Formats the ``Date`` header of responses once a second, instead of for each response."""

import time
from email.utils import formatdate
from functools import lru_cache

from ministack import app as ministack_app


def install() -> None:
    """Replace the function with which ministack formats the date of each response."""
    ministack_app.formatdate = _now


def _now(*, usegmt: bool) -> str:
    return _formatted(int(time.time()), usegmt)


@lru_cache(1)
def _formatted(seconds: int, usegmt: bool) -> str:
    return formatdate(seconds, usegmt=usegmt)
