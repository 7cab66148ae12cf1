"""The route for the payment gateway's webhooks."""

from chalicelib.storefront_api.bootstrap import Components
from chassis.api import ServiceBlueprint
from contracts import storefront as api
from contracts.payments import MAX_WEBHOOK

routes: ServiceBlueprint[Components] = ServiceBlueprint(__name__)


@routes.serves(api.PAYMENT_WEBHOOK)
def receive_payment_webhook() -> None:
    """Forward a webhook of the payment gateway to payments."""
    app = routes.app
    routes.components.webhooks.receive(app.raw_body(MAX_WEBHOOK), app.header("stripe-signature"))
