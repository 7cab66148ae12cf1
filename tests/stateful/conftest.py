"""How much the suite tries, and that a failure is the same in every run.

``--hypothesis-profile=shrink`` makes a failing example small, which takes minutes;
``--hypothesis-profile=explore`` tries other examples each time.
"""

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "steady",
    max_examples=1500,
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
