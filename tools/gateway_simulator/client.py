"""A client of the simulator's control API, for tests."""

from typing import Any, Literal
from urllib.parse import quote

import requests

from gateway_simulator.errors import Json
from gateway_simulator.faults import Kind


class ControlError(Exception):
    """A control request was rejected, or the simulator could not be reached."""


class ControlClient:
    """Client of the control API of one running simulator.

    All methods raise `ControlError` if the simulator rejects the request or cannot be reached.

    Parameters
    ----------
    url
        Base URL of the simulator, such as `http://127.0.0.1:12111`.
    timeout
        Seconds to wait for a response.

    Raises
    ------
    ValueError
        If the URL does not begin with `http://`.
    """

    def __init__(self, url: str = "http://127.0.0.1:12111", timeout: float = 5.0) -> None:
        if not url.startswith("http://"):
            raise ValueError(f"the URL of the simulator must begin with http://, not {url}")
        self._base = f"{url.rstrip('/')}/_simulator"
        self._timeout = timeout

    def health(self) -> Json:
        """Return the simulator's status and the time of its clock."""
        health: Json = self._call("GET", "/health")
        return health

    def ledger(self) -> list[Json]:
        """Return every attempted charge and refund, oldest first."""
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
        """Inject a fault into the next requests that match.

        Parameters
        ----------
        kind
            Kind of fault.
        method
            HTTP method of the requests; `*` matches all.
        path
            Pattern of the requests' paths, such as `/v1/payment_intents/*/confirm`.
        seconds
            Delay, for `slow` and `timeout_after`.
        times
            Number of requests that the fault is injected into.
        """
        body: Json = {"match": {"method": method, "path": path}, "kind": kind, "times": times}
        if seconds is not None:
            body["seconds"] = seconds
        self._call("POST", "/faults", body)

    def faults(self) -> list[Json]:
        """Return the faults that have not been used up."""
        faults: list[Json] = self._call("GET", "/faults")
        return faults

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._call("DELETE", "/faults")

    def authenticate(
        self, payment_intent: str, outcome: Literal["succeeded", "failed"] = "succeeded"
    ) -> Json:
        """Complete the authentication of a payment and return the intent."""
        path = f"/payment_intents/{quote(payment_intent, safe='')}/authenticate"
        intent: Json = self._call("POST", path, {"outcome": outcome})
        return intent

    def refund(self, payment_intent: str, amount: int | None = None) -> Json:
        """Refund a payment in the gateway's dashboard, and return the refund.

        Parameters
        ----------
        payment_intent
            Id of the payment intent.
        amount
            Amount in minor units; by default, all that has not been refunded yet.
        """
        return self._dashboard("refunds", payment_intent=payment_intent, amount=amount)

    def fail_refund(self, refund: str) -> Json:
        """Let a refund fail as if the shopper's bank had returned it, and return it."""
        return self._dashboard(f"refunds/{quote(refund, safe='')}/fail")

    def cancel(self, payment_intent: str) -> Json:
        """Cancel a payment in the gateway's dashboard, and return the intent."""
        return self._dashboard(f"payment_intents/{quote(payment_intent, safe='')}/cancel")

    def open_dispute(
        self,
        payment_intent: str,
        amount: int | None = None,
        kind: Literal["chargeback", "inquiry"] = "chargeback",
    ) -> Json:
        """Let the shopper's bank dispute a payment, and return the dispute.

        Parameters
        ----------
        payment_intent
            Id of the payment intent.
        amount
            Disputed amount in minor units; by default, the charged amount.
        kind
            ``inquiry`` for a question of the bank, which withdraws no money.
        """
        return self._dashboard("disputes", payment_intent=payment_intent, amount=amount, kind=kind)

    def close_dispute(self, dispute: str, outcome: Literal["won", "lost"]) -> Json:
        """Let the shopper's bank decide a dispute, from the shop's view, and return it."""
        return self._dashboard(f"disputes/{quote(dispute, safe='')}/close", outcome=outcome)

    def _dashboard(self, path: str, **fields: str | int | None) -> Json:
        body = {name: value for name, value in fields.items() if value is not None}
        answer: Json = self._call("POST", f"/dashboard/{path}", body)
        return answer

    def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        url = self._base + path
        try:
            with requests.Session() as session:
                # The simulator is on this machine: ignore the proxy settings of the environment.
                session.trust_env = False
                response = session.request(method, url, json=body, timeout=self._timeout)
        except requests.RequestException as error:
            raise ControlError(f"no simulator answers at {self._base}: {error}") from error
        if not response.ok:
            raise ControlError(_message(response))
        return response.json() if response.content else None


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the simulator answered with status {response.status_code}"
