"""CloudWatch's statistics of the values of one period."""

import math
import re
from collections.abc import Sequence

_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")
_RANK = re.compile(r"PR\(([\d.]*):([\d.]*)\)")


def of(values: Sequence[float], statistic: str) -> float | None:
    """Return a statistic of values; None if there are no values.

    Parameters
    ----------
    statistic
        ``Sum``, ``Average``, ``Minimum``, ``Maximum``, ``SampleCount``, a percentile such as
        ``p95``, or a percentile rank such as ``PR(:200)``, the percentage of values up to 200.

    Raises
    ------
    ValueError
        If the statistic is unknown.
    """
    if not values:
        return None
    match statistic:
        case "Sum":
            return math.fsum(values)
        case "Average":
            return math.fsum(values) / len(values)
        case "Minimum":
            return min(values)
        case "Maximum":
            return max(values)
        case "SampleCount":
            return float(len(values))
    if found := _PERCENTILE.fullmatch(statistic):
        position = math.ceil(float(found[1]) / 100 * len(values))
        return sorted(values)[max(position, 1) - 1]
    if found := _RANK.fullmatch(statistic):
        # the lower bound is exclusive, the upper one inclusive
        low, high = (float(each) if each else None for each in found.groups())
        inside = sum(
            (low is None or value > low) and (high is None or value <= high) for value in values
        )
        return 100 * inside / len(values)
    raise ValueError(f"Unknown statistic: {statistic}")
