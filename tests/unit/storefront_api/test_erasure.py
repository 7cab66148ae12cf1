"""The function that erases a customer's data: its trace."""

from typing import Any

from chalicelib.storefront_api.erasure import Erasure
from support.downstream import FakeDownstream
from support.exported import Spans


class NoUsers:
    """A user pool without users."""

    def lock(self, _email: str) -> bool:
        """Find nobody."""
        return False


def test_step_is_a_hop(spans: Spans) -> None:
    users: Any = NoUsers()
    erasure = Erasure(*(FakeDownstream() for _ in range(4)), users=users)
    step = {"step": "lock", "email": "alice@example.com"}
    assert erasure.handle(step, lambda: 60.0)["account"] is False
    assert [span.name for span in spans()] == ["forget"]
