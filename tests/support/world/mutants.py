"""Mutants: the shop with one mechanism disabled. Each suite must detect them."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from msgspec.structs import replace

from chalicelib.notifications import domain as messages
from chalicelib.notifications.domain import Attempt
from chalicelib.notifications.store import MessageRecord
from chalicelib.orders import domain as order_rules
from chalicelib.orders import service as orders
from chalicelib.orders.service import OrderService
from chalicelib.orders.store import OrderRecord, OrderStore
from chalicelib.payments import domain, fulfillment, gateway
from chalicelib.payments.charging import Charging
from chalicelib.payments.domain import Intent, Payment
from chalicelib.payments.gateway import StripeGateway
from chalicelib.payments.store import TransactionRecord, TransactionStore
from chalicelib.payments.webhooks import Webhooks
from chassis.consumer import Consumer
from chassis.records import Record
from chassis.relay import Relay
from contracts.orders import Order

Patches = tuple[tuple[Any, str, Any], ...]
"""Each patch is an object, the name of its attribute, and the value that replaces it."""

Mutant = Callable[[], Patches]


def email_deduplication_disabled() -> Patches:
    """Send an email again that was already sent."""
    original = messages.next_attempt

    def next_attempt(before: Attempt, request: Any, lease: Any, now: Any) -> Attempt | None:
        message = replace(before.message, status="sending")
        return original(Attempt(message, "", now, now), request, lease, now)

    return ((messages, "next_attempt", next_attempt),)


def email_lease_disabled() -> Patches:
    """Send an email that another attempt may be sending at the same time."""
    original = messages.next_attempt

    def next_attempt(before: Attempt, request: Any, lease: Any, now: Any) -> Attempt | None:
        free = Attempt(before.message, before.fingerprint, now, now)
        return original(free, request, lease, now)

    return ((messages, "next_attempt", next_attempt),)


def earlier_emails_ignored() -> Patches:
    """Send the email of each outcome when its event arrives."""
    return ((fulfillment, "version_of", lambda _event: 0),)


def publish_failures_ignored() -> Patches:
    """Regard every event of a batch as published."""
    publish = Relay._publish

    def publish_ignoring_failures(self: Relay, batch: Any) -> list[str]:
        publish(self, batch)
        return []

    return ((Relay, "_publish", publish_ignoring_failures),)


def confirmed_before_intent_recorded() -> Patches:
    """Confirm an intent first, and record it afterwards."""

    def open_(self: Charging, order: Any) -> Payment:
        intent = self._gateway.create(order)
        intent = self._gateway.confirm(intent.id, order.id, order.payment_method, 1)
        payment = domain.opened(order, intent.id, self._now())
        if not self._store.add(payment):
            payment = self._existing(order.id)
        return self.record(payment, intent)

    return ((Charging, "_open", open_),)


def early_cancellation_not_recorded() -> Patches:
    """Record nothing for a cancellation that arrives before the charge."""
    add = TransactionStore.add

    def add_unless_cancelled(self: TransactionStore, payment: Payment) -> bool:
        return payment.status == "cancelled" or add(self, payment)

    return ((TransactionStore, "add", add_unless_cancelled),)


def _unconditional(model: type[Record]) -> Patches:
    def put(self: Record, condition: Any) -> bool:
        self.save()
        return True

    return ((model, "put", put),)


def transactions_written_unconditionally() -> Patches:
    """Overwrite a transaction that another writer has changed."""
    return _unconditional(TransactionRecord)


def orders_written_unconditionally() -> Patches:
    """Overwrite an order that another writer has changed."""
    return _unconditional(OrderRecord)


def _read_inconsistently(model: type[Record]) -> Patches:
    get = model.get.__func__  # type: ignore[attr-defined]

    def inconsistent_get(kind: type[Record], key: str, **_: Any) -> Record:
        record: Record = get(kind, key)
        return record

    return ((model, "get", classmethod(inconsistent_get)),)


def transactions_read_inconsistently() -> Patches:
    """Decide about a payment by a transaction that may be outdated."""
    return _read_inconsistently(TransactionRecord)


def orders_read_inconsistently() -> Patches:
    """Decide about an order by a record that may be outdated."""
    return _read_inconsistently(OrderRecord)


def messages_read_inconsistently() -> Patches:
    """Decide about an email by a record that may be outdated."""
    return _read_inconsistently(MessageRecord)


def intent_status_not_retrieved() -> Patches:
    """Confirm an intent without asking the gateway for its status."""

    def retrieve(self: StripeGateway, intent_id: str) -> Intent:
        return Intent(id=intent_id, status="unconfirmed")

    return ((StripeGateway, "retrieve", retrieve),)


def intent_not_cancelled_at_gateway() -> Patches:
    """Cancel a payment only in our own records."""

    def cancel(self: StripeGateway, intent_id: str) -> Intent:
        return Intent(id=intent_id, status="cancelled")

    return ((StripeGateway, "cancel", cancel),)


def order_id_random() -> Patches:
    """Create a new order for every request, whatever its idempotency key."""
    return ((orders, "_order_id", lambda *_: f"ord_{secrets.token_hex(13).upper()}"),)


def transaction_id_random() -> Patches:
    """Create a new transaction for every delivery of an order."""
    return ((domain, "transaction_id", lambda _: f"txn_{secrets.token_hex(13).upper()}"),)


def every_transition_allowed() -> Patches:
    """Accept late and stale statuses from the gateway."""
    return ((domain, "ALLOWED", dict.fromkeys(domain.ALLOWED, frozenset(domain.ALLOWED))),)


def handler_failures_acknowledged() -> Patches:
    """Acknowledge a message although its handler has failed."""
    handle = Consumer._handle

    def handle_ignoring_errors(
        self: Consumer, message: str, *delivered: Any, replay: bool = False
    ) -> str | None:
        try:
            return handle(self, message, *delivered, replay=replay)
        except Exception:
            event_id: str = json.loads(message)["id"]
            return event_id

    return ((Consumer, "_handle", handle_ignoring_errors),)


def webhooks_ignored() -> Patches:
    """Acknowledge the gateway's webhooks without recording anything."""
    return ((Webhooks, "receive", lambda *_: None),)


def attempts_not_told_apart() -> Patches:
    """Record what the gateway says about an earlier attempt as the result of the current one."""
    apply_intent = domain.apply_intent

    def apply(payment: Payment, intent: Intent, now: Any) -> Payment:
        return apply_intent(payment, replace(intent, attempt=payment.attempt), now)

    return ((domain, "apply_intent", apply),)


def retry_key_ignored() -> Patches:
    """Begin another attempt for every request to pay again, whatever its idempotency key."""
    return ((Payment, "is_repeated", lambda *_: False),)


def retry_not_labelled() -> Patches:
    """Confirm an intent again without labelling it with its attempt."""
    return ((gateway, "_may_begin", lambda *_: False),)


def lost_refund_not_recorded() -> Patches:
    """Do not record a refund again if another writer changed the payment meanwhile.

    The gateway's webhooks about it, which would record it too, are ignored.
    """

    def refund(self: Charging, payment: Payment) -> None:
        assert payment.intent_id
        self._gateway.refund(payment.intent_id, payment.order_id)
        self._store.replace(payment.moved_to("refunded", self._now()))

    return (
        (Charging, "_refund", refund),
        (Webhooks, "_record_reversal", lambda *_: "unchanged"),
    )


def lost_opening_overwritten() -> Patches:
    """Charge an order with the new intent although its payment was cancelled meanwhile."""

    def open_(self: Charging, order: Any) -> Payment:
        payment = domain.opened(order, self._gateway.create(order).id, self._now())
        self._store.add(payment)
        return payment

    return ((Charging, "_open", open_),)


def lost_cancellation_accepted() -> Patches:
    """Accept a cancellation that was not stored, because another writer changed the order."""

    def cancel(self: OrderService, order_id: str) -> Order:
        stored = self._stored(order_id)
        cancelled = order_rules.cancel(stored.order, self._now())
        if cancelled is not stored.order:
            self._store.replace(cancelled, stored.fingerprint)
        return cancelled

    return ((OrderService, "cancel", cancel),)


def lost_address_change_accepted() -> Patches:
    """Accept a change of the address that was not stored, because another writer was faster."""
    replace_order = OrderStore.replace

    def replace_or_ignore(self: OrderStore, order: Order, fingerprint: str) -> bool:
        return replace_order(self, order, fingerprint) or order.status == "placed"

    return ((OrderStore, "replace", replace_or_ignore),)


LOST_RACES: tuple[Mutant, ...] = (
    lost_refund_not_recorded,
    lost_opening_overwritten,
    lost_cancellation_accepted,
    lost_address_change_accepted,
)
"""Mutants that are wrong only if another writer acts between a read and a write."""

MUTANTS: tuple[Mutant, ...] = (
    email_deduplication_disabled,
    email_lease_disabled,
    earlier_emails_ignored,
    publish_failures_ignored,
    confirmed_before_intent_recorded,
    early_cancellation_not_recorded,
    transactions_written_unconditionally,
    orders_written_unconditionally,
    intent_status_not_retrieved,
    intent_not_cancelled_at_gateway,
    order_id_random,
    transaction_id_random,
    every_transition_allowed,
    handler_failures_acknowledged,
    webhooks_ignored,
    attempts_not_told_apart,
    retry_key_ignored,
    retry_not_labelled,
)


@contextmanager
def mutated(mutant: Mutant) -> Iterator[None]:
    """Disable one mechanism of the shop within the context."""
    patches = [mock.patch.object(*patch) for patch in mutant()]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
