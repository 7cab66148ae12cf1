"""The payment gateway: its keys in Secrets Manager, and the webhook endpoint at Stripe."""

import re

import msgspec
import requests

from shopctl.aws.target import Target
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem

EVENT_TYPES = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
"""The types of events that the webhook endpoint must receive."""
API_VERSION = "2026-10-28.endive"
"""The version of Stripe's API that payments uses, and that its events must have."""
WEBHOOK_PATH = "/api/webhooks/payments"
STRIPE = "https://api.stripe.com"
"""URL of Stripe's API."""

_SIMULATED = "The payment gateway is the simulator."
_SECONDS = 20


class _Keys(msgspec.Struct, frozen=True):
    """The secret's content, which is never printed."""

    api_key: str
    webhook_secret: str


def keys(to: Target) -> str:
    """Check that the gateway's keys are in Secrets Manager, and fit the stage: test or live."""
    if to.stage.gateway:
        return _SIMULATED
    found, name = _keys(to), aws_names.gateway_secret(to.stage.name)
    kind, other = ("test", "live") if to.stage.test_payments else ("live", "test")
    if re.fullmatch(rf"[sr]k_{other}_\w+", found.api_key):
        raise ShopProblem(
            f"The stage {to.stage.name} has test_payments ="
            f" {str(to.stage.test_payments).lower()}, and api_key in {name} is a {other} key.",
            f"Put the {kind} key of Stripe's dashboard into the secret, or correct test_payments.",
        )
    if not re.fullmatch(rf"[sr]k_{kind}_\w+", found.api_key):
        raise ShopProblem(
            f"api_key in {name} is not a Stripe secret key.",
            f"Put a key that begins with sk_{kind}_ there.",
        )
    if not re.fullmatch(r"whsec_\w+", found.webhook_secret):
        raise ShopProblem(
            f"webhook_secret in {name} is not the signing secret of a webhook endpoint.",
            "Create the endpoint at Stripe, and put its signing secret (whsec_…) there.",
        )
    return f"{name} has both keys, for {kind} mode."


def webhook(to: Target) -> str:
    """Check that Stripe sends the events that payments needs to this stage."""
    if to.stage.gateway:
        return _SIMULATED
    url = f"{to.stage.origin}{WEBHOOK_PATH}"
    answer = requests.get(
        f"{STRIPE}/v1/webhook_endpoints",
        params={"limit": "100"},
        auth=(_keys(to).api_key, ""),
        timeout=_SECONDS,
    )
    if answer.status_code in (401, 403):
        raise ShopProblem(
            "Stripe does not let this key list webhook endpoints.",
            "Check api_key; a restricted key needs the permission to read webhook endpoints.",
        )
    answer.raise_for_status()
    found = next((one for one in answer.json()["data"] if one["url"] == url), None)
    types = ", ".join(EVENT_TYPES)
    if found is None:
        raise ShopProblem(
            f"Stripe has no webhook endpoint {url}.",
            f"Add it, with the API version {API_VERSION} and the event types {types}.",
        )
    if found["status"] != "enabled":
        raise ShopProblem(f"The webhook endpoint {url} is disabled.", "Enable it at Stripe.")
    version = found.get("api_version") or "the account's default"
    if version != API_VERSION:
        raise ShopProblem(
            f"The API version of the webhook endpoint {url} is {version}, not {API_VERSION}.",
            "Add another with this version, store its signing secret, and delete the old one.",
        )
    subscribed = set(found["enabled_events"])
    missing = [] if "*" in subscribed else [one for one in EVENT_TYPES if one not in subscribed]
    if missing:
        raise ShopProblem(
            f"The webhook endpoint {url} does not receive {', '.join(missing)}.",
            "Add these event types at Stripe.",
        )
    return f"Stripe sends all {len(EVENT_TYPES)} event types to {url}."


def _keys(to: Target) -> _Keys:
    """Read the secret.

    Raises
    ------
    ShopProblem
        If there is none, or it lacks a key.
    """
    name = aws_names.gateway_secret(to.stage.name)
    content = 'the JSON {"api_key": "sk_…", "webhook_secret": "whsec_…"}'
    secrets = to.cloud.client("secretsmanager")
    try:
        text = secrets.get_secret_value(SecretId=name).get("SecretString", "")
    except secrets.exceptions.ResourceNotFoundException:
        raise ShopProblem(
            f"There is no secret {name}.",
            f"Create it with {content}, as step 4 of docs/deploying.md describes.",
        ) from None
    try:
        return msgspec.json.decode(text, type=_Keys)
    except msgspec.MsgspecError:
        # the error may quote the secret
        raise ShopProblem(f"The secret {name} is incomplete.", f"It must be {content}.") from None
