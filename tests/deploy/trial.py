"""A stage of the tests: a copy of the apps, an embedded AWS, a gateway, and the commands."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chain.shop import ADDRESS, PASSWORD, Answer, eventually, free_port, http

from shopctl import launcher
from shopctl.cloud import Cloud
from shopctl.layout import Layout
from shopctl.local import activity, environment, processes
from shopctl.local.processes import Process

ROOT = Layout.find().root
SERVICES = ("file_manager", "notifications", "orders", "payments", "storefront_api", "toys")
STAGE = """
[{name}]
account = "000000000000"
region = "us-east-1"
mode = "{mode}"
currency = "AUD"
keeps_data = {keeps_data}
origin = "http://127.0.0.1:1"
aws = "{aws}"
gateway = "{gateway}"
sender_domain = "trial.example"
auto_confirm_users = true
retry_base_seconds = 1
test_payments = true
{more}"""


@dataclass
class Trial:
    """Stages on one embedded AWS, and apps that a test may change."""

    home: Path
    started: list[Process] = field(default_factory=list)
    aws_port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)

    @property
    def apps(self) -> Path:
        return self.home / "checkout" / "apps"

    @property
    def aws(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def cloud(self) -> Cloud:
        return Cloud("trial", self.aws)

    def start(self) -> None:
        layout = Layout.find()
        # the tests' own environment need not have what installs things
        self._prepare()
        self.apps.parent.mkdir(parents=True)
        shutil.copytree(ROOT / "apps", self.apps, symlinks=True)
        (self.apps.parent / "libs").symlink_to(ROOT / "libs")
        gateway = f"http://127.0.0.1:{self.gateway_port}"
        kinds = {
            "trial": ("cloudformation", "false"),
            "kept": ("cloudformation", "true"),
            "own": ("chalice", "false"),
            "shifted": ("cloudformation", "false"),
        }
        more = {"shifted": 'shift = "Canary10Percent5Minutes"\n'}
        (self.home / "stages.toml").write_text(
            "".join(
                STAGE.format(
                    name=name,
                    mode=mode,
                    keeps_data=kept,
                    aws=self.aws,
                    gateway=gateway,
                    more=more.get(name, ""),
                )
                for name, (mode, kept) in kinds.items()
            )
        )
        launch = [str(layout.aws_python), launcher.__path__[0], "--home", str(self.home)]
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

    def _prepare(self) -> None:
        script = "from shopctl.layout import Layout; from shopctl.local import environment"
        script += "; environment.prepare_aws(Layout.find())"
        subprocess.run([str(ROOT / "shop"), "--help"], check=True, capture_output=True)
        python = str(ROOT / ".venv" / "bin" / "python")
        path = str(ROOT / "tools" / "shopctl" / "src")
        subprocess.run([python, "-c", script], env={**os.environ, "PYTHONPATH": path}, check=True)

    def _start(self, name: str, command: list[str], port: int) -> None:
        sources = [ROOT / "tools" / tool / "src" for tool in ("shopctl", "gateway_simulator")]
        variables = environment.variables(PYTHONPATH=os.pathsep.join(map(str, sources)))
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
            SHOP_APPS=str(self.apps),
            SHOP_STAGES=str(self.home / "stages.toml"),
            AWS_ENDPOINT_URL=self.aws,
            **more,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of ``./shop`` and do not wait for it."""
        return subprocess.Popen(
            [str(ROOT / "shop"), *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def shop(self, *arguments: str, fails: bool = False) -> str:
        """Run a command of ``./shop``; return what it said."""
        process = self.begin(*arguments)
        said, complained = process.communicate(timeout=300)
        assert bool(process.returncode) == fails, said + complained
        return complained if fails else said

    @contextmanager
    def changed(self, file: str, old: str, new: str) -> Iterator[None]:
        """Change a file of the apps for a while."""
        path = self.apps / file
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new))
        try:
            yield
        finally:
            path.write_text(before)

    def stacks(self, stage: str = "trial") -> dict[str, Any]:
        """Return the stage's stacks by name."""
        pages = self.cloud.client("cloudformation").get_paginator("describe_stacks").paginate()
        found = {stack["StackName"]: stack for page in pages for stack in page["Stacks"]}
        return {
            name: stack
            for name, stack in found.items()
            if name.startswith(f"toyshop-{stage}-") and stack["StackStatus"] != "DELETE_COMPLETE"
        }

    def published(self, name: str, stage: str = "trial") -> str:
        found = self.cloud.client("ssm").get_parameter(Name=f"/toyshop/{stage}/{name}")
        return str(found["Parameter"]["Value"])


@dataclass
class Customer:
    """A customer of a stage's storefront, who buys one toy again and again."""

    url: str
    toy: str = ""
    token: str = ""

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return http(method, self.url + path, body, headers)

    @classmethod
    def of(cls, trial: Trial, stage: str = "trial") -> "Customer":
        """Sign a member of the staff up who adds a toy, and then buys it."""
        customer = cls(trial.published("storefront-api/api-url", stage))
        user = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD}
        answer = customer.api("POST", "/users", {**user, "name": "Ann"})
        assert answer.status == 201, answer.body
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

    def order(self) -> str:
        """Place an order, with the retries of a careful client, and return its id."""
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
