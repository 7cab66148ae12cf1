"""Walks through a shop as a customer would, and stops at the first thing that is not right.

The whole walk costs one order, which is paid by a test payment method, and cancelled. It is for
shops whose gateway moves no real money; of the others only what anyone may read is looked at.
"""

import http.client
import json
import secrets
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from shopctl.project.errors import ShopProblem

_SECONDS_FOR_AN_ANSWER = 30
_SECONDS_BETWEEN_LOOKS = 0.5
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
    """Someone who signs in with a password."""

    email: str
    password: str


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self) -> str:
        problem = self.json if isinstance(self.json, dict) else {}
        return f"{self.status} {problem.get('detail') or problem.get('title') or ''}".strip(" .")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    # the token of a customer is none of the file store's business
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


@dataclass
class Walk:
    """One walk through a shop.

    Attributes
    ----------
    origin
        Where its web page is.
    say
        Told of each step, in a line.
    patience
        Seconds to wait for what takes its time: a first start, a payment, a refund.
    """

    origin: str
    say: Callable[[str], None]
    patience: float = 60.0
    _token: str = field(default="", repr=False)

    def read(self) -> str:
        """Look at what anyone may read; return the id of a toy.

        Raises
        ------
        ShopProblem
            At the first thing that is not right.
        """
        with self._step("web page") as done:
            page = self._expect(200, "GET", self.origin + "/")
            _require(b"<html" in page.body.lower(), "it is no HTML page")
            done("is there")
        with self._step("health") as done:
            done(self._until("not every service is well", self._all_services_answer))
        with self._step("openapi") as done:
            document = self._api(200, "GET", "/openapi.json").json or {}
            _require(str(document.get("openapi", "")).startswith("3."), "it is no OpenAPI document")
            done(f"describes {len(document.get('paths', {}))} paths")
        with self._step("toys") as done:
            toys = self._api(200, "GET", "/toys?limit=1").json["items"]
            _require(bool(toys), "there are none; add one to the catalogue")
            toy = self._api(200, "GET", f"/toys/{toys[0]['id']}").json
            _require(bool(toy and toy.get("price")), "the first one has no price")
            done(f"shows {toy['id']}, {toy['name']}")
        return str(toy["id"])

    def order(self, toy: str, customer: Customer | None) -> None:
        """Buy a toy, wait for payment and receipt, and cancel the order.

        Parameters
        ----------
        toy
            The id of what to buy.
        customer
            Who buys; None signs someone new up, which works where nobody has to confirm.

        Raises
        ------
        ShopProblem
            At the first thing that is not right; the order is cancelled all the same.
        """
        self._sign_in(customer or self._sign_up())
        with self._step("order") as done:
            body = {
                "lines": [{"toy_id": toy, "quantity": 1}],
                "shipping_address": _ADDRESS,
                "payment_method": _PAYMENT_METHOD,
            }
            key = {"Idempotency-Key": str(uuid.uuid4())}
            placed = self._api(201, "POST", "/orders", body, key).json
            path = f"/orders/{placed['id']}"
            done(f"{placed['id']} is placed")
        try:
            self._pay(path)
        except BaseException:
            with suppress(ShopProblem):
                self._api(202, "POST", f"{path}/cancellation")
            raise
        self._cancel(path)

    def _sign_up(self) -> Customer:
        with self._step("sign-up") as done:
            name = f"smoke-{secrets.token_hex(8)}@example.com"
            new = Customer(name, f"Smoke-{secrets.token_hex(16)}!")
            body = {"email": new.email, "password": new.password, "name": "Smoke Test"}
            self._api(201, "POST", "/users", body)
            done(new.email)
        return new

    def _sign_in(self, customer: Customer) -> None:
        with self._step("sign-in") as done:
            body = {"email": customer.email, "password": customer.password}
            self._token = str(self._api(200, "POST", "/sessions", body).json["access_token"])
            done(customer.email)

    def _pay(self, path: str) -> None:
        with self._step("payment") as done:
            done(self._until("it is not paid", lambda: self._has(path, "succeeded")))
        with self._step("receipt") as done:
            self._until("there is none", lambda: self._order(path)["receipt"])
            url = self._api(303, "GET", f"{path}/receipt").headers["Location"]
            pdf = self._expect(200, "GET", url)
            _require(pdf.body.startswith(b"%PDF"), "it is no PDF")
            done(f"is a PDF of {len(pdf.body)} bytes")

    def _cancel(self, path: str) -> None:
        with self._step("cancellation") as done:
            self._api(202, "POST", f"{path}/cancellation")
            done("is accepted")
        with self._step("refund") as done:
            done(self._until("it is not refunded", lambda: self._has(path, "refunded")))

    def _all_services_answer(self) -> str:
        answer = self._call("GET", f"{self.origin}/api/health?deep=1")
        services = (answer.json or {}).get("services") or {}
        down = sorted(name for name, state in services.items() if state != "ok")
        _require(not down, f"{', '.join(down)} down")
        _require(answer.status == 200, f"it answers {answer}")
        return f"{', '.join(sorted(services))} ok"

    def _order(self, path: str) -> Any:
        return self._api(200, "GET", path).json

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
    ) -> _Answer:
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
    ) -> _Answer:
        answer = self._call(method, url, body, headers)
        # of a presigned URL the query is nobody else's business
        shown = url.partition("?")[0]
        _require(answer.status == status, f"{method} {shown} answers {answer} instead of {status}")
        return answer

    def _call(
        self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> _Answer:
        sent = {"Accept": "*/*", **(headers or {})}
        content = None if body is None else json.dumps(body).encode()
        if content:
            sent["Content-Type"] = "application/json"
        try:
            request = urllib.request.Request(url, content, sent, method=method)
            with _opener.open(request, timeout=_SECONDS_FOR_AN_ANSWER) as answer:
                return _Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return _Answer(error.code, error.headers, error.read())
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise _WrongError(f"{self.origin} does not answer: {reason}") from None

    def _until(self, otherwise: str, look: Callable[[], str]) -> str:
        """Look again and again, until something is there or patience is at an end."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                if found := look():
                    return found
                wrong = otherwise
            except _WrongError as error:
                wrong = str(error)
            if time.monotonic() > deadline:
                raise _WrongError(f"{wrong}, after {self.patience:.0f} s")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    @contextmanager
    def _step(self, name: str) -> Iterator[Callable[[str], None]]:
        started = time.monotonic()
        try:
            yield lambda what: self.say(f"ok  {name}: {what} ({time.monotonic() - started:.1f} s)")
        except _WrongError as error:
            raise ShopProblem(
                f"The smoke test stops at {name}: {error}.",
                "Look at the logs of the service: ./shop logs, or CloudWatch for a stage on AWS.",
            ) from None
        except (KeyError, TypeError, IndexError) as error:
            raise ShopProblem(
                f"The smoke test stops at {name}: the answer is not as the API says ({error!r}).",
                "Run ./shop contracts, and look at what answers there.",
            ) from None


class _WrongError(Exception):
    """What was found is not what should be there."""


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _WrongError(otherwise)
