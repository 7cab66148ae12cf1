"""Payment intents and their state machine."""

import re
from typing import Literal

from gateway_simulator import ledger
from gateway_simulator.cards import Card, card_for
from gateway_simulator.charges import charge_for
from gateway_simulator.errors import Answer, Json, invalid_parameter, unexpected_state
from gateway_simulator.forms import Params
from gateway_simulator.objects import emit, expand, find, new_id, page
from gateway_simulator.store import UnitOfWork

TABLE = "payment_intents"

_CANCELLABLE = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
    "processing",
)
_CLAUSE = re.compile(r"metadata\[(['\"])(?P<key>[^'\"]+)\1\]:(['\"])(?P<value>[^'\"]*)\3")
_CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


def create(work: UnitOfWork, params: Params, key: str | None) -> Answer:
    """Create an intent, and confirm it at once when `confirm` says so."""
    amount = params.required_integer("amount")
    currency = _currency(params)
    automatic = _automatic_payment_methods(params)
    types = params.texts("payment_method_types")
    token = params.text("payment_method")
    confirmed = params.flag("confirm")
    return_url = _return_url(params)
    identifier = new_id("pi")
    intent: Json = {
        "id": identifier,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": new_id(f"{identifier}_secret"),
        "confirmation_method": "automatic",
        "created": work.now(),
        "currency": currency,
        "customer": None,
        "description": params.text("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": params.metadata(),
        "next_action": None,
        "payment_method": token,
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": params.text("receipt_email"),
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": params.text("statement_descriptor_suffix"),
        "status": "requires_payment_method" if token is None else "requires_confirmation",
    }
    params.finish()
    if automatic is not None and types:
        message = (
            "You may only specify one of these parameters: "
            "automatic_payment_methods, payment_method_types."
        )
        raise invalid_parameter("payment_method_types", message)
    for kind in types:
        if kind != "card":
            raise invalid_parameter("payment_method_types", f"Invalid payment method type: {kind}")
    if return_url is not None and not confirmed:
        raise invalid_parameter("return_url", "You can only pass return_url with confirm=true.")
    if token is not None:
        card_for(token)
    if confirmed:
        return _attempt(work, intent, token, return_url, key)
    work.put(TABLE, identifier, intent)
    return Answer(200, intent)


def retrieve(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Return an intent, with its last charge in full when asked."""
    with_charge = _is_expanded(params, "latest_charge")
    params.finish()
    intent = find(work, TABLE, identifier)
    return Answer(200, expand(work, intent, "latest_charge", "charges") if with_charge else intent)


def list_all(work: UnitOfWork, params: Params) -> Answer:
    """Return a page of intents, newest first, each with its last charge in full when asked."""
    with_charge = _is_expanded(params, "data.latest_charge")
    found = page(work, TABLE, params)
    return Answer(200, _with_charges(work, found) if with_charge else found)


def search(work: UnitOfWork, params: Params) -> Answer:
    """Return the intents whose metadata have a value, newest first."""
    query = params.required_text("query")
    limit = params.integer("limit", maximum=100) or 10
    with_charge = _is_expanded(params, "data.latest_charge")
    params.finish()
    clause = _CLAUSE.fullmatch(query)
    if clause is None:
        message = "This simulator searches by one clause: metadata['key']:'value'."
        raise invalid_parameter("query", message)
    rows = [
        row for row in work.newest(TABLE) if row["metadata"].get(clause["key"]) == clause["value"]
    ]
    found: Json = {
        "object": "search_result",
        "url": f"/v1/{TABLE}/search",
        "has_more": len(rows) > limit,
        "next_page": None,
        "data": rows[:limit],
    }
    return Answer(200, _with_charges(work, found) if with_charge else found)


def _with_charges(work: UnitOfWork, found: Json) -> Json:
    data = [expand(work, row, "latest_charge", "charges") for row in found["data"]]
    return {**found, "data": data}


def _is_expanded(params: Params, member: str) -> bool:
    wanted = params.texts("expand")
    for name in wanted:
        if name != member:
            message = f"This property cannot be expanded ({name})."
            raise invalid_parameter("expand", message)
    return bool(wanted)


def confirm(work: UnitOfWork, identifier: str, params: Params, key: str | None) -> Answer:
    """Try to take the money: 200 with the intent, or 402 when the bank declines."""
    intent = find(work, TABLE, identifier)
    token = params.text("payment_method")
    return_url = _return_url(params)
    intent["receipt_email"] = params.text("receipt_email") or intent["receipt_email"]
    params.finish()
    return _attempt(work, intent, token or intent["payment_method"], return_url, key)


def cancel(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Call an intent off; nothing can be charged on it afterwards."""
    intent = find(work, TABLE, identifier)
    reason = params.choice("cancellation_reason", _CANCELLATION_REASONS)
    params.finish()
    if intent["status"] not in _CANCELLABLE:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CANCELLABLE)}."
        )
        raise unexpected_state(message, intent)
    if intent["status"] == "requires_action":
        ledger.settle(work, identifier, "failed")
    intent.update(
        status="canceled", canceled_at=work.now(), cancellation_reason=reason, next_action=None
    )
    return _save(work, intent, "canceled")


def authenticate(
    work: UnitOfWork, identifier: str, outcome: Literal["succeeded", "failed"]
) -> Answer:
    """Complete a payment that waits for the shopper, as the shopper's bank would."""
    intent = find(work, TABLE, identifier)
    if intent["status"] != "requires_action":
        message = f"This PaymentIntent waits for nobody: it has a status of {intent['status']}."
        raise unexpected_state(message, intent)
    charge_id = ledger.settle(work, identifier, outcome) or new_id("ch")
    card = card_for(intent["payment_method"])
    if outcome == "succeeded":
        return _succeed(work, intent, card, charge_id)
    message = (
        "The provided PaymentMethod has failed authentication. You can provide a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again."
    )
    failure: Json = {
        "type": "invalid_request_error",
        "code": "payment_intent_authentication_failure",
        "message": message,
        "payment_method": card.as_payment_method(),
    }
    return _fail(work, intent, failure)


def _attempt(
    work: UnitOfWork, intent: Json, token: str | None, return_url: str | None, key: str | None
) -> Answer:
    if intent["status"] == "succeeded":
        message = (
            "You cannot confirm this PaymentIntent because it has already succeeded "
            "after being previously confirmed."
        )
        raise unexpected_state(message, intent)
    if intent["status"] == "canceled":
        message = "You cannot confirm this PaymentIntent because it has a status of canceled."
        raise unexpected_state(message, intent)
    if token is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. "
            "You can confirm it again with a payment method."
        )
        raise unexpected_state(message, intent)
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] == "always" and return_url is None:
        message = (
            "This PaymentIntent is configured to accept payment methods that may redirect the "
            "customer off your page: you must provide a `return_url`. If you don't want that, "
            "set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating it."
        )
        raise invalid_parameter("return_url", message)
    card = card_for(token)
    # A new attempt ends the one that still waits for the shopper.
    ledger.settle(work, intent["id"], "failed")
    intent.update(payment_method=token, last_payment_error=None, next_action=None)
    charge_id = new_id("ch")
    if card.bank == "authenticates":
        ledger.enter(work, charge_id, "charge", intent["amount"], intent, "requires_action", key)
        intent.update(status="requires_action", next_action=_next_action(intent, return_url))
        return _save(work, intent, "requires_action")
    if card.bank == "declines":
        ledger.enter(work, charge_id, "charge", intent["amount"], intent, "declined", key)
        return _decline(work, intent, card, charge_id)
    ledger.enter(work, charge_id, "charge", intent["amount"], intent, "succeeded", key)
    return _succeed(work, intent, card, charge_id)


def _succeed(work: UnitOfWork, intent: Json, card: Card, charge_id: str) -> Answer:
    work.put("charges", charge_id, charge_for(intent, card, charge_id, work.now()))
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge_id,
        next_action=None,
    )
    return _save(work, intent, "succeeded")


def _decline(work: UnitOfWork, intent: Json, card: Card, charge_id: str) -> Answer:
    work.put("charges", charge_id, charge_for(intent, card, charge_id, work.now()))
    intent["latest_charge"] = charge_id
    failure: Json = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": card.decline_code,
        "message": card.message,
        "charge": charge_id,
        "payment_method": card.as_payment_method(),
    }
    failed = _fail(work, intent, failure)
    return Answer(402, {"error": {**failure, "payment_intent": failed.body}})


def _fail(work: UnitOfWork, intent: Json, failure: Json) -> Answer:
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        last_payment_error=failure,
        next_action=None,
    )
    return _save(work, intent, "payment_failed")


def _save(work: UnitOfWork, intent: Json, event: str) -> Answer:
    work.put(TABLE, intent["id"], intent)
    emit(work, f"payment_intent.{event}", intent)
    return Answer(200, intent)


def _next_action(intent: Json, return_url: str | None) -> Json:
    if return_url is None:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    url = f"https://hooks.stripe.com/redirect/authenticate/{intent['id']}"
    redirect = {"url": url, "return_url": return_url}
    return {"type": "redirect_to_url", "redirect_to_url": redirect}


def _currency(params: Params) -> str:
    currency = params.required_text("currency").lower()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise invalid_parameter("currency", f"Invalid currency: {currency}")
    return currency


def _automatic_payment_methods(params: Params) -> Json | None:
    nested = params.mapping("automatic_payment_methods")
    if nested is None:
        return None
    nested.required_text("enabled")
    redirects = nested.choice("allow_redirects", ("always", "never")) or "always"
    return {"enabled": True, "allow_redirects": redirects} if nested.flag("enabled") else None


def _return_url(params: Params) -> str | None:
    url = params.text("return_url")
    if url is not None and "://" not in url:
        message = "Invalid URL: An explicit scheme (such as https) must be provided."
        raise invalid_parameter("return_url", message, "url_invalid")
    return url
