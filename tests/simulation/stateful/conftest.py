"""How much the suite tries, and that a failure is the same in every run.

``--seed N`` lives one life alone; ``--lives N`` so many. ``--hypothesis-profile=shrink`` makes a
failing example small, which takes minutes; ``--hypothesis-profile=explore`` tries others each time.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "steady",
    max_examples=250,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    report_multiple_bugs=False,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
steady = settings.get_profile("steady")
settings.register_profile("shrink", steady, phases=(Phase.generate, Phase.shrink))
settings.register_profile("explore", steady, derandomize=False, max_examples=20_000)
settings.load_profile("steady")

CHUNK = 250


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cut the lives into tests, which run side by side."""
    if "seeds" not in metafunc.fixturenames:
        return
    seed, lives = (metafunc.config.getoption(name) for name in ("seed", "lives"))
    chunks = [range(first, min(first + CHUNK, lives)) for first in range(0, lives, CHUNK)]
    if seed is not None:
        chunks = [range(seed, seed + 1)]
    metafunc.parametrize("seeds", chunks, ids=[f"{c.start}-{c.stop - 1}" for c in chunks])
