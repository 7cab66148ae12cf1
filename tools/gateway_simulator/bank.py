"""The bank's page, on which a shopper confirms or refuses a payment, under `/bank/`.

A payment's client secret is the last part of the address, so that nobody else can open the page.
"""

import hmac
from html import escape

from aiohttp import web

from gateway_simulator import intents
from gateway_simulator.amounts import format_amount
from gateway_simulator.errors import Json, StripeError
from gateway_simulator.gateway import Gateway

PREFIX = "/bank/"

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = (
    "body{font:1.1rem system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.6rem 1.2rem;margin:.4rem .4rem 0 0}"
)
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Toy Bank</title>'
    '<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
    "<body><main><h1>Toy Bank</h1>{content}</main></body></html>"
)
_QUESTION = (
    "<p>Do you want to pay <strong>{amount}</strong>? This is a simulated bank; no real money "
    "moves.</p>"
    '<form method="post">'
    '<button name="outcome" value="succeeded">Confirm</button>'
    '<button name="outcome" value="failed">Refuse</button>'
    '<button name="outcome" value="closed">Close without deciding</button>'
    "</form>"
)
_ENDS = {
    "succeeded": "The payment is confirmed.",
    "failed": "The payment is refused.",
    "closed": "Nothing was decided. You can open this page again from your order.",
}


class BankPage:
    """Request handlers of the page.

    Parameters
    ----------
    gateway
        Gateway whose payments are confirmed and refused.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the page."""
        return [
            web.get(f"{PREFIX}{{secret}}", self.show),
            web.post(f"{PREFIX}{{secret}}", self.decide),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Ask the shopper to confirm or refuse a payment."""
        intent = self._intent(request.match_info["secret"])
        if intent is None:
            return _page("<p>There is no such payment.</p>", 404)
        if intent["status"] != "requires_action":
            return _end("This payment needs no confirmation any more.")
        amount = format_amount(intent["amount"], intent["currency"])
        return _page(_QUESTION.format(amount=escape(amount)))

    async def decide(self, request: web.Request) -> web.Response:
        """Complete the authentication of a payment, unless the shopper only closes the page."""
        intent = self._intent(request.match_info["secret"])
        if intent is None:
            return _page("<p>There is no such payment.</p>", 404)
        outcome = (await request.post()).get("outcome")
        if outcome in ("succeeded", "failed"):
            work = self._gateway.store.begin()
            try:
                intents.authenticate(
                    work, intent["id"], "succeeded" if outcome == "succeeded" else "failed"
                )
            except StripeError:
                return _end("This payment needs no confirmation any more.", 409)
            self._gateway.commit(work)
        elif outcome != "closed":
            return _page("<p>Choose one of the buttons.</p>", 400)
        return _end(_ENDS[str(outcome)])

    def _intent(self, secret: str) -> Json | None:
        """Return the payment with a client secret; None if there is none."""
        identifier = secret.partition("_secret_")[0]
        intent = self._gateway.store.begin().get(intents.TABLE, identifier)
        known = intent is not None and hmac.compare_digest(
            str(intent["client_secret"]).encode(), secret.encode()
        )
        return intent if known else None


def _end(text: str, status: int = 200) -> web.Response:
    return _page(f"<p>{text}</p><p>You can close this page and go back to the shop.</p>", status)


def _page(content: str, status: int = 200) -> web.Response:
    return web.Response(
        text=_PAGE.format(style=_STYLE, content=content),
        status=status,
        content_type="text/html",
        headers=_HEADERS,
    )
