"""`./shop metrics` and `./shop top`: summaries of stored metric values."""

import json
import os
import pty
import subprocess
import sys
import termios
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shopctl.cli import top as top_module
from shopctl.cli.main import cli
from shopctl.local import telemetry, top
from shopctl.local.metrics import percentile
from shopctl.project import running_shop
from shopctl.project.running_shop import Process, RunningShop, start_time
from support import telemetry as stored
from support.paths import ROOT
from support.telemetry import NOON, metric

NAMES = ("aws", "gateway", "edge")
SERVICES = ("storefront_api", "orders", "payments")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_HOME", str(tmp_path))
    now = time.time()
    stored.write(
        tmp_path / "telemetry.db",
        metrics=[
            *(metric("toyshop.payments", 1, now, outcome="succeeded") for _ in range(3)),
            metric("toyshop.payments", 1, now, outcome="declined"),
            *(
                metric("Latency", n, now, "AWS/ApiGateway", ApiName="a", Stage="api")
                for n in range(1, 101)
            ),
            metric("toyshop.payments", 1, now - 7200, outcome="refunded"),
        ],
    )
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments])


def test_metrics_are_summarized_by_name(home: Path) -> None:
    rows = run("metrics").output.splitlines()
    assert [row.split() for row in rows] == [
        ["count", "sum", "avg", "p50", "p95", "last"],
        ["AWS/ApiGateway", "Latency", "100", "5050", "50.5", "50", "95", "100"],
        ["ToyShop", "toyshop.payments", "4", "4", "1", "1", "1", "1"],
    ]
    assert all(len(row) <= 80 for row in rows)


def test_one_metric_is_summarized_by_dimensions(home: Path) -> None:
    content = json.loads(run("metrics", "toyshop.payments", "--json").output)
    assert [(entry["dimensions"], entry["count"]) for entry in content] == [
        ({"outcome": "declined"}, 1),
        ({"outcome": "succeeded"}, 3),
    ]
    assert "  succeeded" in run("metrics", "PAYMENTS").output


def test_since_reaches_further_back(home: Path) -> None:
    assert "refunded" not in run("metrics", "toyshop.payments").output
    assert "refunded" in run("metrics", "toyshop.payments", "--since", "3h").output
    assert "No value" in run("metrics", "--since", "0s").output


def test_unknown_metric_is_reported_with_the_known_ones(home: Path) -> None:
    problem = run("metrics", "nothing").exception
    assert str(problem) == "No metric has a name like nothing."
    assert getattr(problem, "remedy", "") == "Known are Latency, toyshop.payments."


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2), (0.95, 4), (0.0, 1), (1.0, 4)])
def test_percentile_is_a_value_that_occurred(share: float, expected: float) -> None:
    assert percentile([1, 2, 3, 4], share) == expected


def test_percentile_of_one_value_is_it() -> None:
    assert percentile([7], 0.95) == 7


def api(name: str, value: float, at: float = NOON) -> Any:
    dimensions = {"ApiName": "toyshop-local-orders", "Stage": "api"}
    return metric(name, value, at, "AWS/ApiGateway", **dimensions)


def queue(name: str, at: float = NOON, **values: float) -> list[Any]:
    full = f"toyshop-local-{name}"
    return [metric(key, value, at, "AWS/SQS", QueueName=full) for key, value in values.items()]


FUNCTION = {"FunctionName": "toyshop-local-payments-charge"}
BREAKER = {"service": "payments", "downstream": "notifications"}
MINUTE = [
    *(api("Count", 1, NOON - second) for second in (0, 1, 2, 30)),
    *(api("Latency", value) for value in (10, 20, 400)),
    *(api("4XXError", value) for value in (0, 1, 1)),
    api("5XXError", 1),
    api("Latency", 9000, NOON - 90),
    metric("Errors", 1, NOON, "AWS/Lambda", **FUNCTION),
    metric("Errors", 0, NOON, "AWS/Lambda", **FUNCTION),
    metric("toyshop.breaker.open", 1, NOON - 600, **BREAKER),
    metric("toyshop.outbox.lag", 0.5, service="orders"),
    metric("toyshop.outbox.lag", 2.5, service="orders"),
    metric("toyshop.orders.placed", 1, service="orders"),
    *queue(
        "payments-charge-dead-letters",
        ApproximateNumberOfMessagesVisible=3,
        ApproximateAgeOfOldestMessage=720,
    ),
    *queue("payments-charge-retry", ApproximateNumberOfMessagesDelayed=2),
    *queue("payments-fulfil-retry", NOON - 30, ApproximateNumberOfMessagesVisible=9),
    *queue("orders-relay-dead-letters", ApproximateNumberOfMessagesVisible=0),
]


@pytest.fixture
def watched(tmp_path: Path) -> top.Figures:
    error = {"level": "ERROR", "message": "charge failed", "time": "2026-11-30T12:00:00Z"}
    old = {**error, "time": "2026-11-30T11:00:00Z"}
    path = tmp_path / "db"
    stored.write(path, metrics=MINUTE, printed={"payments-charge": [error, old]})
    with telemetry.opened(path) as found:
        return top.Watcher(found, SERVICES).figures(NOON)


def test_figures_are_those_of_the_last_minute(watched: top.Figures) -> None:
    _, orders, payments = watched.services
    assert orders.rate == 0.3
    assert (orders.p50, orders.p95) == (20, 400)
    assert (orders.client_errors, orders.server_errors) == (2, 1)
    assert (payments.failed, payments.errors) == (1, 1)
    assert payments.breakers == ["notifications"]
    assert (watched.lag, watched.orders_rate, watched.paid_p95) == (2.5, 0.1, None)
    assert [queue.name for queue in watched.queues] == [
        "payments-charge-dead-letters",
        "payments-charge-retry",
    ]


def test_screen_fits_into_80_columns_and_24_lines(watched: top.Figures) -> None:
    watched.queues *= 20
    lines = top.layout(watched, "http://127.0.0.1:8000", NOON, width=80, height=24)
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "chain lag 2.5 s" in text
    assert "notifications open" in text
    assert "payments-charge-dead-letters                   3        0          0  12 min" in text
    assert "and 3" in text
    assert "payments-charge: charge failed" in text


def test_shop_without_dead_letters_says_so(watched: top.Figures) -> None:
    watched.queues = []
    lines = top.layout(watched, "http://127.0.0.1:8000", NOON, width=80, height=24)
    assert "All queues are empty; there are no dead letters." in lines


def test_values_leave_the_figures_after_a_minute(tmp_path: Path) -> None:
    stored.write(tmp_path / "db", metrics=MINUTE)
    with telemetry.opened(tmp_path / "db") as found:
        watcher = top.Watcher(found, SERVICES)
        assert watcher.figures(NOON).services[1].p95 == 400
        # WHEN a minute has passed and the breaker has closed
        closed = metric("toyshop.breaker.open", 0, NOON + 61, **BREAKER)
        stored.write(tmp_path / "db", metrics=[closed, api("Latency", 7, NOON + 61)])
        later = watcher.figures(NOON + 62)
    # THEN only what is newer counts
    assert later.services[1].p95 == 7
    assert later.services[2].breakers == []
    assert later.queues == []


@pytest.fixture
def running(home: Path) -> Path:
    """Make this process pass for a running shop."""
    started = start_time(os.getpid()) or 0.0
    processes = tuple(Process(name, os.getpid(), started, 8000) for name in NAMES)
    running_shop.write(home / "state.json", RunningShop("", SERVICES, processes))
    return home


def test_top_once_prints_one_screen_without_control_characters(running: Path) -> None:
    result = run("top", "--once")
    assert result.exit_code == 0
    assert result.output.startswith("Toy shop at http://127.0.0.1:8000")
    assert "\x1b" not in result.output


def end(home: Path, *names: str) -> None:
    """Make processes of the running shop pass for ended ones."""
    shop = running_shop.read(home / "state.json")
    assert shop
    processes = (replace(p, started=-9.0) if p.name in names else p for p in shop.processes)
    running_shop.write(home / "state.json", replace(shop, processes=tuple(processes)))


def test_top_says_that_figures_are_old_while_the_embedded_aws_is_dead(running: Path) -> None:
    end(running, "aws", "gateway")
    result = run("top", "--once")
    # THEN the status is that of ./shop status, and nothing that is unknown is said to be well
    assert result.exit_code == 3
    lines = result.output.splitlines()
    assert lines[1] == "aws, gateway have ended: the figures are from before. Run ./shop up."
    assert "closed" not in result.output
    assert "All queues are empty" not in result.output
    assert "The queues are not known." in lines
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_top_names_another_dead_process(running: Path) -> None:
    end(running, "edge")
    result = run("top", "--once")
    assert result.exit_code == 3
    assert result.output.splitlines()[1] == "edge has ended. Run ./shop up."
    # the embedded AWS still measures
    assert "All queues are empty" in result.output


def test_top_notices_while_it_runs_that_a_process_ends_and_the_shop_stops(
    running: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        (running / "state.json").unlink()

    events = iter([lambda: end(running, "aws"), stop, None])

    def wait(_: float) -> bool:
        event = next(events)
        if event:
            event()
        return event is None

    monkeypatch.setattr(top_module, "_quits", wait)
    result = run("top")
    assert result.exit_code == 0
    well, ended, stopped = result.output.split("Toy shop at")[1:]
    assert "Run ./shop up" not in well
    assert "aws has ended: the figures are from before. Run ./shop up." in ended
    assert "The shop is not running: the figures are from before. Run ./shop up." in stopped


ALARMS = ["alarms", "--json", "--all"]


def test_alarms_of_a_stopped_shop_say_so_beside_them(home: Path) -> None:
    result = run(*ALARMS)
    assert result.exit_code == 0
    assert json.loads(result.stdout)
    assert result.stderr == (
        "The shop is not running: the alarms tell nothing about now. Run ./shop up.\n"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aws", "aws has ended: the alarms tell nothing about now. Run ./shop up.\n"),
        ("edge", "edge has ended: the alarms may not show it. Run ./shop up.\n"),
        ("", ""),
    ],
)
def test_alarms_of_a_degraded_shop_name_the_dead_process(
    running: Path, name: str, expected: str
) -> None:
    end(running, name)
    result = run(*ALARMS)
    assert result.exit_code == 0
    assert json.loads(result.stdout)
    assert result.stderr == expected


def test_top_without_a_terminal_prints_a_screen_each_second(
    running: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = iter([False, False, True])
    monkeypatch.setattr(top_module, "_quits", lambda _: next(pauses))
    assert run("top").output.count("Toy shop at") == 3


def test_top_redraws_a_terminal_until_q_is_pressed(running: Path) -> None:
    # GIVEN a terminal of 80 columns and 24 lines
    terminal, command_side = pty.openpty()
    termios.tcsetwinsize(command_side, (24, 80))
    process = subprocess.Popen(
        [sys.executable, "-m", "shopctl", "top"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        stdin=command_side,
        stdout=command_side,
        stderr=command_side,
    )
    os.close(command_side)
    shown = b""
    # WHEN the screen has been drawn twice and q is pressed
    while shown.count(b"Toy shop at") < 2:
        shown += os.read(terminal, 65_536)
    os.write(terminal, b"q")
    # THEN the command ends, and leaves the terminal as it was
    assert process.wait(20) == 0
    shown += os.read(terminal, 65_536)
    os.close(terminal)
    text = shown.decode()
    assert text.startswith("\x1b[?1049h")
    assert text.endswith("\x1b[?1049l")
    screen = text.split("\x1b[H")[1].split("\x1b[J")[0].replace("\x1b[K", "")
    rows = screen.split("\r\n")
    assert len(rows) <= 24
    assert max(map(len, rows)) <= 80


def test_top_needs_a_running_shop(home: Path) -> None:
    assert str(run("top", "--once").exception) == "The shop is not running."


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (8, 2), (9, 24), (33, 5), (40, 10), (200, 60)])
def test_screen_of_any_size_is_drawn(watched: top.Figures, size: tuple[int, int]) -> None:
    width, height = size
    lines = top.layout(watched, "http://127.0.0.1:8000", NOON, width=width, height=height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_clock_is_left_out_where_it_does_not_fit(watched: top.Figures) -> None:
    title = "Toy shop at http://127.0.0.1:8000"

    def first(width: int) -> str:
        return top.layout(watched, title[12:], NOON, width=width, height=10)[0]

    assert first(40) == title
    assert first(len(title) + 8) == title
    assert first(len(title) + 9).startswith(f"{title} ")
    assert len(first(len(title) + 9)) == len(title) + 9
