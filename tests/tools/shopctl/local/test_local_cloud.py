"""`./shop up`, `down` and the others with a small app, on real processes and ports."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from shopctl.aws.clients import Cloud
from shopctl.project import running_shop
from support.checkout_copy import copy_runnable
from support.http import http
from support.paths import SAMPLE_APPS
from support.ports import free_port
from support.waiting import eventually


def free_ports() -> list[int]:
    return [free_port() for _ in range(3)]


@dataclass
class Shop:
    """A shop with a home, ports and copy of the sample app of its own."""

    directory: Path
    ports: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        copy_runnable(self.checkout, apps=SAMPLE_APPS)
        self.ports = free_ports()

    @property
    def apps(self) -> Path:
        return self.checkout / "apps"

    @property
    def checkout(self) -> Path:
        return self.directory / "checkout"

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def state(self) -> running_shop.RunningShop | None:
        return running_shop.read(self.home / "state.json")

    @property
    def options(self) -> list[str]:
        names = ("--port", "--aws-port", "--gateway-port")
        return [str(part) for pair in zip(names, self.ports, strict=True) for part in pair]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "shopctl", *arguments],
            env={
                **os.environ,
                "SHOP_HOME": str(self.home),
                "PYTHONPATH": str(self.checkout / "tools"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=120)
        assert "Traceback" not in errors
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def up(self) -> "subprocess.CompletedProcess[str]":
        done = self.run("up", "--detach", *self.options)
        assert done.returncode == 0, done.stderr
        return done

    def item(self, item_id: str, method: str = "GET") -> dict[str, Any]:
        return self.get(f"/items/{item_id}", method)

    def get(self, path: str, method: str = "GET") -> dict[str, Any]:
        api = f"http://127.0.0.1:{self.ports[1]}/restapis/toyshop-local-echo/api/_user_request_"
        request = urllib.request.Request(f"{api}{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
            return content

    def heard(self, function: str, line: str) -> bool:
        name = f"toyshop-local-echo-{function}"
        deadline = time.monotonic() + 15
        while line not in self.log(name):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def log(self, function: str) -> list[str]:
        with contextlib.closing(sqlite3.connect(self.home / "telemetry.db")) as database:
            query = "SELECT line FROM logs WHERE function = ?"
            return [line for (line,) in database.execute(query, [function])]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One shop for the tests below, which build on each other."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    yield shop
    shop.run("down", "--purge")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.run("down", "--purge")


def test_commands_report_that_the_shop_is_not_running(other: Shop) -> None:
    for command in ("status", "down", "mail", "ledger", "env", "seed"):
        done = other.run(command)
        assert done.returncode == 1
        assert done.stderr == "The shop is not running. Start it with ./shop up.\n"


def test_up_starts_everything_and_prints_the_urls(shop: Shop) -> None:
    # WHEN the shop is started
    done = shop.up()
    # THEN it prints its origin, each step and a curl command
    assert f"http://127.0.0.1:{shop.ports[0]}/" in done.stdout
    assert "✓ 1 services packaged" in done.stdout
    assert "curl '" in done.stdout
    # AND the API stores, the stream relays, the topic delivers
    assert shop.item("one", "PUT") == {"answer": "first", "found": True}
    assert shop.heard("on-sns-message", "heard of one")
    # AND an event that a consumer fails at goes to its retry queue
    shop.item("bad", "PUT")
    assert shop.heard("on-sqs-message", "retried bad")


def test_json_options_print_nothing_but_json(shop: Shop) -> None:
    status = json.loads(shop.run("status", "--json").stdout)
    assert {name: entry["status"] for name, entry in status["processes"].items()} == {
        "aws": "running",
        "gateway": "running",
        "edge": "running",
    }
    assert 0 < status["memory_mib"] < 1000
    assert json.loads(shop.run("env", "--json").stdout)["SHOP_URL"].endswith(str(shop.ports[0]))
    assert json.loads(shop.run("mail", "--json").stdout) == []
    assert json.loads(shop.run("ledger", "--json").stdout) == []


def test_logs_name_the_function(shop: Shop) -> None:
    lines = shop.run("logs", "echo").stdout.splitlines()
    assert any("echo-on-sns-message" in line and "heard of one" in line for line in lines)
    unknown = shop.run("logs", "nobody")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("There is no log of nobody.")


def test_up_with_a_used_port_starts_nothing(shop: Shop, other: Shop) -> None:
    # GIVEN a second shop that wants the first one's port
    other.ports[0] = shop.ports[0]
    # WHEN it is started
    done = other.run("up", "--detach", *other.options)
    # THEN the message names the port and how to choose another
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {shop.ports[0]} is used by another program.")
    assert f"--port {shop.ports[0] + 1}" in done.stderr
    assert other.state is None


def test_up_of_a_running_shop_deploys_only_changes(shop: Shop) -> None:
    # GIVEN a running shop
    before = shop.state
    # WHEN up runs again
    done = shop.up()
    # THEN it says so, and nothing is packaged or deployed
    assert "already running" in done.stdout
    assert "1 services packaged 1 unchanged" in done.stdout
    assert "0 of 2 changed" in done.stdout
    # WHEN the app has changed
    app = shop.apps / "echo" / "app.py"
    route = """

@app.route("/health")
def health() -> Any:
    return {"status": "ok"}
"""
    app.write_text(app.read_text().replace('ANSWER = "first"', 'ANSWER = "second"') + route)
    done = shop.up()
    # THEN the new code and the new route answer, in the same processes
    assert "1 of 2 changed" in done.stdout
    assert shop.item("one")["answer"] == "second"
    assert shop.get("/health") == {"status": "ok"}
    assert shop.state == before


def test_data_survives_down_and_up(shop: Shop) -> None:
    # GIVEN a stored item
    state = shop.state
    assert state
    # WHEN the shop goes down and up
    done = shop.run("down")
    assert done.returncode == 0
    assert "state saved" in done.stdout
    assert "without saving" not in done.stdout
    assert all(not process.is_alive() for process in state.processes)
    assert not (shop.home / "tmp").exists()
    done = shop.up()
    # THEN nothing is built again, the item is there and events flow
    assert "1 services packaged 1 unchanged" in done.stdout
    assert "0 of 2 changed" in done.stdout
    assert shop.item("one")["found"]
    shop.item("two", "PUT")
    assert shop.heard("on-sns-message", "heard of two")


@pytest.mark.parametrize(("name", "path"), [("edge", "/"), ("gateway", "/_simulator/health")])
def test_killed_process_is_started_again(shop: Shop, name: str, path: str) -> None:
    # GIVEN a shop of which a process is killed
    before = shop.state
    assert before
    os.kill(before[name].pid, signal.SIGKILL)
    # THEN it answers again, at the same port
    url = before[name].url + path
    deadline = time.monotonic() + 30
    while not (shop.state and shop.state[name].is_alive() and _answers(url)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert shop.run("status").returncode == 0
    # AND down stops it
    assert shop.run("down").returncode == 0
    assert not _answers(url)
    shop.up()


def test_up_starts_a_supervisor_that_was_killed(shop: Shop) -> None:
    state = shop.state
    assert state
    assert state.supervisor
    os.kill(state.supervisor.pid, signal.SIGKILL)
    while state.supervisor.is_alive():
        time.sleep(0.01)
    done = shop.run("status")
    assert done.returncode == 3
    assert "Nothing starts processes again that end. Run `./shop up`." in done.stdout
    shop.up()
    assert shop.run("status").returncode == 0
    state = shop.state
    assert state
    assert state.supervisor
    assert shop.run("down").returncode == 0
    assert not state.supervisor.is_alive()
    shop.up()


def test_status_reports_a_killed_aws_and_up_restarts(shop: Shop) -> None:
    # GIVEN a shop whose embedded AWS is killed
    state = shop.state
    assert state
    os.kill(state["aws"].pid, signal.SIGKILL)
    while not (shop.state and shop.state["aws"].given_up):
        time.sleep(0.05)
    # THEN status says what happened and what to do
    done = shop.run("status")
    assert done.returncode == 3
    assert "aws has ended: it is not started again, because" in done.stdout
    assert json.loads(shop.run("status", "--json").stdout)["processes"]["aws"]["status"] == "dead"
    # AND up restarts the shop with the data that were saved, and says so
    output = shop.up().stdout
    assert "aws had ended" in output
    assert "The shop was killed. It continues from the state of" in output
    assert shop.item("two")["found"]


def test_status_reports_an_aws_that_hangs_and_down_stops_it(shop: Shop) -> None:
    # GIVEN a shop whose embedded AWS is alive, but does not answer
    state = shop.state
    assert state
    os.kill(state["aws"].pid, signal.SIGSTOP)
    # THEN status says so and what to do
    done = shop.run("status")
    assert done.returncode == 3
    states = {tuple(line.split()[:2]) for line in done.stdout.splitlines()}
    expected = {
        ("aws", "hung"),
        ("gateway", "running"),
        ("edge", "running"),
        ("echo", "unknown"),
        ("queues", "unknown"),
    }
    assert states >= expected, done.stdout
    assert "aws does not answer. If this lasts, restart the shop" in done.stdout
    # AND the shop can be stopped
    done = shop.run("down")
    assert done.returncode == 0
    assert "aws does not answer" in done.stdout
    assert "aws has ended without saving its state" in done.stdout
    assert "state saved" not in done.stdout
    assert not any(process.is_alive() for process in state.processes)
    # AND it starts again with the data that were saved
    assert "The shop was killed. It continues from the state of" in shop.up().stdout
    assert shop.item("two")["found"]


def test_down_says_that_a_killed_aws_has_not_saved_its_state(shop: Shop) -> None:
    # GIVEN a shop whose embedded AWS has been killed
    state = shop.state
    assert state
    os.kill(state["aws"].pid, signal.SIGKILL)
    while state["aws"].is_alive():
        time.sleep(0.01)
    # WHEN the shop is stopped
    done = shop.run("down")
    # THEN it says that changes are lost, and so does the next start
    assert done.returncode == 0
    assert "aws had already ended" in done.stdout
    assert "aws has ended without saving its state" in done.stdout
    assert "state saved" not in done.stdout
    assert not any(process.is_alive() for process in state.processes)
    assert "The shop was killed. It continues from the state of" in shop.up().stdout
    assert shop.item("two")["found"]


def _answers(url: str) -> bool:
    try:
        http("GET", url, seconds=2)
    except OSError:
        return False
    return True


def test_status_reports_a_queue_that_nobody_reads(shop: Shop) -> None:
    assert json.loads(shop.run("status", "--json").stdout)["unread_queues"] == {}
    # GIVEN a disabled consumer
    functions = Cloud("test", f"http://127.0.0.1:{shop.ports[1]}").client("lambda")
    mappings = functions.list_event_source_mappings(
        FunctionName="toyshop-local-echo-on-sqs-message"
    )
    (mapping,) = mappings["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    # THEN status names its queue, as text and as JSON
    done = shop.run("status")
    assert done.returncode == 3
    assert done.stdout.startswith("The shop is degraded")
    line = "toyshop-local-echo-retry is not read: its event source mapping is disabled"
    assert line in done.stdout
    done = shop.run("status", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["unread_queues"] == {"toyshop-local-echo-retry": "disabled"}
    # AND the shop runs again when it is enabled
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert shop.run("status").returncode == 0


def test_queues_are_read_after_down_and_up_with_other_ports(shop: Shop) -> None:
    # GIVEN a shop that is started again with other ports
    before = shop.ports
    assert shop.run("down").returncode == 0
    shop.ports = free_ports()
    assert not set(shop.ports) & set(before)
    shop.up()
    # THEN its data are there
    assert shop.item("two")["found"]
    # AND an event goes through topic, failure and retry queue
    shop.item("bad-ports", "PUT")
    assert shop.heard("on-sqs-message", "retried bad-ports")
    assert shop.run("status").returncode == 0


def test_up_and_down_complete_although_their_output_is_not_read(shop: Shop) -> None:
    # GIVEN a shop that is down
    assert shop.run("down").returncode == 0
    for command in (["up", "--detach", *shop.options], ["down"]):
        # WHEN the reader of its output ends at once, as in `./shop up --detach | true`
        process = shop.start(*command)
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        # THEN the command completes, quietly
        assert process.wait(timeout=120) == 0
        assert process.stderr.read() == ""
        process.stderr.close()
        assert (shop.state is not None) == (command[0] == "up")
        if command[0] == "up":
            assert shop.item("two")["found"]
    shop.up()


def test_up_after_a_kill_reports_what_was_restored_and_lost(shop: Shop) -> None:
    # GIVEN a shop that is killed while a worker of the embedded AWS is at work
    state = shop.state
    assert state
    aws = psutil.Process(state["aws"].pid)
    # they start in the background
    worker = eventually(lambda: aws.children())[0]
    worker.suspend()
    for process in state.processes:
        os.kill(process.pid, signal.SIGKILL)
    while len(state.dead()) < 3:
        time.sleep(0.01)
    # WHEN it is started
    done = shop.up()
    # THEN it says since when changes are lost, and has the saved ones
    assert "The shop was killed. It continues from the state of" in done.stdout
    assert "Lost: everything after that moment" in done.stdout
    assert shop.item("two")["found"]
    # AND nothing of the killed shop goes on
    assert running_shop.start_time(worker.pid) is None


def test_ctrl_c_stops_what_up_started(other: Shop) -> None:
    # GIVEN a shop in the foreground
    process = other.start("up", *other.options)
    assert process.stdout
    for line in process.stdout:
        if "Press Ctrl-C to stop the shop" in line:
            break
    state = other.state
    assert state
    # WHEN Ctrl-C is pressed
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # THEN all of its processes have ended
    assert errors == ""
    assert len(state.dead()) == 3
    assert other.state is None


def test_failing_stack_is_reported_and_nothing_keeps_running(other: Shop) -> None:
    # GIVEN an app whose resources cannot be created
    template = other.apps / "echo" / "resources.yaml"
    template.write_text(template.read_text().replace("[Table, StreamArn]", "[Table, Nonsense]"))
    # WHEN it is started
    done = other.run("up", "--detach", *other.options)
    # THEN the message says which and why, and nothing runs
    assert done.returncode == 1
    assert done.stderr.startswith("The stack toyshop-local-echo-resources failed:")
    assert "Nonsense" in done.stderr
    assert other.state is None


def test_app_that_cannot_be_imported_is_reported(other: Shop) -> None:
    app = other.apps / "echo" / "app.py"
    app.write_text("import nowhere_to_be_found\n" + app.read_text())
    done = other.run("up", "--detach", *other.options)
    assert done.returncode == 1
    assert done.stderr.startswith("Chalice cannot package echo:")
    assert "nowhere_to_be_found" in done.stderr
