"""A client of the control API that needs nothing but the standard library."""

import json
import urllib.error
import urllib.request
from typing import Any, Literal
from urllib.parse import quote

from gateway_simulator.errors import Json
from gateway_simulator.faults import Kind


class ControlError(Exception):
    """The simulator refused a control request, or could not be reached."""


class ControlClient:
    """Control of one running simulator.

    Parameters
    ----------
    url
        Its origin, such as `http://127.0.0.1:12111`.
    timeout
        Seconds to wait for an answer.
    """

    def __init__(self, url: str = "http://127.0.0.1:12111", timeout: float = 5.0) -> None:
        if not url.startswith("http://"):
            raise ValueError(f"the simulator speaks plain http: {url}")
        self._base = f"{url.rstrip('/')}/_simulator"
        self._timeout = timeout
        # Loopback is never behind a proxy, whatever the environment says.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def health(self) -> Json:
        """Return the simulator's status and the time on its clock."""
        health: Json = self._call("GET", "/health")
        return health

    def ledger(self) -> list[Json]:
        """Return every attempt to take or give back money, oldest first."""
        entries: list[Json] = self._call("GET", "/ledger")
        return entries

    def advance_clock(self, seconds: float) -> None:
        """Move the simulator's clock forward."""
        self._call("POST", "/clock", {"advance_seconds": seconds})

    def add_fault(
        self,
        kind: Kind,
        *,
        method: str = "*",
        path: str = "*",
        seconds: float | None = None,
        times: int = 1,
    ) -> None:
        """Make the next requests that match fail.

        Parameters
        ----------
        kind
            What goes wrong.
        method, path
            Which requests; the path is a glob such as `/v1/payment_intents/*/confirm`.
        seconds
            How long the answer is held; for `slow` and `timeout_after`.
        times
            How many requests it is for.
        """
        body: Json = {"match": {"method": method, "path": path}, "kind": kind, "times": times}
        if seconds is not None:
            body["seconds"] = seconds
        self._call("POST", "/faults", body)

    def faults(self) -> list[Json]:
        """Return the faults that are set and not used up."""
        faults: list[Json] = self._call("GET", "/faults")
        return faults

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._call("DELETE", "/faults")

    def authenticate(
        self, payment_intent: str, outcome: Literal["succeeded", "failed"] = "succeeded"
    ) -> Json:
        """Complete a payment as the shopper's bank would, and return the intent."""
        path = f"/payment_intents/{quote(payment_intent, safe='')}/authenticate"
        intent: Json = self._call("POST", path, {"outcome": outcome})
        return intent

    def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        request = urllib.request.Request(
            self._base + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ControlError(_message(error)) from error
        except OSError as error:
            raise ControlError(f"no simulator answers at {self._base}: {error}") from error
        return json.loads(text) if text else None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the simulator answered {error.code}"
