"""Evaluating alarms over series, by CloudWatch's rules."""

from collections.abc import Mapping, Sequence

import pytest

from shopctl.local.alarms import metric_math, rules, statistics
from shopctl.local.alarms.definitions import Alarm, CompositeAlarm, MetricAlarm, Series
from shopctl.local.alarms.evaluation import Evaluator, Status, decide


def metric_alarm(
    periods: int = 3,
    breaching: int | None = None,
    missing: str = "notBreaching",
    *,
    name: str = "one",
    namespace: str = "ToyShop",
    period: int = 60,
    comparison: str = "GreaterThanThreshold",
    threshold: float = 0,
) -> MetricAlarm:
    return MetricAlarm(
        name=name,
        description="Page: it is on fire. Runbook: docs/runbooks/fire.md",
        notifies=True,
        series={"value": Series(namespace, "fires", (), "Sum")},
        expression="value",
        period=period,
        periods=periods,
        breaching=breaching or periods,
        threshold=threshold,
        comparison=comparison,
        missing=missing,
    )


# 0 does not breach, X breaches, - is missing; the states for missing, ignore, breaching and
# notBreaching: the tables of "Configuring how CloudWatch alarms treat missing data"
RETAINED = None
THREE_OF_THREE = {
    "0 - X - X": ("OK", "OK", "OK", "OK"),
    "0 - - - -": ("OK", "OK", "OK", "OK"),
    "- - - - -": ("INSUFFICIENT_DATA", RETAINED, "ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "- - X - -": ("ALARM", RETAINED, "ALARM", "OK"),
    "- - - - X": ("INSUFFICIENT_DATA", RETAINED, "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 - X - -": ("OK", "OK", "ALARM", "OK"),
    "- - - - 0": ("OK", "OK", "ALARM", "OK"),
    "- - - X -": ("ALARM", RETAINED, "ALARM", "OK"),
}


@pytest.mark.parametrize("treatment", range(4))
@pytest.mark.parametrize(
    ("values", "states", "breaching"),
    [
        *((values, states, 3) for values, states in THREE_OF_THREE.items()),
        *((values, states, 2) for values, states in TWO_OF_THREE.items()),
    ],
)
def test_missing_values_are_treated_as_cloudwatch_documents(
    values: str, states: Sequence[str | None], breaching: int, treatment: int
) -> None:
    missing = ("missing", "ignore", "breaching", "notBreaching")[treatment]
    series = [{"0": 0.0, "X": 1.0, "-": None}[each] for each in values.split()]
    assert decide(metric_alarm(3, breaching, missing), series) == states[treatment]


def test_alarm_on_a_metric_of_dynamodb_keeps_its_state_without_values() -> None:
    alarm = metric_alarm(1, missing="notBreaching", namespace="AWS/DynamoDB")
    assert decide(alarm, [None, None, None]) is None
    # an expression that replaces missing values has one
    assert decide(alarm, [None, None, 0.0]) == "OK"


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [6]),
        ("GreaterThanOrEqualToThreshold", [5, 6]),
        ("LessThanThreshold", [4]),
        ("LessThanOrEqualToThreshold", [4, 5]),
    ],
)
def test_threshold_is_compared(comparison: str, breaching: list[float]) -> None:
    alarm = metric_alarm(1, comparison=comparison, threshold=5)
    assert [value for value in (4, 5, 6) if decide(alarm, [float(value)]) == "ALARM"] == breaching


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("Sum", 110),
        ("Average", 22),
        ("Minimum", 1),
        ("Maximum", 100),
        ("SampleCount", 5),
        ("p50", 3),
        ("p95", 100),
        ("PR(:4)", 80),
        ("PR(2:4)", 40),
        ("PR(2:)", 60),
    ],
)
def test_statistics(statistic: str, expected: float) -> None:
    assert statistics.of([3, 1, 100, 2, 4], statistic) == expected
    assert statistics.of([], statistic) is None


def test_unknown_statistic_is_refused() -> None:
    with pytest.raises(ValueError, match="TM"):
        statistics.of([1], "TM(10%:90%)")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b * 2 - 1", 4),
        ("(a + b) / 2", 1.5),
        ("a / 0", None),
        ("a + gone", None),
        ("FILL(gone, 7) + a", 8),
        ("IF(b >= 2, b, 0 - b)", 2),
        ("IF(b < 2, gone, -a)", -1),
        ("IF(a > 0 AND b > 5, 1, 0)", 0),
        ("IF(a > 0 OR b > 5, 1, 0)", 1),
        ("IF(a == 1 && b != 1, 1, 0)", 1),
        ("IF(gone > 1, 1, 0)", None),
    ],
)
def test_metric_math(expression: str, expected: float | None) -> None:
    assert metric_math.evaluate(expression, {"a": 1.0, "b": 2.0, "gone": None}) == expected


@pytest.mark.parametrize("expression", ["ANOMALY_DETECTION_BAND(a)", "a +", "other", "a.b", "'a'"])
def test_unsupported_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="Not "):
        metric_math.evaluate(expression, {"a": 1.0})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('ALARM("on")', True),
        ('OK("off") AND ALARM("on")', True),
        ('ALARM("off") OR ALARM("on") AND ALARM("off")', False),
        ('(ALARM("off") OR ALARM("on")) AND NOT ALARM("off")', True),
        ('INSUFFICIENT_DATA("new")', True),
        ("TRUE AND NOT FALSE", True),
    ],
)
def test_rules_of_composite_alarms(rule: str, expected: bool) -> None:
    states = {"on": "ALARM", "off": "OK", "new": "INSUFFICIENT_DATA"}
    assert rules.parse(rule)(lambda name: states[name]) is expected  # type: ignore[return-value]


@pytest.mark.parametrize(
    "rule", ["", "ALARM", 'ALARM("a"', 'ALARM("a") XOR OK("b")', 'OK("a") OK("b")', 'AND OK("a")']
)
def test_malformed_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="Not a rule"):
        rules.parse(rule)


def statuses(
    alarms: Sequence[Alarm], values: Mapping[float, float], now: float, *, minute: float = 60
) -> dict[str, Status]:
    """Evaluate alarms over the values of one metric by time."""

    def between(_: Series, start: float, end: float) -> list[float]:
        return [value for time, value in values.items() if start < time <= end]

    evaluator = Evaluator(alarms, between, minute=minute, look_back=30)
    return {alarm.name: evaluator.status(alarm.name, now) for alarm in alarms}


def test_alarm_says_since_when_it_fires_and_why() -> None:
    # GIVEN values that breach from the minute that ends at 300 on
    values = {60.0 * number: float(number >= 5) for number in range(1, 11)}
    status = statuses([metric_alarm(2, 2)], values, 610)["one"]
    assert (status.state, status.since) == ("ALARM", 360)
    assert status.why == ("fires Sum in 1 min: 1, 1; fires if 2 of 2 are above 0",)
    # AND it is over two periods after the last one that breaches
    values |= {660.0: 0.0}
    assert statuses([metric_alarm(2, 2)], values, 670)["one"].state == "OK"


def test_alarm_that_fires_for_long_does_not_say_since_when() -> None:
    status = statuses([metric_alarm(1)], {60.0 * number: 1.0 for number in range(100)}, 5940)["one"]
    assert (status.state, status.since) == ("ALARM", None)


def test_scale_shortens_periods() -> None:
    # GIVEN an alarm on two hours, and a minute that takes a second
    alarm = metric_alarm(2, period=3600)
    values = {1.0: 1.0, 100.0: 1.0}
    assert statuses([alarm], values, 101, minute=1)["one"].state == "ALARM"
    assert statuses([alarm], values, 150, minute=1)["one"].state == "OK"


def test_alarm_that_ignores_missing_values_keeps_its_state() -> None:
    alarm = metric_alarm(1, missing="ignore", period=3600)
    assert statuses([alarm], {100.0: 1.0}, 900)["one"].state == "ALARM"
    # the last value that was alone in its period did not breach
    assert statuses([alarm], {100.0: 1.0, 200.0: 0.0}, 3900)["one"].state == "OK"
    kept = statuses([alarm], {4000.0: 1.0}, 8000)["one"]
    assert (kept.state, kept.since) == ("ALARM", None)
    assert statuses([alarm], {4000.0: 0.0}, 8000)["one"].state == "OK"
    assert statuses([alarm], {}, 8000)["one"].state == "INSUFFICIENT_DATA"


def test_composite_alarm_follows_its_parts() -> None:
    long, short = metric_alarm(1, name="long", period=600), metric_alarm(1, name="short")
    both = CompositeAlarm("both", "", notifies=True, rule='ALARM("long") AND ALARM("short")')
    found = statuses([long, short, both], {300.0: 2.0}, 310)
    assert (found["both"].state, found["both"].since) == ("ALARM", 300)
    assert found["both"].why == (
        "fires Sum in 10 min: 2; fires if 1 of 1 are above 0",
        "fires Sum in 1 min: 2; fires if 1 of 1 are above 0",
    )
    # AND two more periods than the short window's own are looked at, while values are missing
    assert statuses([long, short, both], {300.0: 2.0}, 430)["both"].state == "ALARM"
    # AND it is over when the short window is
    over = statuses([long, short, both], {300.0: 2.0}, 490)
    assert (over["long"].state, over["both"].state) == ("ALARM", "OK")
    assert over["both"].why == ("fires Sum in 10 min: 2; fires if 1 of 1 are above 0",)
