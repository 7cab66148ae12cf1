"""How much the stateful suite tries; by default, every run makes the same choices.

``--seed N`` runs one seed only, ``--runs N`` the first N seeds. ``--hypothesis-profile=shrink``
reduces a failing example, which takes minutes; ``--hypothesis-profile=explore`` tries different
examples each time.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "reproducible",
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
reproducible = settings.get_profile("reproducible")
settings.register_profile("shrink", reproducible, phases=(Phase.generate, Phase.shrink))
settings.register_profile("explore", reproducible, derandomize=False, max_examples=20_000)
settings.load_profile("reproducible")

SEEDS_PER_TEST = 250


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Divide the seeds among several tests, which can run in parallel."""
    if "seeds" not in metafunc.fixturenames:
        return
    seed, runs = (metafunc.config.getoption(name) for name in ("seed", "runs"))
    ranges = [
        range(first, min(first + SEEDS_PER_TEST, runs)) for first in range(0, runs, SEEDS_PER_TEST)
    ]
    if seed is not None:
        ranges = [range(seed, seed + 1)]
    metafunc.parametrize("seeds", ranges, ids=[f"{r.start}-{r.stop - 1}" for r in ranges])
