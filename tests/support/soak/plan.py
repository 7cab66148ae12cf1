"""The length of a soak test, and the frequency of its faults."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """The settings of one run.

    Attributes
    ----------
    max_orders
        Number of orders to place, if the time suffices.
    min_accepted
        Number of orders that must be accepted for the run to be meaningful.
    order_seconds
        Time limit for placing orders, in seconds.
    recovery_seconds
        Time limit, after the faults have ended, for everything to be delivered, in seconds.
    process_kill_seconds
        Seconds between two restarts of the edge or the gateway; 0 for never.
    seed
        Seed of the random choices.
    shoppers
        Number of shoppers who place orders at the same time.
    duplicate, reject, fail
        Shares, from 0 to 1, of SNS deliveries made twice, of published entries rejected, and of
        invocations that fail.
    worker_kill_seconds
        Seconds between two kills of a function's worker.
    gateway_fault_seconds
        Seconds in which as many gateway faults are set as there are kinds of them.
    """

    name: str
    max_orders: int
    min_accepted: int
    order_seconds: float
    recovery_seconds: float
    process_kill_seconds: float
    seed: int = 0
    shoppers: int = 4
    duplicate: float = 0.2
    reject: float = 0.02
    fail: float = 0.1
    worker_kill_seconds: float = 3.0
    gateway_fault_seconds: float = 5.0

    def with_seed(self, seed: int) -> "Plan":
        """Return the plan with a seed."""
        return replace(self, seed=seed)


SHORT = Plan(
    "short",
    max_orders=400,
    min_accepted=20,
    order_seconds=40,
    recovery_seconds=240,
    process_kill_seconds=0,
)
LONG = Plan(
    "long",
    max_orders=2050,
    min_accepted=2000,
    order_seconds=1200,
    recovery_seconds=600,
    process_kill_seconds=45,
)
