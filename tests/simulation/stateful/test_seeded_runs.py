"""A thousand shops, each generated from a seed: none violates an invariant."""

import time
from collections import Counter

from support.stateful.seeded_runs import run_seed


def test_seeded_runs_violate_no_invariant(seeds: range) -> None:
    counts: Counter[str] = Counter()
    started = time.process_time()
    for seed in seeds:
        world = run_seed(seed)
        counts["calls"] += len(world.calls.made)
        counts["injected faults"] += len(world.calls.injected)
        counts["second copies of an email"] += sum(world.emails_sent.values()) - len(
            world.emails_sent
        )
        counts["allowed second copies"] += sum(world.allowed_copies.values())
    runs_per_second = len(seeds) / (time.process_time() - started)
    print(f"{len(seeds)} runs, {runs_per_second:.0f} per second of CPU time, {dict(counts)}")
