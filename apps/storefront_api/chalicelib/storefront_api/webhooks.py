"""Forwarding of the payment gateway's webhooks, unchanged: the signature covers the exact bytes."""

from chassis.client import Downstream
from chassis.problems import BadRequest, Conflict, ServiceUnavailable, Unprocessable
from contracts import payments as api


class Webhooks:
    """Forwards the gateway's webhooks to ``payments``, which verifies them.

    Parameters
    ----------
    payments
        Client of the payments service.
    """

    def __init__(self, payments: Downstream) -> None:
        self._payments = payments

    def receive(self, payload: bytes, signature: str | None) -> None:
        """Forward a webhook.

        Parameters
        ----------
        payload
            The exact bytes of the request's body.
        signature
            The request's ``Stripe-Signature`` header, if it has one.

        Raises
        ------
        BadRequest
            If it is not signed, or its signature is not valid.
        ServiceUnavailable
            If ``payments`` does not answer or has not recorded the payment yet; the gateway will
            send it again.
        """
        if not signature:
            raise BadRequest("A webhook must be signed: the header Stripe-Signature is missing.")
        try:
            self._payments.call(
                api.RECEIVE_WEBHOOK, body=api.Webhook(payload=payload, signature=signature)
            )
        except Conflict as error:
            raise ServiceUnavailable(error.detail) from None
        except Unprocessable:
            raise BadRequest("This is not a signed webhook of the payment gateway.") from None
