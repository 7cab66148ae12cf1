"""`./shop logs`: functions' lines from the telemetry store, and the files of processes."""

import itertools
import json
import re
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shopctl.cli.main import cli
from shopctl.local import logs, telemetry
from support import telemetry as stored

ORDER = "ord_00000000000000000000000001"
TRACE = "5" * 32


def line(message: str, level: str = "INFO", second: int = 0, **fields: Any) -> dict[str, Any]:
    moment = f"2026-11-30T12:00:{second:02d}.250Z"
    common = {"service": "orders", "stage": "local", "correlation_id": "req_1"}
    return {"level": level, "message": message, "time": moment, **common, **fields}


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    """Make the reader's time zone UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of a shop with logs of two functions and two processes."""
    monkeypatch.setenv("SHOP_HOME", str(tmp_path))
    for name in ("aws", "edge"):
        (tmp_path / "logs").mkdir(exist_ok=True)
        (tmp_path / "logs" / f"{name}.log").write_text(f"{name} one\n{name} two\n")
    stored.write(
        tmp_path / "telemetry.db",
        printed={
            "orders-api-handler": [
                line("order placed", second=1, trace_id=TRACE, order_id=ORDER),
                line("order placed", second=4, trace_id="6" * 32, order_id="ord_2"),
            ],
            "payments-charge": [
                line("request sent", "DEBUG", second=2, trace_id=TRACE),
                line("charge declined", "WARNING", 3, trace_id=TRACE, reason="no funds", attempt=2),
                line("batch of others", second=3, trace_id=TRACE, order_id="ord_2"),
                "plain text",
            ],
        },
    )
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["logs", *arguments])


def messages(*arguments: str) -> list[str]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(row)["message"] for row in result.output.splitlines()]


def test_lines_of_all_functions_come_by_time_after_those_of_processes(home: Path) -> None:
    rows = run().output.splitlines()
    assert rows[:4] == ["aws | aws one", "aws | aws two", "edge | edge one", "edge | edge two"]
    moments = [match[0] for row in rows[4:] if (match := re.search(r"00:0\d\.\d{3}", row))]
    assert moments == ["00:00.000", "00:01.250", "00:02.250", "00:03.250", "00:03.250", "00:04.250"]


def test_line_says_when_how_grave_who_what_and_then_the_fields(home: Path) -> None:
    with telemetry.opened(home / "telemetry.db") as found:
        wanted = telemetry.LineFilter(level="WARNING")
        (declined,) = found.last_lines(wanted, 9)
    text = logs.readable(declined, date(2026, 11, 30))
    assert text == (
        "12:00:03.250 \x1b[33mWARNING\x1b[0m payments-charge            charge declined"
        '  \x1b[2mreason\x1b[0m="no funds"  \x1b[2mattempt\x1b[0m=2'
    )
    assert logs.readable(declined, date(2026, 12, 1)).startswith("2026-11-30 12:00:03.250 ")


def test_output_that_is_no_terminal_has_no_colors(home: Path) -> None:
    assert "\x1b" not in run().output


def test_stack_is_indented_and_members_of_metrics_are_left_out(tmp_path: Path) -> None:
    directives = [{"Namespace": "ToyShop", "Dimensions": [[]], "Metrics": [{"Name": "counted"}]}]
    failed = line("failed", "ERROR", stack="Traceback:\n  here\n", counted=1, order_id=ORDER)
    failed["_aws"] = {"Timestamp": 0, "CloudWatchMetrics": directives}
    stored.write(tmp_path / "db", printed={"orders-api-handler": [failed]})
    with telemetry.opened(tmp_path / "db") as found:
        (row,) = found.last_lines(telemetry.LineFilter(), 1)
    first, *stack = logs.readable(row, date(2026, 11, 30)).splitlines()
    assert first.endswith(f"failed  \x1b[2morder_id\x1b[0m={ORDER}")
    assert stack == ["    Traceback:", "      here"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["orders"], ["order placed", "order placed"]),
        (["--service", "orders"], ["order placed", "order placed"]),
        (["payments-charge"], ["plain text", "request sent", "charge declined", "batch of others"]),
        (["--level", "warning"], ["charge declined"]),
        (["--level", "INFO", "payments"], ["plain text", "charge declined", "batch of others"]),
        (["--order", ORDER], ["order placed", "request sent", "charge declined"]),
        (["--order", ORDER, "--level", "WARNING"], ["charge declined"]),
        (["-n", "2"], ["batch of others", "order placed"]),
    ],
)
def test_lines_are_selected(home: Path, arguments: list[str], expected: list[str]) -> None:
    assert messages(*arguments) == expected


def test_log_of_a_process_is_its_file(home: Path) -> None:
    assert run("edge", "-n", "1").output == "edge | edge two\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nobody"], "There is no log of nobody."),
        (["--order", "ord_9"], "No stored line is about ord_9."),
        (["orders", "--service", "toys"], "name different services"),
    ],
)
def test_unknown_names_are_reported(home: Path, arguments: list[str], problem: str) -> None:
    result = run(*arguments)
    assert result.exit_code
    assert problem in f"{result.output} {result.exception}"


@pytest.mark.parametrize("count", ["99999999999999999999", "1000001", "-1", "nan", "inf", "1.5"])
def test_number_of_lines_that_cannot_be_read_is_refused(home: Path, count: str) -> None:
    result = run("-n", count)
    assert result.exit_code == 2
    assert "--lines" in result.stderr


def test_all_lines_are_read(home: Path) -> None:
    assert len(run("-n", "1000000").output.splitlines()) == 10
    assert run("-n", "0").output == ""


def test_service_that_has_logged_nothing_is_no_error(home: Path) -> None:
    assert run("notifications").output == ""


def test_shop_that_has_never_run_has_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_HOME", str(tmp_path))
    assert "Nothing has been logged" in str(run("orders").exception)


def test_following_shows_new_lines_of_functions_and_files(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a log of a function and two files that grow, one of them new, while they are followed
    directory = home / "logs"
    additions = iter(
        [
            lambda: (directory / "gateway.log").write_text("hello\n"),
            lambda: stored.write(
                home / "telemetry.db", printed={"orders-api-handler": [line("new", second=9)]}
            ),
            lambda: (directory / "edge.log").write_text("edge one\nedge two\nthree\n"),
        ]
    )
    monkeypatch.setattr("shopctl.local.logs.time.sleep", lambda _: next(additions)())
    with telemetry.opened(home / "telemetry.db") as found:
        # WHEN they are followed
        new = logs.follow(
            found,
            telemetry.LineFilter(),
            found.last_line_number(),
            lambda: logs.files(directory, None),
        )
        first, second, third = itertools.islice(new, 3)
    # THEN only new lines are shown
    assert first == (directory / "gateway.log", "hello")
    assert isinstance(second, telemetry.Line)
    assert second.message == "new"
    assert third == (directory / "edge.log", "three")
