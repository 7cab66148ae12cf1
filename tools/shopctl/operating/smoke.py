"""Buys a toy as a customer would, and stops at the first failure.

It places one order, which is paid with a test payment method and then cancelled. That part is for
shops whose gateway moves no real money; of other shops it only reads what anyone may read.
"""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import httpx

from shopctl.project.errors import ShopProblem
from toyshop_client import (
    ConnectionFailed,
    DraftLine,
    NewAddress,
    ProblemError,
    Retries,
    ServerFailed,
    ToyShop,
    ToyShopError,
    Unauthorized,
    UnexpectedAnswer,
)

T = TypeVar("T")

_REQUEST_SECONDS = 30
_POLL_SECONDS = 0.5
_LOGS = "See the logs of the service: ./shop logs, or CloudWatch for a stage on AWS."
_PAYMENT_METHOD = "pm_card_visa"
_ADDRESS = NewAddress(
    name="Smoke Test", line1="1 Toy Street", city="Sydney", postal_code="2000", country="AU"
)


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

    def __post_init__(self) -> None:
        # no retries, so that the test finds transient failures
        self._shop = ToyShop(self.origin, retries=Retries(attempts=1), timeout=_REQUEST_SECONDS)

    def read(self) -> str:
        """Read what anyone may read, and return the id of a toy.

        Raises
        ------
        ShopProblem
            At the first failure.
        """
        with self._step("web page") as done:
            page = self._page()
            _require(page.status_code == 200, f"{self.origin}/ answers {page.status_code}")
            _require(b"<html" in page.content.lower(), "it is not an HTML page")
            done("served")
        with self._step("health") as done:
            done(self._until("not every service is healthy", self._all_services_answer))
        with self._step("openapi") as done:
            document = self._shop.openapi()
            version = str(document.get("openapi", ""))
            _require(version.startswith("3."), "it is not an OpenAPI document")
            done(f"describes {len(document.get('paths', {}))} paths")
        with self._step("toys") as done:
            first = next(iter(self._shop.toys.list(page_size=1)), None)
            if first is None:
                raise _StepError("there are none; add one to the catalogue")
            toy = self._shop.toys.get(first.id)
            done(f"shows {toy.id}, {toy.name}")
        return toy.id

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
            At the first failure; the order is cancelled in any case, even if the response with its
            id was lost.
        """
        customer = customer or self._sign_up()
        self._sign_in(customer)
        with self._step("order") as done:
            order_id = self._place(toy, customer)
            done(f"{order_id} placed")
        try:
            self._pay(order_id)
        except BaseException:
            with suppress(ToyShopError):
                self._shop.orders.cancel(order_id)
            raise
        self._cancel(order_id)

    def _sign_up(self) -> Customer:
        with self._step("sign-up") as done:
            email = f"smoke-{secrets.token_hex(8)}@example.com"
            new = Customer(email, f"Smoke-{secrets.token_hex(16)}!")
            self._shop.users.sign_up(email=email, password=new.password, name="Smoke Test")
            done(email)
        return new

    def _sign_in(self, customer: Customer) -> None:
        with self._step("sign-in") as done:
            try:
                self._shop.sign_in(customer.email, customer.password)
            except Unauthorized as error:
                raise _StepError(
                    f"the shop answers {_sentence(error)}",
                    "Check SHOP_SMOKE_EMAIL and SHOP_SMOKE_PASSWORD.",
                ) from None
            done(customer.email)

    def _place(self, toy: str, customer: Customer) -> str:
        idempotency_key = str(uuid.uuid4())

        def place() -> str:
            return self._shop.orders.place(
                lines=[DraftLine(toy_id=toy, quantity=1)],
                shipping_address=_ADDRESS,
                payment_method=_PAYMENT_METHOD,
                idempotency_key=idempotency_key,
            ).id

        try:
            return place()
        except BaseException as error:
            if isinstance(error, ProblemError) and not isinstance(error, ServerFailed):
                # refused, so nothing was placed
                raise
            what, remedy = self._cancel_placed(place, customer)
            if isinstance(error, ToyShopError):
                failed = _step_error(error)
                raise _StepError(f"{failed}. {what}", f"{failed.remedy}{remedy}") from None
            self.say(f"{what}.{remedy}")
            raise

    def _cancel_placed(self, place: Callable[[], str], customer: Customer) -> tuple[str, str]:
        """Cancel the order that may have been placed; return what happened, and a remedy."""
        remedy = f" As staff, cancel the order of {customer.email}, if there is one."
        try:
            order_id = place()
        except ToyShopError as error:
            return f"Repeating the request failed, too: {_step_error(error)}", remedy
        what = f"Repeating the request returned order {order_id}, which"
        try:
            self._shop.orders.cancel(order_id)
        except ToyShopError as error:
            return f"{what} could not be cancelled: {_step_error(error)}", remedy
        return f"{what} was cancelled", ""

    def _pay(self, order_id: str) -> None:
        with self._step("payment") as done:
            done(self._until("the order is not paid", lambda: self._has(order_id, "succeeded")))
        with self._step("receipt") as done:
            self._until("there is none", lambda: self._shop.orders.get(order_id).receipt)
            pdf = self._shop.orders.receipt(order_id)
            _require(pdf.startswith(b"%PDF"), "it is not a PDF")
            done(f"a PDF of {len(pdf)} bytes")

    def _cancel(self, order_id: str) -> None:
        with self._step("cancellation") as done:
            self._shop.orders.cancel(order_id)
            done("accepted")
        with self._step("refund") as done:
            done(self._until("the order is not refunded", lambda: self._has(order_id, "refunded")))

    def _page(self) -> httpx.Response:
        try:
            return httpx.get(f"{self.origin}/", timeout=_REQUEST_SECONDS)
        except httpx.RequestError as error:
            reason = str(error) or type(error).__name__
            raise ConnectionFailed(f"{self.origin} does not answer: {reason}.") from None

    def _all_services_answer(self) -> str:
        services = self._shop.health(deep=True).services or {}
        down = sorted(name for name, state in services.items() if state != "ok")
        _require(not down, f"{', '.join(down)} down")
        return f"{', '.join(sorted(services))} ok"

    def _has(self, order_id: str, status: str) -> str:
        payment = self._shop.orders.get(order_id).payment.status
        _require(
            payment in (status, "pending", "succeeded", "unknown"), f"the payment is {payment}"
        )
        return status if payment == status else ""

    def _until(self, otherwise: str, check: Callable[[], T]) -> T:
        """Repeat a check until it returns something or the patience is used up."""
        deadline = time.monotonic() + self.patience
        while True:
            remedy = _LOGS
            try:
                if found := check():
                    return found
                failure = otherwise
            except (_StepError, ToyShopError) as error:
                failed = _step_error(error)
                failure, remedy = str(failed), failed.remedy
            if time.monotonic() > deadline:
                raise _StepError(f"{failure}, after {self.patience:.0f} s", remedy)
            time.sleep(_POLL_SECONDS)

    @contextmanager
    def _step(self, name: str) -> Iterator[Callable[[str], None]]:
        started = time.monotonic()
        try:
            yield lambda what: self.say(f"ok  {name}: {what} ({time.monotonic() - started:.1f} s)")
        except (_StepError, ToyShopError) as error:
            failed = _step_error(error)
            raise ShopProblem(
                f"The smoke test failed at {name}: {failed}.", failed.remedy
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


def _step_error(error: _StepError | ToyShopError) -> _StepError:
    match error:
        case _StepError():
            return error
        case ConnectionFailed():
            return _StepError(
                _sentence(error),
                "Check the URL, the connection and DNS (docs/deploying.md, step 9).",
            )
        case UnexpectedAnswer():
            return _StepError(
                _sentence(error), "Run ./shop contracts, and check which release answers there."
            )
        case ProblemError():
            return _StepError(f"the shop answers {_sentence(error)}")
        case _:
            return _StepError(_sentence(error))


def _sentence(error: ToyShopError) -> str:
    """Return an error's text as the end of a sentence, without its full stop."""
    text = str(error).rstrip(".")
    return text.replace("The ", "the ", 1) if text.startswith("The ") else text


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _StepError(otherwise)
