"""Two calls at the same time."""

import threading

import pytest

from chassis import context, threads


def test_results_are_returned_in_order_and_both_run_in_the_callers_context() -> None:
    with context.entered({}, budget=5):
        with context.reserving(2):
            first, second = threads.concurrently(context.current, context.current)
        outer = context.current()
    assert first == second
    assert first.traceparent == outer.traceparent
    assert first.deadline == pytest.approx(outer.deadline - 2)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(KeyError, None, KeyError), (None, ValueError, ValueError), (KeyError, ValueError, KeyError)],
)
def test_first_error_is_raised_when_both_have_ended(
    first: type[Exception] | None, second: type[Exception] | None, expected: type[Exception]
) -> None:
    ended = []

    def raising(error: type[Exception] | None) -> None:
        ended.append(error)
        if error:
            raise error

    before = threading.active_count()
    with pytest.raises(expected):
        threads.concurrently(lambda: raising(first), lambda: raising(second))
    assert len(ended) == 2
    assert threading.active_count() == before
