"""The figures of the last minute of the local shop, and how they are laid out on a terminal."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shopctl.local.metrics import percentile
from shopctl.local.telemetry import LineFilter, Telemetry, Value, label
from shopctl.project import aws_names

WINDOW_SECONDS = 60.0
_RATE_SECONDS = 10.0
# a queue that holds messages is sampled every second
_QUEUE_SECONDS = 4.0
# how long the state of a circuit breaker is looked back for
_BREAKER_SECONDS = 3600.0
_MOST_ERRORS = 9999
_DEAD_LETTERS = "-dead-letters"
_QUEUES = {
    "ApproximateNumberOfMessagesVisible": "visible",
    "ApproximateNumberOfMessagesDelayed": "delayed",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateAgeOfOldestMessage": "age",
}
_BREAKER = "toyshop.breaker.open"
_LAG = "toyshop.outbox.lag"
_PAID = "toyshop.order.time_to_paid"
_PLACED = "toyshop.orders.placed"
_NAMES = (
    *("Count", "4XXError", "5XXError", "Latency", "Errors", "IteratorAge"),
    *(_BREAKER, _LAG, _PAID, _PLACED, *_QUEUES),
)


@dataclass
class Service:
    """One service's figures; latencies are in milliseconds and None if nothing was called.

    Attributes
    ----------
    failed
        Invocations that failed.
    errors
        Log lines of level ERROR.
    breakers
        Services that it does not call at present.
    """

    name: str
    rate: float = 0.0
    p50: float | None = None
    p95: float | None = None
    client_errors: int = 0
    server_errors: int = 0
    failed: int = 0
    errors: int = 0
    breakers: list[str] = field(default_factory=list)


@dataclass
class Queue:
    """A queue that holds messages; ``age`` is that of the oldest one in seconds."""

    name: str
    visible: float = 0
    delayed: float = 0
    in_flight: float = 0
    age: float = 0

    @property
    def is_for_dead_letters(self) -> bool:
        """Whether nothing consumes it but a person."""
        return self.name.endswith(_DEAD_LETTERS)


@dataclass
class Figures:
    """What `./shop top` shows; ``lag`` and ``paid_p95`` are in seconds, None without orders."""

    orders_rate: float
    lag: float | None
    paid_p95: float | None
    services: list[Service]
    queues: list[Queue]
    last_errors: list[str]


class Watcher:
    """Reads the newest values again and again, and keeps those of the last minute.

    Parameters
    ----------
    services
        Names of the services that run.
    """

    def __init__(self, telemetry: Telemetry, services: Sequence[str]) -> None:
        self._telemetry = telemetry
        self._services = services
        self._number = 0
        self._values: deque[Value] = deque()
        self._breakers: dict[tuple[str, str], Value] = {}
        self._queues: dict[tuple[str, str], Value] = {}

    def figures(self, now: float) -> Figures:
        """Return the present figures.

        Parameters
        ----------
        now
            Seconds since 1970.
        """
        self._read(now)
        lag = [v.value for v in self._named(_LAG)]
        lag = lag or [v.value / 1000 for v in self._named("IteratorAge")]
        paid = sorted(v.value for v in self._named(_PAID))
        placed = [v.value for v in self._named(_PLACED) if v.time >= now - _RATE_SECONDS]
        return Figures(
            orders_rate=sum(placed) / _RATE_SECONDS,
            lag=max(lag, default=None),
            paid_p95=percentile(paid, 0.95) if paid else None,
            services=[self._service(name, now) for name in self._services],
            queues=self._filled_queues(now),
            last_errors=self._last_errors(now),
        )

    def _read(self, now: float) -> None:
        since = now - (WINDOW_SECONDS if self._number else _BREAKER_SECONDS)
        self._number, new = self._telemetry.newest_values(_NAMES, self._number, since)
        for value in new:
            if value.name == _BREAKER:
                key = value.dimensions.get("service", ""), value.dimensions.get("downstream", "")
                self._breakers[key] = value
            elif value.name in _QUEUES:
                self._queues[value.dimensions["QueueName"], value.name] = value
            elif value.time >= now - WINDOW_SECONDS:
                self._values.append(value)
        while self._values and self._values[0].time < now - WINDOW_SECONDS:
            self._values.popleft()

    def _named(self, name: str) -> Iterator[Value]:
        return (value for value in self._values if value.name == name)

    def _service(self, name: str, now: float) -> Service:
        resource = aws_names.resource("local", name)
        of_api = [v for v in self._values if v.dimensions.get("ApiName") == resource]
        latencies = sorted(v.value for v in of_api if v.name == "Latency")
        recent = [v for v in of_api if v.name == "Count" and v.time >= now - _RATE_SECONDS]
        failed = (
            v.value
            for v in self._named("Errors")
            if v.dimensions.get("FunctionName", "").startswith(f"{resource}-")
        )
        logged = LineFilter(name=name, level="ERROR", since=now - WINDOW_SECONDS)
        return Service(
            name=name,
            rate=len(recent) / _RATE_SECONDS,
            p50=percentile(latencies, 0.5) if latencies else None,
            p95=percentile(latencies, 0.95) if latencies else None,
            client_errors=int(sum(v.value for v in of_api if v.name == "4XXError")),
            server_errors=int(sum(v.value for v in of_api if v.name == "5XXError")),
            failed=int(sum(failed)),
            errors=len(self._telemetry.last_lines(logged, _MOST_ERRORS)),
            breakers=sorted(
                downstream
                for (service, downstream), value in self._breakers.items()
                if service == name and value.value
            ),
        )

    def _filled_queues(self, now: float) -> list[Queue]:
        queues: dict[str, Queue] = {}
        for (name, metric), value in self._queues.items():
            if value.time >= now - _QUEUE_SECONDS:
                queue = queues.setdefault(name, Queue(label(name)))
                setattr(queue, _QUEUES[metric], value.value)
        filled = [q for q in queues.values() if q.visible or q.delayed or q.in_flight]
        return sorted(filled, key=lambda queue: (not queue.is_for_dead_letters, queue.name))

    def _last_errors(self, now: float) -> list[str]:
        wanted = LineFilter(level="ERROR", since=now - WINDOW_SECONDS)
        return [
            f"{time.strftime('%H:%M:%S', time.localtime(line.time))} {label(line.function)}:"
            f" {line.message}"
            for line in self._telemetry.last_lines(wanted, 3)
        ]


def layout(
    figures: Figures,
    url: str,
    now: float,
    *,
    width: int,
    height: int,
    absent: str = "",
    is_measured: bool = True,
) -> list[str]:
    """Return the lines of a screen, none longer than it is wide.

    Parameters
    ----------
    url
        The shop's.
    now
        Seconds since 1970.
    width, height
        Columns and lines of the screen; the most important lines come first.
    absent
        What of the shop does not run, in words.
    is_measured
        Whether the figures are of now; otherwise they are from before something ended.
    """
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    title = f"Toy shop at {url}"
    blanks = width - len(title) - len(clock)
    lines = [title + " " * blanks + clock if blanks > 0 else title]
    if absent:
        old = "" if is_measured else ": the figures are from before"
        lines.append(f"{absent}{old}. Run ./shop up.")
    closed = "closed" if is_measured else "not known"
    lines.append(
        f"orders {figures.orders_rate:.1f}/s   chain lag {_seconds(figures.lag)}"
        f"   placed to paid p95 {_seconds(figures.paid_p95)}"
    )
    lines += ["", "service          req/s p50 ms p95 ms  4xx  5xx failed ERROR  breaker"]
    lines += [
        f"{s.name:15} {s.rate:6.1f} {_rounded(s.p50):>6} {_rounded(s.p95):>6}"
        f" {s.client_errors:4} {s.server_errors:4} {s.failed:6} {s.errors:5}"
        f"  {', '.join(s.breakers) + ' open' if s.breakers else closed}"
        for s in figures.services
    ]
    if figures.queues or is_measured:
        lines += ["", *_queue_lines(figures.queues, limit=max(2, height - len(lines) - 6))]
    else:
        lines += ["", "The queues are not known."]
    if figures.last_errors:
        lines += ["", "last errors", *(f"  {text}" for text in figures.last_errors)]
    return [line[:width].rstrip() for line in lines[:height]]


def _queue_lines(queues: list[Queue], limit: int) -> list[str]:
    if not queues:
        return ["All queues are empty; there are no dead letters."]
    title = "queue"
    lines = [f"{title:40} waiting  delayed  in flight  oldest"]
    lines += [
        f"{q.name:40} {q.visible:7.0f} {q.delayed:8.0f} {q.in_flight:10.0f}  {_age(q.age)}"
        for q in queues[: limit - 1]
    ]
    more = len(queues) - limit + 1
    return [*lines, f"and {more} more"] if more > 0 else lines


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _rounded(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
