"""How long the soak is, and how bad the weather."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """One run of the soak.

    Attributes
    ----------
    orders
        To be placed; fewer if the time for it is over.
    least
        To be accepted, or the run shows nothing.
    seconds
        For placing them, at most.
    quiet_seconds
        For everything that is on its way to arrive once the faults are off, at most.
    shoppers
        How many order at once.
    duplicate, reject, fail
        Shares of notifications delivered twice, of publications refused, of invocations that
        fail.
    kill_seconds
        How often a worker is killed.
    gateway_seconds
        How often the gateway gets a fault of each kind.
    process_seconds
        How often the edge or the gateway is killed and started again; 0 is never.
    """

    name: str
    orders: int
    least: int
    seconds: float
    quiet_seconds: float
    process_seconds: float
    seed: int = 0
    shoppers: int = 4
    duplicate: float = 0.2
    reject: float = 0.02
    fail: float = 0.1
    kill_seconds: float = 3.0
    gateway_seconds: float = 5.0

    def with_seed(self, seed: int) -> "Plan":
        """Return the plan with a seed."""
        return replace(self, seed=seed)


SHORT = Plan("short", orders=400, least=20, seconds=40, quiet_seconds=240, process_seconds=0)
LONG = Plan("long", orders=2050, least=2000, seconds=1200, quiet_seconds=600, process_seconds=45)
