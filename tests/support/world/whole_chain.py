"""A simulated world with all hops of an order, from the storefront to the webhook."""

import json
from typing import Any

from gateway_simulator.webhooks import signature
from support.world import apps
from support.world.deliveries import now
from support.world.world import World


class WholeChain(World):
    """A world in which webhooks pass through the storefront, as they do on AWS."""

    def _send_webhook(self, event: dict[str, Any]) -> bool:
        payload = json.dumps(event, separators=(",", ":")).encode()
        secret = apps.load_app("payments").settings.stripe_webhook_secret
        headers = {"Content-Type": "application/json"}
        headers["Stripe-Signature"] = signature(payload, secret, int(now()))
        answer = self.serve_request(
            "storefront_api", "POST", "/webhooks/payments", payload, headers, ("gateway",)
        )
        return answer.status == 204
