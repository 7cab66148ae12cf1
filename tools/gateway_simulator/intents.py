"""Payment intents and their state machine."""

import re
from typing import Literal

from gateway_simulator import ledger
from gateway_simulator.cards import Card, find_card
from gateway_simulator.charges import new_charge
from gateway_simulator.errors import Answer, Json, invalid_parameter, unexpected_state
from gateway_simulator.forms import Params
from gateway_simulator.limits import LARGEST, check_amount
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
_UPDATABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CLAUSE = re.compile(r"metadata\[(['\"])(?P<key>[^'\"]+)\1\]:(['\"])(?P<value>[^'\"]*)\3")
_EXPANDABLE = ("latest_charge", "payment_method")
_CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


def create(work: UnitOfWork, params: Params, idempotency_key: str | None) -> Answer:
    """Create an intent, and confirm it if `confirm` is true.

    Raises
    ------
    StripeError
        400 if a parameter is not valid, or the amount is below or above the limit of its currency.
    """
    amount = params.required_integer("amount", maximum=LARGEST)
    currency = _currency(params)
    automatic = _automatic_payment_methods(params)
    types = params.strings("payment_method_types")
    token = params.string("payment_method")
    confirmed = params.boolean("confirm")
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
        "description": params.string("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": params.metadata(),
        "next_action": None,
        "payment_method": token,
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": params.string("receipt_email"),
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": params.string("statement_descriptor_suffix"),
        "status": "requires_payment_method" if token is None else "requires_confirmation",
    }
    params.reject_unknown()
    check_amount(amount, currency)
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
        find_card(token)
    if confirmed:
        return _charge(work, intent, token, return_url, idempotency_key)
    work.put(TABLE, identifier, intent)
    return Answer(200, intent)


def retrieve(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Return an intent, with its last charge expanded if requested.

    Raises
    ------
    StripeError
        400 if a parameter is not valid, 404 if there is no such intent.
    """
    members = _expanded_members(params)
    params.reject_unknown()
    return Answer(200, _expand(work, find(work, TABLE, identifier), members))


def list_all(work: UnitOfWork, params: Params) -> Answer:
    """Return a page of intents, newest first, with their last charges expanded if requested.

    Raises
    ------
    StripeError
        400 if a parameter is not valid.
    """
    members = _expanded_members(params, "data.")
    found = page(work, TABLE, params)
    return Answer(200, {**found, "data": [_expand(work, row, members) for row in found["data"]]})


def search(work: UnitOfWork, params: Params) -> Answer:
    """Return the intents with a given value in their metadata, newest first.

    Raises
    ------
    StripeError
        400 if a parameter is not valid.
    """
    query = params.required_string("query")
    limit = params.integer("limit", maximum=100) or 10
    members = _expanded_members(params, "data.")
    params.reject_unknown()
    clause = _CLAUSE.fullmatch(query)
    if clause is None:
        message = "This simulator supports one search clause: metadata['key']:'value'."
        raise invalid_parameter("query", message)
    rows = [
        row for row in work.newest(TABLE) if row["metadata"].get(clause["key"]) == clause["value"]
    ]
    found: Json = {
        "object": "search_result",
        "url": f"/v1/{TABLE}/search",
        "has_more": len(rows) > limit,
        "next_page": None,
        "data": [_expand(work, row, members) for row in rows[:limit]],
    }
    return Answer(200, found)


def _expanded_members(params: Params, prefix: str = "") -> list[str]:
    """Return the members of an intent that a request asks to expand."""
    members = params.strings("expand")
    for name in members:
        if name.removeprefix(prefix) not in _EXPANDABLE or not name.startswith(prefix):
            message = f"This property cannot be expanded ({name})."
            raise invalid_parameter("expand", message)
    return [name.removeprefix(prefix) for name in members]


def _expand(work: UnitOfWork, intent: Json, members: list[str]) -> Json:
    if "latest_charge" in members:
        intent = expand(work, intent, "latest_charge", "charges")
    if "payment_method" in members and intent["payment_method"]:
        card = find_card(intent["payment_method"])
        intent = {**intent, "payment_method": card.as_payment_method()}
    return intent


def update(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Change the payment method or the metadata of an intent that is not charged yet.

    Like Stripe's, this clears the error of the last attempt; with a payment method, the intent must
    be confirmed again.

    Raises
    ------
    StripeError
        400 if a parameter is not valid or the intent's status does not allow it, 404 if there is
        no such intent.
    """
    intent = find(work, TABLE, identifier)
    token = params.string("payment_method")
    metadata = params.metadata()
    params.reject_unknown()
    if intent["status"] not in _UPDATABLE:
        name = "payment_method" if token else "metadata"
        message = (
            f"This PaymentIntent's {name} could not be updated because it has a status of "
            f"{intent['status']}. You may only update the {name} of a PaymentIntent with one of "
            f"the following statuses: {', '.join(_UPDATABLE)}."
        )
        raise unexpected_state(message, intent)
    intent["metadata"] = {**intent["metadata"], **metadata}
    intent["last_payment_error"] = None
    if token is not None:
        find_card(token)
        _end_pending(work, intent)
        intent.update(payment_method=token, status="requires_confirmation", next_action=None)
    work.put(TABLE, identifier, intent)
    return Answer(200, intent)


def confirm(
    work: UnitOfWork, identifier: str, params: Params, idempotency_key: str | None
) -> Answer:
    """Try to charge the card: 200 with the intent, or 402 if the card is declined.

    Raises
    ------
    StripeError
        400 if a parameter is not valid or the intent's status does not allow it, 404 if there is
        no such intent.
    """
    intent = find(work, TABLE, identifier)
    token = params.string("payment_method")
    return_url = _return_url(params)
    intent["receipt_email"] = params.string("receipt_email") or intent["receipt_email"]
    members = _expanded_members(params)
    params.reject_unknown()
    token = token or intent["payment_method"]
    answer = _charge(work, intent, token, return_url, idempotency_key)
    if answer.status != 200:
        return answer
    return Answer(200, _expand(work, answer.body, members))


def cancel(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Cancel an intent, so that it can no longer be charged.

    Raises
    ------
    StripeError
        400 if a parameter is not valid or the intent's status does not allow it, 404 if there is
        no such intent.
    """
    intent = find(work, TABLE, identifier)
    reason = params.choice("cancellation_reason", _CANCELLATION_REASONS)
    params.reject_unknown()
    if intent["status"] not in _CANCELLABLE:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CANCELLABLE)}."
        )
        raise unexpected_state(message, intent)
    _end_pending(work, intent)
    intent.update(
        status="canceled", canceled_at=work.now(), cancellation_reason=reason, next_action=None
    )
    return _save(work, intent, "canceled")


def authenticate(
    work: UnitOfWork, identifier: str, outcome: Literal["succeeded", "failed"]
) -> Answer:
    """Complete the authentication that an intent requires.

    Parameters
    ----------
    work
        Unit of work of the request.
    identifier
        Id of the intent.
    outcome
        Result of the authentication.

    Raises
    ------
    StripeError
        400 if the intent does not require authentication, 404 if there is no such intent.
    """
    intent = find(work, TABLE, identifier)
    if intent["status"] != "requires_action":
        message = (
            "This PaymentIntent does not require authentication because it has a status of "
            f"{intent['status']}."
        )
        raise unexpected_state(message, intent)
    charge_id = ledger.complete_pending(work, identifier, outcome) or new_id("ch")
    card = find_card(intent["payment_method"])
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


def _charge(
    work: UnitOfWork,
    intent: Json,
    token: str | None,
    return_url: str | None,
    idempotency_key: str | None,
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
    card = find_card(token)
    # A new attempt ends one that still requires the shopper's action.
    _end_pending(work, intent)
    intent.update(payment_method=token, last_payment_error=None, next_action=None)
    charge_id = new_id("ch")
    amount = intent["amount"]
    ledger.add(work, charge_id, "charge", amount, intent, card.outcome, idempotency_key)
    if card.outcome == "requires_action":
        intent.update(status="requires_action", next_action=_next_action(intent, return_url))
        return _save(work, intent, "requires_action")
    if card.outcome == "declined":
        return _decline(work, intent, card, charge_id)
    return _succeed(work, intent, card, charge_id)


def _end_pending(work: UnitOfWork, intent: Json) -> None:
    """Fail the attempt that requires the shopper's action, if the intent has one."""
    if intent["status"] == "requires_action":
        ledger.complete_pending(work, intent["id"], "failed")


def _succeed(work: UnitOfWork, intent: Json, card: Card, charge_id: str) -> Answer:
    work.put("charges", charge_id, new_charge(intent, card, charge_id, work.now()))
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge_id,
        next_action=None,
    )
    return _save(work, intent, "succeeded")


def _decline(work: UnitOfWork, intent: Json, card: Card, charge_id: str) -> Answer:
    work.put("charges", charge_id, new_charge(intent, card, charge_id, work.now()))
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
    currency = params.required_string("currency").lower()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise invalid_parameter("currency", f"Invalid currency: {currency}")
    return currency


def _automatic_payment_methods(params: Params) -> Json | None:
    nested = params.nested("automatic_payment_methods")
    if nested is None:
        return None
    nested.required_string("enabled")
    redirects = nested.choice("allow_redirects", ("always", "never")) or "always"
    return {"enabled": True, "allow_redirects": redirects} if nested.boolean("enabled") else None


def _return_url(params: Params) -> str | None:
    url = params.string("return_url")
    if url is not None and "://" not in url:
        message = "Invalid URL: An explicit scheme (such as https) must be provided."
        raise invalid_parameter("return_url", message, "url_invalid")
    return url
