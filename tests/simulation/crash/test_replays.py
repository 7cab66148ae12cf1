"""A replay may be killed at any of its calls: no dead letter is lost, nothing is charged twice."""

import pytest

from shopctl.operating.replay import redelivery, redrive, report
from support.crash.crashes import Death
from support.crash.replays import killed_everywhere
from support.world.promise import BrokenPromise


@pytest.mark.parametrize("death", ["dies_before", "dies_after"])
def test_a_replay_that_is_killed_at_any_call_loses_nothing(death: Death) -> None:
    killed_at = killed_everywhere(death)
    print(f"{death}: a replay was killed at each of {len(killed_at)} calls")
    assert {"ReceiveMessage", "Invoke", "DeleteMessage"} <= set(killed_at)


def test_a_message_that_is_deleted_before_its_redelivery_is_found_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # GIVEN a replay that deletes first
    def delete_first(
        target: redrive.Target, queue: redrive.Queue, letter: redrive.DeadLetter
    ) -> object:
        queue.delete(letter.id)
        outcome = redelivery.redeliver(target.cloud, letter)
        return report.redelivered(letter, outcome)

    monkeypatch.setattr(redrive, "_redeliver", delete_first)
    # THEN a death in between has lost an order's charge
    with pytest.raises(BrokenPromise) as found:
        killed_everywhere("dies_before")
    print(f"delete before redelivery: {found.value}")
