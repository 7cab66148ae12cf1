"""The shop with one of its mechanisms switched off: what the suites are there to find."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from msgspec.structs import replace

from chalicelib.notifications import domain as messages
from chalicelib.notifications.domain import Attempt
from chalicelib.orders import service as orders
from chalicelib.orders.store import OrderRecord
from chalicelib.payments import domain
from chalicelib.payments.charging import Charging
from chalicelib.payments.domain import Intent, Payment
from chalicelib.payments.gateway import StripeGateway
from chalicelib.payments.store import TransactionRecord, TransactionStore
from chalicelib.payments.webhooks import Webhooks
from chassis.consumer import Consumer
from chassis.records import Record
from chassis.relay import Relay

Patches = tuple[tuple[Any, str, Any], ...]


def email_dedupe_off() -> Patches:
    """Send an e-mail again that was sent."""
    following = messages.next_attempt

    def next_attempt(before: Attempt, request: Any, lease: Any, now: Any) -> Attempt | None:
        message = replace(before.message, status="sending")
        return following(Attempt(message, "", now, now), request, lease, now)

    return ((messages, "next_attempt", next_attempt),)


def email_lease_off() -> Patches:
    """Send an e-mail that another attempt may be sending right now."""
    following = messages.next_attempt

    def next_attempt(before: Attempt, request: Any, lease: Any, now: Any) -> Attempt | None:
        free = Attempt(before.message, before.fingerprint, now, now)
        return following(free, request, lease, now)

    return ((messages, "next_attempt", next_attempt),)


def publish_result_ignored() -> Patches:
    """Take every event of a batch for published."""
    publish = Relay._publish

    def ignoring(self: Relay, batch: Any) -> list[str]:
        publish(self, batch)
        return []

    return ((Relay, "_publish", ignoring),)


def charge_before_the_intent_is_recorded() -> Patches:
    """Confirm first, and record what came of it."""

    def open_(self: Charging, order: Any) -> Payment:
        intent = self._gateway.create(order)
        intent = self._gateway.confirm(intent.id, order.id, order.payment_method)
        payment = domain.opened(order, intent.id, self._now())
        if not self._store.add(payment):
            payment = self._existing(order.id)
        return self.record(payment, intent)

    return ((Charging, "_open", open_),)


def tombstone_forgotten() -> Patches:
    """Leave no record of a cancellation that comes before the charge."""
    add = TransactionStore.add

    def forgetful(self: TransactionStore, payment: Payment) -> bool:
        return payment.status == "cancelled" or add(self, payment)

    return ((TransactionStore, "add", forgetful),)


def _unconditional(model: type[Record]) -> Patches:
    def put(self: Record, condition: Any) -> bool:
        self.save()
        return True

    return ((model, "put", put),)


def transactions_written_without_condition() -> Patches:
    """Overwrite whatever another writer has written of a transaction."""
    return _unconditional(TransactionRecord)


def orders_written_without_condition() -> Patches:
    """Overwrite whatever another writer has written of an order."""
    return _unconditional(OrderRecord)


def confirm_without_looking_first() -> Patches:
    """Confirm an intent without asking what has become of it."""

    def retrieve(self: StripeGateway, intent_id: str) -> Intent:
        return Intent(id=intent_id, status="unconfirmed")

    return ((StripeGateway, "retrieve", retrieve),)


def intent_left_standing() -> Patches:
    """Call a payment off without telling the gateway."""

    def cancel(self: StripeGateway, intent_id: str) -> Intent:
        return Intent(id=intent_id, status="cancelled")

    return ((StripeGateway, "cancel", cancel),)


def order_id_not_derived() -> Patches:
    """Give each request a new order, whatever its key."""
    return ((orders, "_order_id", lambda *_: f"ord_{secrets.token_hex(13).upper()}"),)


def transaction_id_not_derived() -> Patches:
    """Give each delivery a transaction of its own."""
    return ((domain, "transaction_id", lambda _: f"txn_{secrets.token_hex(13).upper()}"),)


def every_transition_allowed() -> Patches:
    """Believe late and stale words of the gateway."""
    return ((domain, "ALLOWED", dict.fromkeys(domain.ALLOWED, frozenset(domain.ALLOWED))),)


def failures_acknowledged() -> Patches:
    """Take a message for handled whose handler has failed."""
    handle = Consumer._handle

    def swallowing(
        self: Consumer, message: str, lambda_context: Any = None, *, replay: bool = False
    ) -> str | None:
        try:
            return handle(self, message, lambda_context, replay=replay)
        except Exception:
            event_id: str = json.loads(message)["id"]
            return event_id

    return ((Consumer, "_handle", swallowing),)


def webhooks_not_recorded() -> Patches:
    """Answer the gateway, and do nothing."""
    return ((Webhooks, "receive", lambda *_: None),)


BUILDS: tuple[Callable[[], Patches], ...] = (
    email_dedupe_off,
    email_lease_off,
    publish_result_ignored,
    charge_before_the_intent_is_recorded,
    tombstone_forgotten,
    transactions_written_without_condition,
    orders_written_without_condition,
    confirm_without_looking_first,
    intent_left_standing,
    order_id_not_derived,
    transaction_id_not_derived,
    every_transition_allowed,
    failures_acknowledged,
    webhooks_not_recorded,
)


@contextmanager
def broken(build: Callable[[], Patches]) -> Iterator[None]:
    """Run the shop with one mechanism switched off."""
    patches = [mock.patch.object(*patch) for patch in build()]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
