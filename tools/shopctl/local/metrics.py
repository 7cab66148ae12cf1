"""Summarizes metric values for a table."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shopctl.local.telemetry import Telemetry, Value
from shopctl.project.errors import ShopProblem

# metrics whose values are added up; others are averaged
_SUMMED_UNITS = {"Count", "None", "Bytes"}
_NOT_SUMMED = ("Approximate",)


@dataclass(frozen=True)
class Summary:
    """The values of one metric, or of one of its sets of dimensions, in a span of time."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    unit: str
    count: int
    sum: float
    average: float
    p50: float
    p95: float
    last: float

    @property
    def is_total(self) -> bool:
        """Whether the sum of the values means something, as the average of others does."""
        return self.unit in _SUMMED_UNITS and not self.name.startswith(_NOT_SUMMED)


def names_like(telemetry: Telemetry, name: str) -> list[str]:
    """Return the metric of a name, or those whose name contains it in any case.

    Raises
    ------
    ShopProblem
        If there is none.
    """
    known = telemetry.metric_names()
    if name in known:
        return [name]
    found = [each for each in known if name.lower() in each.lower()]
    if not found:
        raise ShopProblem(
            f"No metric has a name like {name}.",
            f"Known are {', '.join(known)}." if known else "None has been recorded yet.",
        )
    return found


def summarize(values: Iterable[Value], *, by_dimensions: bool) -> list[Summary]:
    """Summarize values by metric.

    Parameters
    ----------
    values
        Values by time.
    by_dimensions
        Whether each set of dimensions has a summary of its own. Otherwise values that were recorded
        with several sets of dimensions count once for each.
    """
    groups: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], list[Value]]
    groups = defaultdict(list)
    for value in values:
        dimensions = tuple(sorted(value.dimensions.items())) if by_dimensions else ()
        groups[value.namespace, value.name, value.unit, dimensions].append(value)
    return [
        _summary(namespace, name, unit, dict(dimensions), of_group)
        for (namespace, name, unit, dimensions), of_group in sorted(groups.items())
    ]


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least a share of the values do not exceed.

    Parameters
    ----------
    ordered
        Values in ascending order, at least one.
    share
        From 0 to 1.
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _summary(
    namespace: str, name: str, unit: str, dimensions: dict[str, str], values: list[Value]
) -> Summary:
    ordered = sorted(value.value for value in values)
    total = sum(ordered)
    return Summary(
        namespace=namespace,
        name=name,
        dimensions=dimensions,
        unit=unit,
        count=len(ordered),
        sum=total,
        average=total / len(ordered),
        p50=percentile(ordered, 0.5),
        p95=percentile(ordered, 0.95),
        last=values[-1].value,
    )
