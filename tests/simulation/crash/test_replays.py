"""A replay may be killed at any of its calls: no dead letter is lost, nothing is charged twice."""

import pytest

from shopctl.operating.replay import redelivery, redrive, report
from support.crash.crashes import Crash
from support.crash.replays import kill_replay_at_every_call
from support.world.invariants import InvariantViolation


@pytest.mark.parametrize("crash", ["crash_before", "crash_after"])
def test_replay_killed_at_any_call_loses_nothing(crash: Crash) -> None:
    killed_at = kill_replay_at_every_call(crash)
    print(f"{crash}: a replay was killed at each of {len(killed_at)} calls")
    assert {"ReceiveMessage", "Invoke", "DeleteMessage"} <= set(killed_at)


def test_delete_before_redelivery_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a replay that deletes a message before it redelivers it
    def delete_first(
        target: redrive.Target, queue: redrive.Queue, dead_letter: redrive.DeadLetter
    ) -> object:
        queue.delete(dead_letter.id)
        outcome = redelivery.redeliver(target.cloud, dead_letter)
        return report.redelivered(dead_letter, outcome)

    monkeypatch.setattr(redrive, "_redeliver", delete_first)
    # THEN a crash between the two loses an order's charge
    with pytest.raises(InvariantViolation) as violation:
        kill_replay_at_every_call("crash_before")
    print(f"delete before redelivery: {violation.value}")
