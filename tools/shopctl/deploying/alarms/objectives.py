"""Alarms on objectives, by the rate at which they use up their error budget.

After "Alerting on SLOs" in Google's SRE workbook: a rate must be exceeded in a long window, so that
a few failures wake nobody, and in a short one, so that the alarm clears soon after the failures.
"""

from dataclasses import dataclass

from shopctl.deploying import metrics
from shopctl.deploying.alarms.resources import (
    Alarms,
    Notice,
    Window,
    all_of,
    any_of,
    metric_alarm,
    notify,
)
from shopctl.deploying.metrics import Metric
from shopctl.project.services import Service
from shopctl.project.stages import Stage

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class BurnRate:
    """A rate at which an error budget is used up, and the windows that must both exceed it.

    Attributes
    ----------
    rate
        1 uses up the budget of a month in exactly a month.
    """

    rate: float
    long: tuple[str, Window]
    short: tuple[str, Window]


# the budget of a month lasts two days, and five
FAST = (
    BurnRate(14.4, ("1h", Window(_HOUR)), ("5m", Window(5 * _MINUTE))),
    BurnRate(6, ("6h", Window(6 * _HOUR)), ("30m", Window(30 * _MINUTE))),
)
# A period of CloudWatch is at most a day: two of three days stand for three days as a whole.
SLOW = (BurnRate(1, ("3d", Window(_DAY, 3, 2)), ("6h", Window(6 * _HOUR))),)

# Without these, the only request of a night would be all requests of its windows.
_FEWEST_FAILURES = 3
_FEWEST_REQUESTS = 20
_TAIL_PERCENT = 5


def of_availability(service: Service, stage: Stage) -> Alarms:
    """Return the alarms on the availability of a service's API."""
    objective = service.manifest.objectives.availability
    budget = (100 - float(objective.rstrip(" %"))) / 100
    errors = metrics.api(stage, service.name, "5XXError")
    alarms: Alarms = {
        "api-errors-several": metric_alarm(errors, "Sum", _FEWEST_FAILURES - 1, Window(6 * _HOUR))
    }
    for one in (*FAST, *SLOW):
        for name, window in (one.long, one.short):
            # the average of this metric is the share of responses
            alarms[f"api-errors-{_named(one.rate)}-{name}"] = metric_alarm(
                errors, "Average", round(one.rate * budget, 6), window
            )
    several = ["[api-errors-several]"]
    for name, rates, notice in (
        (
            "api-failing",
            FAST,
            Notice(
                "Page",
                f"The API of {service.name} fails far more often than its objective of"
                f" {objective} allows",
                "api-failing",
            ),
        ),
        (
            "api-failing-slowly",
            SLOW,
            Notice(
                "Ticket",
                f"For days, the API of {service.name} has failed more often than its objective"
                f" of {objective} allows",
                "api-failing#failing-slowly",
            ),
        ),
    ):
        pairs = [_pair("api-errors", one) for one in rates]
        alarms[name] = {
            **notify(stage, notice),
            "AlarmRule": all_of([*several, any_of(pairs)]),
        }
    return alarms


def of_durations(service: Service, stage: Stage) -> Alarms:
    """Return the alarms on the response time of a service's API, and on its event chains."""
    objectives = service.manifest.objectives
    alarms: Alarms = {}
    if objectives.p95_ms:
        alarms |= _late(
            stage,
            "api-latency",
            metrics.api(stage, service.name, "Latency"),
            objectives.p95_ms,
            Notice(
                "Ticket",
                f"More than {_TAIL_PERCENT} % of the responses of {service.name} take longer than"
                f" {objectives.p95_ms} ms",
                "api-latency",
            ),
        )
    for seconds, name, metric, what, runbook in (
        (
            objectives.accepted_to_paid_p95_s,
            "paid-late",
            "toyshop.order.time_to_paid",
            "payments are recorded more than {} seconds after their order",
            "orders#paid-late",
        ),
        (
            objectives.paid_to_mailed_p95_s,
            "mailed-late",
            "toyshop.order.time_to_mailed",
            "emails are accepted more than {} seconds after the payment",
            "orders#mailed-late",
        ),
        (
            objectives.uploaded_to_ready_p95_s,
            "ready-late",
            "toyshop.file.time_to_ready",
            "images are ready more than {} seconds after their upload",
            "images",
        ),
    ):
        if seconds:
            meaning = f"More than {_TAIL_PERCENT} % of {what.format(f'{seconds:g}')}"
            alarms |= _late(
                stage,
                name,
                metrics.shop(stage, service.name, metric),
                seconds,
                Notice("Ticket", meaning, runbook),
            )
    return alarms


def _late(stage: Stage, name: str, metric: Metric, limit: float, notice: Notice) -> Alarms:
    """Return alarms on the share of values within a limit."""
    alarms: Alarms = {
        f"{name}-several": metric_alarm(
            metric, "SampleCount", _FEWEST_REQUESTS - 1, Window(6 * _HOUR)
        )
    }
    for one in (*FAST, *SLOW):
        for length, window in (one.long, one.short):
            alarms[f"{name}-{_named(one.rate)}-{length}"] = metric_alarm(
                metric,
                # the percentage of values that are at most the limit
                f"PR(:{limit:g})",
                round(100 - one.rate * _TAIL_PERCENT, 6),
                window,
                comparison="LessThanThreshold",
            )
    pairs = [_pair(name, one) for one in (*FAST, *SLOW)]
    alarms[name] = {
        **notify(stage, notice),
        "AlarmRule": all_of([f"[{name}-several]", any_of(pairs)]),
    }
    return alarms


def _pair(name: str, one: BurnRate) -> str:
    lengths = (one.long[0], one.short[0])
    return all_of(f"[{name}-{_named(one.rate)}-{length}]" for length in lengths)


def _named(rate: float) -> str:
    return f"{rate:g}x".replace(".", "-")
