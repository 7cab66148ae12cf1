"""A service whose settings have references instead of values refuses to work.

``chalice deploy`` sets them so, until ``./shop deliver`` has resolved them.
"""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import msgspec
import pytest

from chassis.settings import SettingsError
from contracts.events import ORDER_PLACED
from support.log_lines import Logged
from support.paths import APPS
from support.payments import event_of, order_of, signed, webhook_event

SERVICES = sorted(path.parent.name for path in APPS.glob("*/app.py"))
REFERENCE = "{{resolve:secretsmanager:toyshop-own-payments-gateway:SecretString:webhook_secret}}"
LoadApp = Callable[..., ModuleType]


@pytest.mark.parametrize("service", SERVICES)
def test_reference_is_noticed_in_every_text_of_the_settings(service: str) -> None:
    kind = import_module(f"chalicelib.{service}.bootstrap").Settings
    texts = [field for field in msgspec.structs.fields(kind) if field.type is str]
    others = {field.name: 1 for field in msgspec.structs.fields(kind) if field.required}
    for text in texts:
        settings = kind(**{**others, text.name: REFERENCE})
        assert settings.unresolved == [text.name.upper()]


@pytest.mark.parametrize("service", SERVICES)
def test_every_request_is_503_without_a_stack_trace(
    service: str, load_app: LoadApp, api_of: Any, logged: Logged
) -> None:
    app = load_app(service, SERVICE=REFERENCE)
    answer = api_of(app).call("GET", "/health")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["detail"] == "The service is not ready. Try again later."
    (line,) = logged("settings not resolved")
    assert (line["level"], line["reason"]) == ("ERROR", "SERVICE")


def test_webhook_signed_with_the_reference_is_refused(
    load_app: LoadApp, api_of: Any, logged: Logged
) -> None:
    # GIVEN payments after `chalice deploy`, whose webhook secret stands in the repository
    app = load_app("payments", STRIPE_WEBHOOK_SECRET=REFERENCE)
    order = order_of("pm_card_visa")
    payload = webhook_event("payment_intent.succeeded", order, "pi_forged")
    # WHEN an attacker signs a webhook with it
    answer = api_of(app).call("POST", "/webhooks", signed(payload, secret=REFERENCE))
    # THEN it is refused
    assert answer.status_code == 503
    assert [line["reason"] for line in logged("settings not resolved")] == ["STRIPE_WEBHOOK_SECRET"]
    # AND an event fails, so that Lambda delivers it again
    with pytest.raises(SettingsError, match=r"^Not resolved: STRIPE_WEBHOOK_SECRET\.$"):
        app.charge(event_of(ORDER_PLACED, order), None)
