"""Asks the embedded AWS what is still on its way."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from shopctl.project.errors import ShopProblem

_POLL_SECONDS = 0.05


def wait_until_answers(
    url: str, log: str, *, gone: Callable[[], bool], seconds: float = 30.0
) -> None:
    """Wait until something answers HTTP at a URL.

    Parameters
    ----------
    url
        Where to ask.
    log
        What a reader should look at if nothing answers.
    gone
        Whether the process that should answer has ended.
    seconds
        How long to wait at most.

    Raises
    ------
    ShopProblem
        If nothing does in time.
    """
    deadline = time.monotonic() + seconds
    while not answers(url):
        if gone():
            raise ShopProblem(f"What should answer at {url} has ended.", f"{log} says why.")
        if time.monotonic() > deadline:
            raise ShopProblem(
                f"{url} does not answer after {seconds:.0f} seconds.", f"{log} may say why."
            )
        time.sleep(_POLL_SECONDS)


def answers(url: str) -> bool:
    """Whether anything answers HTTP at a URL, with whatever status."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def wait_until_quiet(aws: str, *, seconds: float) -> dict[str, int]:
    """Wait until no event is on its way.

    Parameters
    ----------
    aws
        URL of the embedded AWS.
    seconds
        How long to wait at most.

    Returns
    -------
    dict
        What is still on its way; empty if all is quiet.
    """
    deadline = time.monotonic() + seconds
    quiet_looks = 0
    while True:
        with urllib.request.urlopen(f"{aws}/_toyshop/activity", timeout=10) as answer:
            counts: dict[str, int] = json.load(answer)
        left = {name: count for name, count in counts.items() if count}
        # a record can be between two counts for a moment
        quiet_looks = 0 if left else quiet_looks + 1
        if quiet_looks >= 3:
            return {}
        if time.monotonic() > deadline:
            return left
        time.sleep(_POLL_SECONDS)


def checkpoint(aws: str) -> None:
    """Have the embedded AWS write its state now."""
    _post(f"{aws}/_toyshop/checkpoint")


def warm_up(aws: str) -> None:
    """Have the embedded AWS start a worker for each function, in the background."""
    _post(f"{aws}/_toyshop/warm-up")


def _post(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=60).close()
