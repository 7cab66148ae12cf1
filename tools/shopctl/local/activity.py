"""Asks the local processes whether they answer, and the embedded AWS what is still pending."""

import time
from collections.abc import Callable

import requests

from shopctl.project.errors import ShopProblem
from shopctl.project.running_shop import Process

_POLL_SECONDS = 0.05
_HUNG_SECONDS = 10
# a large state on a busy machine
_SAVE_SECONDS = 300


def wait_until_answers(
    url: str, log: str, *, gone: Callable[[], bool], seconds: float = 120.0
) -> None:
    """Wait until a URL answers HTTP requests.

    Parameters
    ----------
    url
        The URL to ask.
    log
        The log file that explains why nothing answers.
    gone
        Returns whether the process that should answer has ended.
    seconds
        The longest time to wait.

    Raises
    ------
    ShopProblem
        If nothing answers in time.
    """
    deadline = time.monotonic() + seconds
    while not answers(url):
        if gone():
            raise ShopProblem(f"The process that should answer at {url} has ended.", f"See {log}.")
        if time.monotonic() > deadline:
            raise ShopProblem(f"{url} has not answered for {seconds:.0f} seconds.", f"See {log}.")
        time.sleep(_POLL_SECONDS)


def answers(url: str, *, seconds: float = 2) -> bool:
    """Return whether a URL answers HTTP requests in time, with whatever status."""
    try:
        requests.get(url, timeout=seconds)
    except requests.RequestException:
        return False
    return True


def hangs(process: Process) -> bool:
    """Return whether a process runs, but has not answered for ten seconds."""
    deadline = time.monotonic() + _HUNG_SECONDS
    while process.is_alive():
        if answers(process.url, seconds=max(deadline - time.monotonic(), _POLL_SECONDS)):
            return False
        if time.monotonic() > deadline:
            return True
        time.sleep(_POLL_SECONDS)
    return False


def wait_until_idle(aws: str, *, seconds: float) -> dict[str, int]:
    """Wait until no event is pending.

    Parameters
    ----------
    aws
        The embedded AWS's URL.
    seconds
        The longest time to wait.

    Returns
    -------
    dict
        Counts of what is still pending, by kind; empty if nothing is.

    Raises
    ------
    ShopProblem
        If the embedded AWS does not answer, or answers with an error.
    """
    deadline = time.monotonic() + seconds
    idle_polls = 0
    while True:
        counts: dict[str, int] = _request("GET", f"{aws}/_toyshop/activity", _HUNG_SECONDS).json()
        pending = {name: count for name, count in counts.items() if count}
        # a record that moves from one place to the next is briefly in neither count
        idle_polls = 0 if pending else idle_polls + 1
        if idle_polls >= 3:
            return {}
        if time.monotonic() > deadline:
            return pending
        time.sleep(_POLL_SECONDS)


def checkpoint(aws: str) -> None:
    """Make the embedded AWS write its state now.

    Raises
    ------
    ShopProblem
        If it does not answer, or answers with an error.
    """
    _request("POST", f"{aws}/_toyshop/checkpoint", _SAVE_SECONDS)


def warm_up(aws: str) -> None:
    """Make the embedded AWS start a worker for each function, in the background.

    Raises
    ------
    ShopProblem
        If it does not answer, or answers with an error.
    """
    _request("POST", f"{aws}/_toyshop/warm-up", _SAVE_SECONDS)


def _request(method: str, url: str, seconds: float) -> requests.Response:
    restart = "Restart the shop with ./shop down and ./shop up."
    try:
        answer = requests.request(method, url, timeout=seconds)
    except requests.RequestException as error:
        raise ShopProblem(f"aws does not answer: {type(error).__name__}.", restart) from error
    if not answer.ok:
        raise ShopProblem(f"aws answered {url} with the status {answer.status_code}.", restart)
    return answer
