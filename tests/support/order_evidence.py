"""Evidence of one order, as the services report it, for tests of invariants and reconciliation."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from chalicelib.storefront_api.invariants import Evidence
from contracts.files import File
from contracts.money import Money
from contracts.notifications import Message, Template
from contracts.orders import Address, Contact, Order
from contracts.payments import AuditedOrder, ExpectedMessage, GatewayCharge, Transaction

CHANGED_AT = datetime(2026, 11, 24, tzinfo=UTC)
PRICE = Money(amount=2500, currency="AUD")
NOTHING = Money(amount=0, currency="AUD")
ORDER = Order(
    id="ord_1",
    customer_id="cus_1",
    status="placed",
    lines=[],
    total=PRICE,
    shipping_address=Address(name="A", line1="1", city="S", postal_code="2", country="AU"),
    contact=Contact(email="a@example.com", name="A"),
    payment_method="pm_card_visa",
    version=1,
    placed_at=CHANGED_AT,
    updated_at=CHANGED_AT,
)
CANCELLED = replace(ORDER, status="cancelled", version=2)
OWN = GatewayCharge(
    intent_id="pi_1",
    order_id="ord_1",
    status="succeeded",
    charged=PRICE,
    refunded=NOTHING,
    created_at=CHANGED_AT,
)
SECOND = replace(OWN, intent_id="pi_2")
REFUNDED = replace(OWN, refunded=PRICE)
RECEIPT = File(
    id="fil_1",
    kind="document",
    status="ready",
    subject="ord_1",
    content_type="application/pdf",
    size=1,
    alt="",
    version=1,
    created_at=CHANGED_AT,
    updated_at=CHANGED_AT,
)


def unpaid(status: Any) -> GatewayCharge:
    """Return the order's own charge with a status in which nothing was charged."""
    return replace(OWN, status=status, charged=NOTHING)


EMAILS: dict[str, list[Template]] = {
    "pending": [],
    "succeeded": ["payment_succeeded"],
    "declined": ["payment_declined"],
    "action_required": ["payment_action_required"],
    "refunded": ["payment_succeeded", "payment_refunded"],
    "cancelled": ["payment_refunded"],
}


def evidence(
    status: Any = "succeeded",
    order: Order = ORDER,
    charges: list[GatewayCharge] | None = None,
    **changes: Any,
) -> Evidence:
    """Return the evidence of an order without violations, apart from the given changes."""
    paid = status in ("succeeded", "refunded")
    transaction = Transaction(
        id="txn_1",
        order_id="ord_1",
        customer_id="cus_1",
        status=status,
        amount=PRICE,
        version=2,
        created_at=CHANGED_AT,
        updated_at=CHANGED_AT,
        receipt_file_id="fil_1" if paid else None,
    )
    audited = AuditedOrder(
        order_id="ord_1",
        transaction=transaction,
        intent_id="pi_1",
        charges=[OWN] if charges is None else charges,
        receipt_file_id="fil_1" if paid else None,
        messages=[ExpectedMessage(id=f"msg_{name}", template=name) for name in EMAILS[status]],
    )
    intact = Evidence(
        order=order,
        audited=audited,
        receipt=RECEIPT,
        messages={each.id: message(each.template) for each in audited.messages},
    )
    return replace(intact, **changes)


def message(template: Template, status: Any = "sent") -> Message:
    return Message(
        id=f"msg_{template}",
        to="a@example.com",
        template=template,
        status=status,
        version=2,
        created_at=CHANGED_AT,
    )


def without_transaction(order: Order, charges: list[GatewayCharge]) -> Evidence:
    """Return the evidence of an order whose transaction is missing."""
    intact = evidence(order=order, charges=charges)
    audited = replace(
        intact.audited, transaction=None, intent_id=None, receipt_file_id=None, messages=[]
    )
    return replace(intact, audited=audited)
