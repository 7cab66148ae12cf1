"""The running local shop as an incident changes it."""

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from shopctl.aws.clients import Cloud, connect
from shopctl.aws.target import on_running_shop
from shopctl.deploying import deploy, stacks
from shopctl.project import services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.running_shop import RunningShop
from shopctl.project.stages import Stage


@dataclass(frozen=True)
class World:
    """The running shop with its simulated AWS and gateway."""

    layout: Layout
    shop: RunningShop

    def require(self, *names: str) -> None:
        """Verify that processes of the shop are running.

        Parameters
        ----------
        *names
            Their roles.

        Raises
        ------
        ShopProblem
            If one has ended.
        """
        for name in names:
            if name in self.shop.dead():
                what = "embedded AWS" if name == "aws" else f"shop's {name}"
                raise ShopProblem(f"The {what} is not running.", "Start it with ./shop up.")

    def gateway(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API of the gateway, and return its answer.

        Parameters
        ----------
        method, path
            Method and path below ``/_simulator``; ``tools/gateway_simulator/README.md`` has them.
        """
        url = f"{self.shop['gateway'].url}/_simulator{path}"
        answer = requests.request(method, url, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    @cached_property
    def stage(self) -> Stage:
        """The stage ``local``."""
        return on_running_shop(self.layout, stages.load(self.layout.stages, "local"), self.shop)

    @cached_property
    def cloud(self) -> Cloud:
        """The embedded AWS."""
        return connect(self.stage, self.stage.aws)

    def inject(self, **faults: Any) -> None:
        """Replace the faults of the embedded AWS; none ends them all."""
        url = f"{self.shop['aws'].url}/_toyshop/faults"
        requests.post(url, json=faults, timeout=10).raise_for_status()

    def end_faults(self) -> None:
        """End every injected fault of the embedded AWS and of the gateway."""
        self.inject()
        self.gateway("DELETE", "/faults")
        self.gateway("POST", "/webhooks", {"skew_seconds": 0})

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """Publish an event to a topic of the shop."""
        arn = f"arn:aws:sns:{self.cloud.region}:{self.stage.account}:toyshop-local-{topic}"
        self.cloud.client("sns").publish(
            TopicArn=arn,
            Message=json.dumps(message),
            MessageAttributes={"type": {"DataType": "String", "StringValue": message["type"]}},
        )

    @property
    def backup(self) -> Path:
        """Where the last backup of the service that loses data is."""
        return self.layout.gameday_backup

    def back_up(self, service: str) -> None:
        """Back up a service, as a nightly run does."""
        shutil.rmtree(self.backup, ignore_errors=True)
        shop = str(self.layout.root / "shop")
        command = [shop, "backup", "--stage", "local", service, str(self.backup)]
        environment = {**os.environ, "SHOP_HOME": str(self.layout.home)}
        subprocess.run(command, env=environment, capture_output=True, check=True)

    def release_broken(self, name: str) -> None:
        """Release a service whose code raises an exception when it is imported."""
        [service] = services.load(self.layout.apps, [name])
        built = deploy.package_local(self.layout, service, self.stage)
        with tempfile.TemporaryDirectory() as directory:
            broken = Path(directory, "broken.zip")
            _break(built.archive, broken)
            package = deploy.package_local(self.layout, service, self.stage, code=broken)
            stacks.deploy_packages(self.cloud, [package])


def _break(package: Path, broken: Path) -> None:
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(broken, "w") as target:
        for entry in source.infolist():
            # byte code is used without a look at its source
            if entry.filename.startswith("__pycache__/app."):
                continue
            content = source.read(entry)
            if entry.filename == "app.py":
                content += b'\nraise RuntimeError("This release is broken.")\n'
            target.writestr(entry, content)
