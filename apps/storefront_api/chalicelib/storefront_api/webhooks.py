"""What the payment gateway posts: handed on to the byte, since its signature covers the bytes."""

from chassis.client import Downstream
from chassis.problems import BadRequest, Unprocessable
from contracts import payments as api


class Webhooks:
    """Hands the gateway's news to ``payments``, which verifies them.

    Parameters
    ----------
    payments
        Who knows the gateway.
    """

    def __init__(self, payments: Downstream) -> None:
        self._payments = payments

    def receive(self, payload: bytes, signature: str | None) -> None:
        """Hand on what was posted.

        Raises
        ------
        BadRequest
            If it is not signed, or its signature does not hold.
        """
        if not signature:
            raise BadRequest("A webhook must be signed: the header Stripe-Signature is missing.")
        try:
            self._payments.call(
                api.RECEIVE_WEBHOOK, body=api.Webhook(payload=payload, signature=signature)
            )
        except Unprocessable:
            raise BadRequest("This is no signed news of the payment gateway.") from None
