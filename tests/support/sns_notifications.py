"""The Lambda events with which SNS delivers messages to a function."""

from typing import Any


def sns(*messages: str) -> dict[str, Any]:
    """Return the event that delivers the messages, as JSON texts."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "Sns": {"Message": message, "Subject": None, "MessageAttributes": {}},
            }
            for message in messages
        ]
    }
