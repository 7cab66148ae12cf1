"""The event types that a webhook endpoint has to be subscribed to."""

import re

from shopctl.doctor import gateway
from support.paths import APPS, DOCS

SOURCE = (APPS / "payments/chalicelib/payments/webhooks.py").read_text()
# an older name of refund.updated, which new endpoints need not subscribe to
OLD = {"charge.refund.updated"}


def test_checked_types_are_those_that_payments_records() -> None:
    # GIVEN the types that payments names in full, and the start of those of disputes
    named = set(re.findall(r'"((?:payment_intent|refund|charge)\.[a-z_.]+[a-z])"', SOURCE)) - OLD
    assert len(named) == 7
    assert '_DISPUTES = "charge.dispute."' in SOURCE
    # THEN the checked ones are these, and some of disputes
    checked = set(gateway.EVENT_TYPES)
    assert {one for one in checked if not one.startswith("charge.dispute.")} == named


def test_document_lists_the_checked_types() -> None:
    text = (DOCS / "deploying.md").read_text()
    listed = re.findall(r"`((?:payment_intent|refund|charge)\.[a-z_.]+)`", text)
    assert tuple(listed) == gateway.EVENT_TYPES
