"""The shop's retry queues and dead-letter queues during a soak test."""

from typing import Any

from support.running_shop import Shop

# AWS recommends six times the function's timeout; then a crashed function would delay the test by
# minutes.
_VISIBILITY_SECONDS = "20"


class Queues:
    """All retry queues and dead-letter queues.

    Attributes
    ----------
    parked
        Number of dead letters found so far.
    replayed
        Number of dead letters replayed so far.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._sqs = shop.client("sqs")
        urls = self._sqs.list_queues(QueueNamePrefix="toyshop-local-")["QueueUrls"]
        self._retry_queues = [url for url in urls if url.endswith("-retry")]
        self._dead_letter_queues = [url for url in urls if url.endswith("-dead-letters")]
        assert len(self._retry_queues) >= 2, urls
        assert len(self._dead_letter_queues) >= 2, urls
        self.parked = 0
        self.replayed = 0

    def shorten_visibility(self) -> None:
        """Shorten the visibility timeout, so that messages of crashed functions return soon."""
        for url in self._retry_queues:
            self._sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"VisibilityTimeout": _VISIBILITY_SECONDS}
            )

    def waiting(self) -> int:
        """Count the messages in the retry queues."""
        return sum(map(self._count, self._retry_queues))

    def dead_letters(self) -> int:
        """Count the messages in the dead-letter queues."""
        return sum(map(self._count, self._dead_letter_queues))

    def replay(self) -> None:
        """Replay all dead letters."""
        if not (parked := self.dead_letters()):
            return
        self.parked += parked
        done = self._shop.run("replay", "redrive", "--all")
        assert done.returncode == 0, done.stdout + done.stderr
        self.replayed += parked - self.dead_letters()

    def _count(self, url: str) -> int:
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer: dict[str, Any] = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(count) for count in answer["Attributes"].values())
