"""Buys a toy as a customer would, and stops at the first failure.

It places one order, which is paid with a test payment method and then cancelled. That part is for
shops whose gateway moves no real money; of other shops it only reads what anyone may read.
"""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import requests

from shopctl.project.errors import ShopProblem

_REQUEST_SECONDS = 30
_POLL_SECONDS = 0.5
_LOGS = "See the logs of the service: ./shop logs, or CloudWatch for a stage on AWS."
_PAYMENT_METHOD = "pm_card_visa"
_ADDRESS = {
    "name": "Smoke Test",
    "line1": "1 Toy Street",
    "city": "Sydney",
    "postal_code": "2000",
    "country": "AU",
}


@dataclass(frozen=True)
class Customer:
    """A customer's credentials."""

    email: str
    password: str


@dataclass
class SmokeTest:
    """One run of the smoke test.

    Attributes
    ----------
    origin
        The shop's URL.
    say
        Called with a line of text for each step.
    patience
        Seconds to wait for a cold start, a payment or a refund.
    """

    origin: str
    say: Callable[[str], None]
    patience: float = 60.0
    _token: str = field(default="", repr=False)

    def read(self) -> str:
        """Read what anyone may read, and return the id of a toy.

        Raises
        ------
        ShopProblem
            At the first failure.
        """
        with self._step("web page") as done:
            page = self._expect(200, "GET", self.origin + "/")
            _require(b"<html" in page.content.lower(), "it is not an HTML page")
            done("served")
        with self._step("health") as done:
            done(self._until("not every service is healthy", self._all_services_answer))
        with self._step("openapi") as done:
            document = _json(self._api(200, "GET", "/openapi.json")) or {}
            version = str(document.get("openapi", ""))
            _require(version.startswith("3."), "it is not an OpenAPI document")
            done(f"describes {len(document.get('paths', {}))} paths")
        with self._step("toys") as done:
            toys = _json(self._api(200, "GET", "/toys?limit=1"))["items"]
            _require(bool(toys), "there are none; add one to the catalogue")
            toy = _json(self._api(200, "GET", f"/toys/{toys[0]['id']}"))
            _require(bool(toy and toy.get("price")), "the first one has no price")
            done(f"shows {toy['id']}, {toy['name']}")
        return str(toy["id"])

    def order(self, toy: str, customer: Customer | None) -> None:
        """Buy a toy, wait for payment and receipt, and cancel the order.

        Parameters
        ----------
        toy
            The toy's id.
        customer
            The customer; ``None`` signs a new one up, where no confirmation is needed.

        Raises
        ------
        ShopProblem
            At the first failure; the order is cancelled in any case.
        """
        self._sign_in(customer or self._sign_up())
        with self._step("order") as done:
            body = {
                "lines": [{"toy_id": toy, "quantity": 1}],
                "shipping_address": _ADDRESS,
                "payment_method": _PAYMENT_METHOD,
            }
            key = {"Idempotency-Key": str(uuid.uuid4())}
            placed = _json(self._api(201, "POST", "/orders", body, key))
            path = f"/orders/{placed['id']}"
            done(f"{placed['id']} placed")
        try:
            self._pay(path)
        except BaseException:
            with suppress(ShopProblem):
                self._api(202, "POST", f"{path}/cancellation")
            raise
        self._cancel(path)

    def _sign_up(self) -> Customer:
        with self._step("sign-up") as done:
            email = f"smoke-{secrets.token_hex(8)}@example.com"
            new = Customer(email, f"Smoke-{secrets.token_hex(16)}!")
            body = {"email": new.email, "password": new.password, "name": "Smoke Test"}
            self._api(201, "POST", "/users", body)
            done(new.email)
        return new

    def _sign_in(self, customer: Customer) -> None:
        with self._step("sign-in") as done:
            body = {"email": customer.email, "password": customer.password}
            self._token = str(_json(self._api(200, "POST", "/sessions", body))["access_token"])
            done(customer.email)

    def _pay(self, path: str) -> None:
        with self._step("payment") as done:
            done(self._until("the order is not paid", lambda: self._has(path, "succeeded")))
        with self._step("receipt") as done:
            self._until("there is none", lambda: self._order(path)["receipt"])
            url = self._api(303, "GET", f"{path}/receipt").headers["Location"]
            pdf = self._expect(200, "GET", url)
            _require(pdf.content.startswith(b"%PDF"), "it is not a PDF")
            done(f"a PDF of {len(pdf.content)} bytes")

    def _cancel(self, path: str) -> None:
        with self._step("cancellation") as done:
            self._api(202, "POST", f"{path}/cancellation")
            done("accepted")
        with self._step("refund") as done:
            done(self._until("the order is not refunded", lambda: self._has(path, "refunded")))

    def _all_services_answer(self) -> str:
        answer = self._call("GET", f"{self.origin}/api/health?deep=1")
        services = (_json(answer) or {}).get("services") or {}
        down = sorted(name for name, state in services.items() if state != "ok")
        _require(not down, f"{', '.join(down)} down")
        _require(answer.status_code == 200, f"it answers {_summary(answer)}")
        return f"{', '.join(sorted(services))} ok"

    def _order(self, path: str) -> Any:
        return _json(self._api(200, "GET", path))

    def _has(self, path: str, status: str) -> str:
        payment = self._order(path)["payment"]["status"]
        _require(
            payment in (status, "pending", "succeeded", "unknown"), f"the payment is {payment}"
        )
        return status if payment == status else ""

    def _api(
        self,
        status: int,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        sent = dict(headers or {})
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        return self._expect(status, method, f"{self.origin}/api{path}", body, sent)

    def _expect(
        self,
        status: int,
        method: str,
        url: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        answer = self._call(method, url, body, headers)
        if answer.status_code == 401 and url.endswith("/api/sessions"):
            raise _StepError(
                f"the shop answers {_summary(answer)}",
                "Check SHOP_SMOKE_EMAIL and SHOP_SMOKE_PASSWORD.",
            )
        # the query of a presigned URL is a secret
        shown = url.partition("?")[0]
        _require(
            answer.status_code == status,
            f"{method} {shown} answers {_summary(answer)} instead of {status}",
        )
        return answer

    def _call(
        self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        try:
            # a redirect is not followed, since the customer's token must not reach the storage
            return requests.request(
                method,
                url,
                json=body,
                headers=headers,
                allow_redirects=False,
                timeout=_REQUEST_SECONDS,
            )
        except requests.RequestException as error:
            raise _StepError(
                f"{self.origin} does not answer: {_reason(error)}",
                "Check the URL, the connection and DNS (docs/deploying.md, step 9).",
            ) from None

    def _until(self, otherwise: str, check: Callable[[], str]) -> str:
        """Repeat a check until it returns something or the patience is used up."""
        deadline = time.monotonic() + self.patience
        while True:
            remedy = _LOGS
            try:
                if found := check():
                    return found
                failure = otherwise
            except _StepError as error:
                failure, remedy = str(error), error.remedy
            if time.monotonic() > deadline:
                raise _StepError(f"{failure}, after {self.patience:.0f} s", remedy)
            time.sleep(_POLL_SECONDS)

    @contextmanager
    def _step(self, name: str) -> Iterator[Callable[[str], None]]:
        started = time.monotonic()
        try:
            yield lambda what: self.say(f"ok  {name}: {what} ({time.monotonic() - started:.1f} s)")
        except _StepError as error:
            raise ShopProblem(f"The smoke test failed at {name}: {error}.", error.remedy) from None
        except (KeyError, TypeError, IndexError) as error:
            raise ShopProblem(
                f"The smoke test failed at {name}: the answer does not match the API ({error!r}).",
                "Run ./shop contracts, and check which release answers there.",
            ) from None


class _StepError(Exception):
    """A step did not give the expected result.

    Parameters
    ----------
    what
        What happened, without a full stop.
    remedy
        What to do about it.
    """

    def __init__(self, what: str, remedy: str = _LOGS) -> None:
        super().__init__(what)
        self.remedy = remedy


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _StepError(otherwise)


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _summary(answer: requests.Response) -> str:
    content = _json(answer)
    problem = content if isinstance(content, dict) else {}
    detail = problem.get("detail") or problem.get("title") or ""
    return f"{answer.status_code} {detail}".strip(" .")


def _reason(error: requests.RequestException) -> str:
    """Return the innermost cause, without the request's path and query."""
    cause: BaseException = error
    while inner := (cause.__cause__ or cause.__context__ or getattr(cause, "reason", None)):
        if not isinstance(inner, BaseException):
            break
        cause = inner
    return str(getattr(cause, "strerror", None) or type(cause).__name__)
