"""The document of the API of payments."""

from contracts.reference import HEALTH, PRIVATE_SERVER, Reference, Tag

REFERENCE = Reference(
    title="Toy shop: payments",
    name="payments",
    server=PRIVATE_SERVER,
    description="The transactions of orders. Charges follow the events of orders, so no operation "
    "starts the first one. A private API: callers sign their requests.",
    tags=(
        Tag(
            "Transactions",
            "The payment of each order.",
            {
                "lookUpTransactions": "Reads up to 100 transactions at once; an order that is not "
                "charged yet has none.",
                "retryPayment": "Accepts another payment method for a declined payment or one that "
                "waits for the customer's bank; the charge follows.",
                "receiveWebhook": "Verifies the signature over the exact bytes, then records what "
                "has changed at the gateway.",
            },
        ),
        Tag(
            "Operation",
            "What operators and reconciliation use.",
            {
                "reemitTransaction": "Publishes the events of the transaction's outcomes again, "
                "with the same ids.",
                "getRecordedOrder": "Reads what the transaction knows of its order, to restore it "
                "if it is lost. 404 if the order has no transaction.",
                "auditTransactions": "Reads the gateway's own records, and reports charges that no "
                "transaction has.",
                "eraseCustomerOfTransactions": "Replaces the contact by `Erased customer`, and the "
                "address by its country, and returns the receipts without the customer. 409 if a "
                "payment is not finished. `./shop forget` uses it; no event follows.",
            },
        ),
        HEALTH,
    ),
)
