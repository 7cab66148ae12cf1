"""A thousand shops, each lived by a seed: the promise holds in every one."""

import time
from collections import Counter

from support.stateful.lives import live


def test_the_promise_holds_in_every_life(seeds: range) -> None:
    counted: Counter[str] = Counter()
    started = time.process_time()
    for seed in seeds:
        world = live(seed)
        counted["calls"] += len(world.outside.made)
        counted["troubles"] += len(world.outside.befell)
        counted["second copies of an e-mail"] += sum(world.mails.values()) - len(world.mails)
        counted["points that excuse one"] += sum(world.excused.values())
    a_second = len(seeds) / (time.process_time() - started)
    print(f"{len(seeds)} lives, {a_second:.0f} a second of processor time, {dict(counted)}")
