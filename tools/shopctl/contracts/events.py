"""What differs between two releases of an event type, and whom it breaks."""

from collections.abc import Iterator

from shopctl.contracts.changes import Change, judged
from shopctl.contracts.schemas import differences
from shopctl.contracts.wire import Promise


def changes(promise: str, old: Promise, new: Promise) -> Iterator[Change]:
    """Yield the changes of an event type.

    Parameters
    ----------
    promise
        Its name.
    old, new
        What was and what is promised (``wire``).
    """
    if old["channel"] != new["channel"]:
        yield Change(
            promise, (), "channel", f"is {new['channel']}, was {old['channel']}",
            ("consumers of the old release",),
        )  # fmt: skip
    schemas = (old["components"]["schemas"], new["components"]["schemas"])
    for difference in differences(old["payload"], new["payload"], "event", schemas):
        yield judged(promise, "payload", "event", difference)
