"""Messages of queues that a function was handling when the embedded AWS stopped.

Lambda receives messages for a function, and SQS hides them from others for the queue's visibility
timeout: six minutes for the retry queues. On AWS, Lambda keeps running when a function crashes.
Here both stop together, so what was in flight, or had failed, is received again at once after a
restart. Messages whose retry the function has postponed keep their time.
"""

import time
import uuid
from typing import Any

from ministack.services import sqs

_RECEIVED = "toyshop_received"
"""The process in which Lambda has received a message, and when the message becomes visible again
if its retry is not postponed."""
_PROCESS = uuid.uuid4().hex


def install() -> None:
    """Mark the messages that Lambda receives."""
    receive = sqs._receive_messages_for_esm

    def marking(queue_url: str, max_number: int) -> list[dict[str, Any]]:
        received = receive(queue_url, max_number)
        for message in received:
            message[_RECEIVED] = [_PROCESS, message["visible_at"]]
        return list(received)

    sqs._receive_messages_for_esm = marking


def release() -> None:
    """Make the messages visible that were in flight when the loaded state was saved."""
    now = time.time()
    for queue in sqs._queues.all_values():
        for message in queue["messages"]:
            process, until = message.get(_RECEIVED, (_PROCESS, None))
            # this process may have received it again already
            if process != _PROCESS and until == message["visible_at"]:
                message["visible_at"] = min(now, message["visible_at"])
