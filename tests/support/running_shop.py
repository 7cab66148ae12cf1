"""A running shop, used through its commands and its API."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from gateway_simulator.client import ControlClient
from shopctl.local import mail
from shopctl.project.layout import Layout
from support.http import Answer, http
from support.paths import ROOT
from support.ports import free_port
from support.waiting import eventually

ACCOUNT = "000000000000"
PASSWORD = "Toyshop-2026!"
ADDRESS = {
    "name": "Alice Example",
    "line1": "1 Toy Street",
    "city": "Sydney",
    "postal_code": "2000",
    "country": "AU",
}


@dataclass
class Shop:
    """A shop with its own directory and ports; ``up_output`` is the output of the last ``up``."""

    home: Path
    root: Path = ROOT
    port: int = field(default_factory=free_port)
    aws_port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)
    # whether IAM is enforced
    auth: bool = False
    up_output: str = ""
    _toys: list[dict[str, Any]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def aws(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    def client(self, service: str) -> Any:
        """Return a client of the embedded AWS."""
        return boto3.client(
            service,
            endpoint_url=self.aws,
            region_name="us-east-1",
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
        )

    def items(self, service: str) -> dict[str, Any]:
        """Return the items of a service's table by id."""
        table = f"toyshop-local-{service}"
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return {item["id"]["S"]: item for page in pages for item in page["Items"]}

    @property
    def gateway(self) -> ControlClient:
        return ControlClient(f"http://127.0.0.1:{self.gateway_port}")

    @property
    def toys(self) -> list[dict[str, Any]]:
        if not self._toys:
            self._toys = self.api("GET", "/toys?limit=100").json["items"]
        return self._toys

    def run(self, *arguments: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command of ``./shop`` to its end."""
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command of ``./shop`` without waiting for it."""
        # the shop must not use the virtual environment of the tests
        drop = {"VIRTUAL_ENV", "PYTHONPATH", "TOX_ENV_DIR"}
        environ = {name: value for name, value in os.environ.items() if name not in drop}
        return subprocess.Popen(
            [str(self.root / "shop"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ | {"SHOP_HOME": str(self.home)},
            cwd=self.home.parent,
        )

    def up(self, *options: str) -> str:
        self.home.parent.mkdir(parents=True, exist_ok=True)
        result = self.run(
            "up", "--detach",
            "--port", str(self.port),
            "--aws-port", str(self.aws_port),
            "--gateway-port", str(self.gateway_port),
            *(["--auth"] if self.auth else []),
            *options,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        self.up_output = result.stdout
        return result.stdout

    def wait_for_pictures(self) -> None:
        """Wait until every toy of the catalogue has its pictures."""
        result = self.run("seed")
        assert result.returncode == 0, result.stdout + result.stderr

    def down(self) -> None:
        result = self.run("down")
        assert result.returncode == 0, result.stdout + result.stderr

    def run_json(self, command: str) -> Any:
        result = self.run(command, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return http(method, f"{self.origin}/api{path}", body, sent)

    def sign_in(self, email: str) -> str:
        answer = self.api("POST", "/sessions", {"email": email, "password": PASSWORD})
        assert answer.status == 200, answer.body
        token: str = answer.json["access_token"]
        return token

    def order_body(self, method: str = "pm_card_visa", quantity: int = 1) -> dict[str, Any]:
        return {
            "lines": [{"toy_id": self.toys[0]["id"], "quantity": quantity}],
            "shipping_address": ADDRESS,
            "payment_method": method,
        }

    def place(self, token: str, method: str = "pm_card_visa", key: str | None = None) -> Any:
        answer = self.api(
            "POST",
            "/orders",
            self.order_body(method),
            token,
            {"Idempotency-Key": key or str(uuid.uuid4())},
        )
        assert answer.status == 201, answer.body
        return answer.json

    def order(self, order_id: str, token: str) -> Any:
        answer = self.api("GET", f"/orders/{order_id}", token=token)
        assert answer.status == 200, answer.body
        return answer.json

    def wait_for_payment(self, order_id: str, token: str, status: str, seconds: float = 60) -> Any:
        """Wait until an order's payment has a status, and return the order."""

        def check() -> Any:
            order = self.order(order_id, token)
            return order if order["payment"]["status"] == status else None

        return eventually(check, seconds)

    def emails_about(self, order_id: str) -> list[dict[str, Any]]:
        return [sent for sent in self.run_json("mail") if order_id in sent["text"]]

    def wait_for_emails(
        self, order_id: str, count: int, seconds: float = 60
    ) -> list[dict[str, Any]]:
        """Wait for a number of emails about an order, and return them."""

        def arrived() -> bool:
            # reads the files: starting the command takes longer than most emails
            texts = [sent["text"] for sent in mail.read(Layout(self.root, self.home).mail)]
            return sum(order_id in text for text in texts) >= count

        eventually(arrived, seconds)
        mails = self.emails_about(order_id)
        assert len(mails) == count
        return mails

    def ledger_of(self, order_id: str) -> list[tuple[str, str]]:
        return [
            (entry["type"], entry["status"])
            for entry in self.run_json("ledger")
            if entry["order_id"] == order_id
        ]


def wait_until_idle(shop: Shop) -> None:
    """Wait until the embedded AWS has no delivery or invocation in progress."""
    idle_checks = 0

    def check() -> bool:
        nonlocal idle_checks
        busy = any(http("GET", f"{shop.aws}/_toyshop/activity").json.values())
        idle_checks = 0 if busy else idle_checks + 1
        return idle_checks >= 5

    eventually(check)


@contextmanager
def switched_off(shop: Shop, function: str) -> Iterator[None]:
    """Stop a function by reserving no concurrency for it, as on AWS."""
    functions = shop.client("lambda")
    name = f"toyshop-local-{function}"
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        functions.delete_function_concurrency(FunctionName=name)


def invoke_with_schedule_event(shop: Shop, name: str, detail: dict[str, Any]) -> Any:
    envelope = {
        "version": "0", "id": "1", "source": "aws.events", "detail-type": "Scheduled Event",
        "account": ACCOUNT, "region": "us-east-1", "time": "2026-11-24T00:00:00Z",
        "resources": [], "detail": detail,
    }  # fmt: skip
    answer = shop.client("lambda").invoke(FunctionName=name, Payload=json.dumps(envelope))
    payload = json.load(answer["Payload"])
    assert "FunctionError" not in answer, payload
    return payload
