"""Webhooks of the gateway: the outcome of a payment that the shopper had to authenticate."""

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

import msgspec

from chalicelib.payments import domain
from chalicelib.payments.charging import Charging
from chalicelib.payments.domain import Intent
from chalicelib.payments.gateway import attempt_of
from chalicelib.payments.store import TransactionStore
from chassis import log
from chassis.problems import BadRequest, ServiceUnavailable
from contracts.payments import Webhook

TOLERANCE = 300
"""Seconds by which a signature's timestamp may be in the past or, if clocks differ, the future."""

_STATUSES = {
    "payment_intent.succeeded": "succeeded",
    "payment_intent.payment_failed": "declined",
    "payment_intent.canceled": "cancelled",
}


class Webhooks:
    """Verifies webhooks and records the outcomes that they report.

    Parameters
    ----------
    secret
        Signing secret of the webhook endpoint.
    store
        Reads the transactions.
    charging
        Records the outcomes.
    now
        Returns the current time in seconds since the epoch.
    """

    def __init__(
        self,
        secret: str,
        store: TransactionStore,
        charging: Charging,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret
        self._store = store
        self._charging = charging
        self._now = now

    def receive(self, webhook: Webhook) -> None:
        """Record the outcome that a webhook reports; ignore a webhook that reports none.

        Raises
        ------
        BadRequest
            If its signature is not valid, or it is not an event of the gateway.
        ServiceUnavailable
            If the payment is not recorded yet; the gateway will send the webhook again.
        """
        self._verify(webhook)
        try:
            event: dict[str, Any] = msgspec.json.decode(webhook.payload, type=dict[str, Any])
            kind, subject = event["type"], event["data"]["object"]
            status = _STATUSES.get(kind)
            order_id = (subject.get("metadata") or {}).get("order_id")
        except (msgspec.MsgspecError, KeyError, AttributeError, TypeError):
            raise BadRequest("The payload is not an event of the gateway.") from None
        if status is None or not order_id:
            log.info("webhook ignored", type=str(kind))
            return
        payment = self._store.get(domain.transaction_id(order_id))
        if payment is None:
            raise ServiceUnavailable("The payment is not recorded yet. Send it again later.")
        if payment.intent_id != subject.get("id"):
            # An intent that was never recorded was never confirmed, so it has charged nothing.
            log.warning("webhook of an unrecorded intent ignored", order_id=order_id)
            return
        failure = subject.get("last_payment_error") or {}
        self._charging.record(
            payment,
            Intent(
                id=payment.intent_id or "",
                status=status,  # type: ignore[arg-type]
                decline_code=(failure.get("decline_code") or failure.get("code"))
                if status == "declined"
                else None,
                attempt=attempt_of(subject["metadata"])[0],
            ),
        )

    def _verify(self, webhook: Webhook) -> None:
        """Verify the signature (Stripe documentation, "Verify webhook signatures manually").

        Stripe's package is not used here: importing it takes half a second of each cold start.
        """
        parts = [part.split("=", 1) for part in webhook.signature.split(",") if "=" in part]
        stamps = [value for name, value in parts if name == "t"]
        given = [value for name, value in parts if name == "v1"]
        problem = BadRequest("The signature is not valid.")
        if len(stamps) != 1 or not stamps[0].isdigit():
            raise problem
        signed = stamps[0].encode() + b"." + webhook.payload
        expected = hmac.new(self._secret.encode(), signed, hashlib.sha256).hexdigest()
        if not any(hmac.compare_digest(expected.encode(), value.encode()) for value in given):
            raise problem
        if abs(self._now() - int(stamps[0])) > TOLERANCE:
            raise BadRequest("The signature is too old, or its timestamp is in the future.")
