"""Differences between two releases of an event type, and who is affected."""

from collections.abc import Iterator

from shopctl.contracts.changes import Change, change_of
from shopctl.contracts.schemas import differences
from shopctl.contracts.wire import Contract


def changes(name: str, old: Contract, new: Contract) -> Iterator[Change]:
    """Yield the changes of an event type.

    Parameters
    ----------
    name
        Name of the contract, ``events/<type>``.
    old, new
        The released and the current contract.
    """
    if old["channel"] != new["channel"]:
        yield Change(
            name, (), "channel", f"changed from {old['channel']} to {new['channel']}",
            ("consumers of the old release",),
        )  # fmt: skip
    schemas = (old["components"]["schemas"], new["components"]["schemas"])
    for difference in differences(old["payload"], new["payload"], "event", schemas):
        yield change_of(name, "payload", "event", difference)
