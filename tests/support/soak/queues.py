"""The queues of the shop: what waits for another try, and what was given up on."""

from typing import Any

from support.running_shop import Shop

# AWS's advice is six times the function's time-out; a minute's weather must be over in minutes
_VISIBILITY_SECONDS = "20"


class Queues:
    """Every retry queue and dead-letter queue there is."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._sqs = shop.client("sqs")
        urls = self._sqs.list_queues(QueueNamePrefix="toyshop-local-")["QueueUrls"]
        self.retry = [url for url in urls if url.endswith("-retry")]
        self.dead = [url for url in urls if url.endswith("-dead-letters")]
        assert len(self.retry) >= 2, urls
        assert len(self.dead) >= 2, urls
        self.parked = 0
        self.replayed = 0

    def shorten_visibility(self) -> None:
        """Let a message whose function died come back soon."""
        for url in self.retry:
            self._sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"VisibilityTimeout": _VISIBILITY_SECONDS}
            )

    def waiting(self) -> int:
        """Count the messages that wait for another try."""
        return sum(map(self._count, self.retry))

    def given_up(self) -> dict[str, int]:
        """Count the dead letters, by queue."""
        counts = {url.rpartition("/")[2]: self._count(url) for url in self.dead}
        return {name: count for name, count in counts.items() if count}

    def replay(self) -> None:
        """Deliver again what was given up on."""
        if not (given_up := sum(self.given_up().values())):
            return
        self.parked += given_up
        done = self._shop.run("replay", "redrive", "--all")
        assert done.returncode == 0, done.stdout + done.stderr
        self.replayed += given_up - sum(self.given_up().values())

    def _count(self, url: str) -> int:
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer: dict[str, Any] = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(count) for count in answer["Attributes"].values())
