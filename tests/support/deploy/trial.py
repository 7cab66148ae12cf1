"""Stages to deploy to: a copy of the checkout, an embedded AWS, a gateway, and the commands."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import embedded_aws
from chassis.api import EDGE_HEADER
from gateway_simulator.client import ControlClient
from shopctl.aws.clients import Cloud
from shopctl.local import activity, environment, processes
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process
from support.checkout_copy import copy_runnable
from support.http import Answer, http
from support.installation import install_tools
from support.paths import ROOT
from support.running_shop import ADDRESS, PASSWORD, free_port
from support.waiting import eventually

ACCOUNT = "000000000000"
REGION = "us-east-1"
# Chalice installs an app's packages with pip: which index, which proxy, and how long to wait for it
PIP = {
    "PIP_DEFAULT_TIMEOUT": "60",
    "PIP_RETRIES": "10",
    **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
}
SERVICES = ("file_manager", "notifications", "orders", "payments", "storefront_api", "toys")
PUBLISHABLE_KEY = 'stripe_publishable_key = "pk_test_edged"'
# makes an app deploy successfully and respond with 500 to everything
BROKEN = """

@app.middleware("http")
def broken(event: object, get_response: object) -> object:
    from chalice import Response

    return Response({"broken": True}, status_code=500)
"""
STAGE = """
[{name}]
account = "{account}"
region = "us-east-1"
mode = "{mode}"
currency = "AUD"
retain_data = {retain_data}
network = {network}
{more}
aws = "{aws}"
gateway = "{gateway}"
sender_domain = "{name}.example"
ses_sandbox = {ses_sandbox}
seller_name = "Trial"
seller_address = "1 Trial Street"
seller_tax_number = "1"
auto_confirm_users = true
retry_base_seconds = 1
test_payments = true
"""


@dataclass
class Trial:
    """Stages on one embedded AWS, and a copy of the checkout that a test may change.

    ``trial`` and ``retained`` are deployed with CloudFormation, ``gradual`` too, with gradual
    releases, ``own`` with Chalice; ``inside`` and ``owninside`` likewise in a network of their
    own; ``edged`` has an edge and alarms; ``foreign`` is of another account.
    """

    home: Path
    started: list[Process] = field(default_factory=list)
    aws_port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)

    @property
    def apps(self) -> Path:
        return self.root / "apps"

    @property
    def root(self) -> Path:
        """The checkout whose commands the tests run."""
        return self.home / "checkout"

    @property
    def aws(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def cloud(self) -> Cloud:
        return Cloud("trial", self.aws)

    def start(self) -> None:
        layout = Layout.find()
        install_tools()
        copy_runnable(self.root)
        # the embedded AWS does not support them
        self._remove("network", "FlowLog")
        self._remove("edge", "ApiAclAssociation")
        gateway = f"http://127.0.0.1:{self.gateway_port}"
        alarmed = 'alarm_email = "operations@trial.example"'
        kinds = {
            "trial": ("cloudformation", "false", "false", ""),
            "retained": ("cloudformation", "true", "false", ""),
            "own": ("chalice", "false", "false", ""),
            "gradual": (
                "cloudformation",
                "false",
                "false",
                'gradual_release = "Canary10Percent5Minutes"',
            ),
            "foreign": ("cloudformation", "false", "false", ""),
            # as on AWS: in a network, with alarms
            "inside": ("cloudformation", "false", "true", alarmed),
            "owninside": ("chalice", "false", "true", alarmed),
            "edged": ("cloudformation", "false", "false", f"{PUBLISHABLE_KEY}\n{alarmed}"),
        }
        (self.root / "stages.toml").write_text(
            "".join(
                STAGE.format(
                    name=name,
                    account="111111111111" if name == "foreign" else ACCOUNT,
                    mode=mode,
                    retain_data=retain_data,
                    # "retained" sends the emails of its user pool through SES
                    ses_sandbox="false" if name == "retained" else "true",
                    network=network,
                    # a stage with an edge uses the name of its distribution
                    more=more if name == "edged" else f'{more}\norigin = "http://127.0.0.1:1"',
                    aws=self.aws,
                    gateway=gateway,
                )
                for name, (mode, retain_data, network, more) in kinds.items()
            )
        )
        launch = [str(layout.aws_python), embedded_aws.__path__[0], "--home", str(self.home)]
        self._start("aws", [*launch, "--port", str(self.aws_port)], self.aws_port)
        simulate = [
            sys.executable,
            "-m",
            "gateway_simulator",
            "--state",
            str(self.home / "gateway"),
        ]
        simulate += ["--webhook-url", "http://127.0.0.1:1/", "--webhook-secret", "whsec_x"]
        self._start("gateway", [*simulate, "--port", str(self.gateway_port)], self.gateway_port)

    def _remove(self, template: str, resource: str) -> None:
        """Remove a resource from a template of `infra/`."""
        path = self.root / "infra" / f"{template}.yaml"
        text, found = re.subn(
            rf"(?ms)^  {resource}:\n.*?(?=^  \w|\Z)", "", path.read_text(), count=1
        )
        assert found == 1
        path.write_text(text)

    def _start(self, name: str, command: list[str], port: int) -> None:
        variables = environment.variables(PYTHONPATH=str(ROOT / "tools"))
        if name == "aws":
            del variables["PYTHONPATH"]
        log = self.home / f"{name}.log"
        process = processes.start(name, command, port=port, log=log, environment=variables)
        self.started.append(process)
        activity.wait_until_answers(process.url, str(log), gone=lambda: not process.is_alive())

    def stop(self) -> None:
        for process in self.started:
            processes.stop(process)

    def environment(self, **more: str) -> dict[str, str]:
        return environment.variables(
            SHOP_HOME=str(self.home),
            AWS_ENDPOINT_URL=self.aws,
            **more,
        )

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command of ``./shop`` without waiting for it."""
        return subprocess.Popen(
            [str(self.root / "shop"), *arguments],
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def shop(self, *arguments: str, fails: bool = False, **variables: str) -> str:
        """Run a command of ``./shop``; return its output."""
        process = self.begin(*arguments, **variables)
        output, errors = process.communicate(timeout=300)
        assert bool(process.returncode) == fails, output + errors
        return errors if fails else output

    def chalice(self, stage: str, service: str, command: str = "deploy") -> None:
        """Run a command of Chalice's own in an app's folder."""
        done = subprocess.run(
            [str(ROOT / ".venv" / "bin" / "chalice"), command, "--stage", stage],
            cwd=self.apps / service,
            env=self.environment(
                AWS_DEFAULT_REGION="us-east-1",
                AWS_ACCESS_KEY_ID=ACCOUNT,
                AWS_SECRET_ACCESS_KEY="local",
                **PIP,
            ),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def diff(self, *arguments: str) -> tuple[int, Any]:
        """Run ``./shop diff``; return its exit status and its result."""
        process = self.begin("diff", "--json", *arguments)
        output, errors = process.communicate(timeout=300)
        assert not errors, errors
        return process.returncode, json.loads(output)

    def doctor(self, *arguments: str) -> dict[str, dict[str, str]]:
        """Run ``./shop doctor`` on a stage that is not complete; return its items by name."""
        process = self.begin("doctor", "--json", *arguments)
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 1, errors
        return {item["item"]: item for item in json.loads(output)["items"]}

    @contextmanager
    def changed(self, file: str, old: str, new: str) -> Iterator[None]:
        """Change a file of the apps within the context."""
        path = self.apps / file
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new))
        try:
            yield
        finally:
            path.write_text(before)

    @contextmanager
    def with_more(self, file: str, text: str) -> Iterator[None]:
        """Append a text to a file of the apps within the context."""
        path = self.apps / file
        before = path.read_text()
        path.write_text(before + text)
        try:
            yield
        finally:
            path.write_text(before)

    def health(self, service: str, stage: str = "trial") -> int:
        """Return the status of a service's health check."""
        name = f"{service.replace('_', '-')}/api-url"
        url = f"{self.published(name, stage)}/health"
        edge = self.through_the_edge(stage) if service == "storefront_api" else {}
        request = AWSRequest("GET", url, headers=edge)
        SigV4Auth(Credentials(ACCOUNT, "local"), "execute-api", REGION).add_auth(request)
        return http("GET", url, headers=dict(request.headers.items())).status

    def through_the_edge(self, stage: str = "trial") -> dict[str, str]:
        """Return the header that the distribution, which these stages lack, would send."""
        name = f"toyshop-{stage}-storefront-api-edge-key"
        found = self.cloud.client("secretsmanager").get_secret_value(SecretId=name)
        return {EDGE_HEADER: str(found["SecretString"])}

    def charges(self, orders: Sequence[str]) -> dict[str, int]:
        """Return the number of charges of each of these orders."""
        ledger = ControlClient(f"http://127.0.0.1:{self.gateway_port}").ledger()
        charged = Counter(
            entry["order_id"]
            for entry in ledger
            if (entry["type"], entry["status"]) == ("charge", "succeeded")
        )
        return {order: charged[order] for order in orders}

    def stacks(self, stage: str = "trial") -> dict[str, Any]:
        """Return the stage's stacks by name."""
        pages = self.cloud.client("cloudformation").get_paginator("describe_stacks").paginate()
        found = {stack["StackName"]: stack for page in pages for stack in page["Stacks"]}
        return {
            name: stack
            for name, stack in found.items()
            if name.startswith(f"toyshop-{stage}-") and stack["StackStatus"] != "DELETE_COMPLETE"
        }

    def download(self, location: str) -> bytes:
        """Return the content of a URL of the embedded AWS, whatever host the URL names."""
        path = location.split("/", 3)[3]
        with urllib.request.urlopen(f"{self.aws}/{path}", timeout=60) as answer:
            return bytes(answer.read())

    def published(self, name: str, stage: str = "trial") -> str:
        found = self.cloud.client("ssm").get_parameter(Name=f"/toyshop/{stage}/{name}")
        return str(found["Parameter"]["Value"])


@dataclass
class Customer:
    """A customer of a stage's storefront, who orders one toy repeatedly."""

    url: str
    edge: dict[str, str]
    toy: str = ""
    token: str = ""

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return http(method, self.url + path, body, {**self.edge, **headers})

    @classmethod
    def of(cls, trial: Trial, stage: str = "trial") -> "Customer":
        """Sign up a staff member, who adds a toy and can order it."""
        url = trial.published("storefront-api/api-url", stage)
        customer = cls(url, trial.through_the_edge(stage))
        user = customer.sign_up()
        pool = trial.published("storefront-api/user-pool-id", stage)
        trial.cloud.client("cognito-idp").admin_add_user_to_group(
            UserPoolId=pool, Username=user["email"], GroupName="staff"
        )
        customer.token = customer.api("POST", "/sessions", user).json["access_token"]
        toy = {
            "name": "Kite",
            "description": "It flies.",
            "category": "outdoor",
            "brand": "Windy",
            "price": {"amount": 1999, "currency": "AUD"},
            "min_age": 5,
            "attributes": {},
        }
        created = customer.api("POST", "/toys", toy)
        assert created.status == 201, created.body
        customer.toy = created.json["id"]
        return customer

    def sign_up(self) -> dict[str, str]:
        """Sign up, and return the credentials."""
        user = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD}
        answer = self.api("POST", "/users", {**user, "name": "Ann"})
        assert answer.status == 201, answer.body
        return user

    def shopper(self) -> "Customer":
        """Sign up another customer, who is not staff, for the same toy."""
        shopper = Customer(self.url, self.edge, self.toy)
        user = shopper.sign_up()
        shopper.token = shopper.api("POST", "/sessions", user).json["access_token"]
        return shopper

    def order(self) -> str:
        """Place an order with retries, and return its id."""
        body = {
            "lines": [{"toy_id": self.toy, "quantity": 1}],
            "shipping_address": ADDRESS,
            "payment_method": "pm_card_visa",
        }
        key = {"Idempotency-Key": str(uuid.uuid4())}
        for _ in range(10):
            answer = self.api("POST", "/orders", body, **key)
            if answer.status in (200, 201):
                return str(answer.json["id"])
            assert answer.status >= 429, answer.body
            time.sleep(0.5)
        raise AssertionError(answer.body)

    def pays(self, order: str, seconds: float = 60) -> None:
        """Wait until an order is paid."""

        def paid() -> bool:
            answer = self.api("GET", f"/orders/{order}")
            return answer.status == 200 and answer.json["payment"]["status"] == "succeeded"

        eventually(paid, seconds)


@dataclass
class Ordering:
    """Orders placed by a client that keeps placing them."""

    orders: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextmanager
def ordering(customer: Customer) -> Iterator[Ordering]:
    """Place orders continuously within the context, at least two before and after it."""
    done, placed = threading.Event(), Ordering()

    def place() -> None:
        while not done.is_set():
            try:
                placed.orders.append(customer.order())
            except (AssertionError, OSError) as error:
                placed.problems.append(str(error))
            time.sleep(0.05)

    client = threading.Thread(target=place)
    client.start()
    try:
        eventually(lambda: len(placed.orders) > 2)
        yield placed
        count = len(placed.orders)
        eventually(lambda: len(placed.orders) > count + 2)
    finally:
        done.set()
        client.join()


def all_paid_once(trial: Trial, customer: Customer, placed: Ordering) -> None:
    """Assert that no request failed and that each order was paid exactly once."""
    assert placed.problems == []
    for order in placed.orders:
        customer.pays(order)
    assert set(trial.charges(placed.orders).values()) == {1}
