"""Starts the whole shop on this machine."""

import datetime
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from shopctl.aws.clients import connect
from shopctl.aws.target import on_running_shop
from shopctl.deploying import deploy, stacks
from shopctl.deploying.references import SIMULATOR_KEYS
from shopctl.local import activity, environment, processes, recovery, seeding, supervisor, users
from shopctl.local.progress import Progress
from shopctl.packaging.package import Package
from shopctl.project import running_shop, services, stages
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process, RunningShop
from shopctl.project.services import Service
from shopctl.project.stages import Stage

_PARALLEL_PACKAGES = 2


@dataclass(frozen=True)
class Options:
    """The options of `./shop up`."""

    port: int = 8000
    aws_port: int = 4566
    gateway_port: int = 12111
    only: tuple[str, ...] = ()
    auth: bool = False
    seed: bool = True


@dataclass
class Start:
    """One run of `./shop up`; `processes` are those that it started."""

    layout: Layout
    options: Options
    progress: Progress
    processes: list[Process] = field(default_factory=list)

    @property
    def _ports(self) -> dict[str, int]:
        options = self.options
        return {"aws": options.aws_port, "gateway": options.gateway_port, "edge": options.port}

    def run(self) -> RunningShop:
        """Start everything, deploy every service and fill the shop.

        Raises
        ------
        ShopProblem
            If a step fails; `processes` are the processes that still run then.
        """
        chosen = services.load(self.layout.apps, self.options.only)
        names = {"aws": "--aws-port", "gateway": "--gateway-port", "edge": "--port"}
        environment.check_ports({names[name]: port for name, port in self._ports.items()})
        with self.progress.step("Embedded AWS installed") as step:
            step.note = "" if environment.prepare_aws(self.layout) else "reused"
        recovery.recover(self.layout, self.progress)
        self._start_processes()
        state = RunningShop(
            started_at=f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
            services=tuple(service.name for service in chosen),
            processes=tuple(self.processes),
        )
        # while the processes start
        packages = _package(self.layout, state, chosen, self.progress)
        self._wait_for_processes()
        state = supervised(self.layout, state)
        if state.supervisor:
            self.processes.append(state.supervisor)
        _deploy(self.layout, state, chosen, packages, self.progress)
        if self.options.seed and is_sellable(state):
            with self.progress.step("Catalogue seeded") as step:
                state = seeding.add_toys(self.layout, state, step)
            if state.seeding:
                self.processes.append(state.seeding)
        activity.checkpoint(state["aws"].url)
        return state

    def _start_processes(self) -> None:
        home, ports = self.layout.home, self._ports
        python_path = str(self.layout.tools)
        embedded_aws = [str(self.layout.aws_python), str(self.layout.tools / "embedded_aws")]
        embedded_aws += ["--port", str(ports["aws"]), "--home", str(home)]
        embedded_aws += ["--gateway-port", str(ports["gateway"])]
        embedded_aws += ["--edge-port", str(ports["edge"])]
        embedded_aws += ["--auth"] if self.options.auth else []
        webhooks = f"http://127.0.0.1:{ports['edge']}/api/webhooks/payments"
        simulator = [sys.executable, "-m", "gateway_simulator", "--port", str(ports["gateway"])]
        simulator += ["--state", str(home / "gateway"), "--webhook-url", webhooks]
        simulator += ["--webhook-secret", SIMULATOR_KEYS["webhook_secret"]]
        edge = [sys.executable, "-m", "local_edge", "--port", str(ports["edge"])]
        edge += ["--aws", f"http://127.0.0.1:{ports['aws']}"]
        edge += ["--web", str(self.layout.root / "web")]
        edge += ["--gateway", f"http://127.0.0.1:{ports['gateway']}"]
        for name, command in (("aws", embedded_aws), ("gateway", simulator), ("edge", edge)):
            self.processes.append(
                processes.start(
                    name,
                    command,
                    port=ports[name],
                    log=self.layout.logs / f"{name}.log",
                    environment=environment.variables(PYTHONPATH=python_path)
                    if name != "aws"
                    else environment.variables(),
                )
            )

    def _wait_for_processes(self) -> None:
        paths = {"aws": "/_toyshop/activity", "gateway": "/_simulator/health", "edge": "/"}
        with self.progress.step("Embedded AWS, payment gateway and edge started"):
            for process in self.processes:
                self._wait_for(process, paths[process.name])

    def _wait_for(self, process: Process, path: str) -> None:
        log = self.layout.logs / f"{process.name}.log"
        activity.wait_until_answers(
            process.url + path, str(log), gone=lambda: not process.is_alive()
        )


def supervised(layout: Layout, state: RunningShop) -> RunningShop:
    """Write the state file of a shop, with a supervisor that is alive."""
    running_shop.write(layout.state, state)
    if state.supervisor is None or not state.supervisor.is_alive():
        state = replace(state, supervisor=supervisor.start(layout))
        running_shop.write(layout.state, state)
    return state


def converge(
    layout: Layout, state: RunningShop, chosen: Sequence[Service], progress: Progress
) -> list[str]:
    """Package and deploy services on a running embedded AWS.

    Returns
    -------
    list of str
        The stacks that changed.
    """
    packages = _package(layout, state, chosen, progress)
    return _deploy(layout, state, chosen, packages, progress)


def _deploy(
    layout: Layout,
    state: RunningShop,
    chosen: Sequence[Service],
    packages: Sequence[Package],
    progress: Progress,
) -> list[str]:
    stage = _stage(layout, state)
    cloud = connect(stage, stage.aws)
    with progress.step("Stacks deployed") as step:
        outcomes = stacks.deploy_resources(cloud, stage, chosen)
        outcomes |= stacks.deploy_packages(cloud, packages)
        changed = [name for name, outcome in outcomes.items() if outcome != "unchanged"]
        step.note = f"{len(changed)} of {len(outcomes)} changed"
    activity.warm_up(state["aws"].url)
    with progress.step("Users created") as step:
        step.note = "" if users.create(cloud) else "all present"
    return changed


def is_sellable(shop: RunningShop) -> bool:
    """Return whether the services run that show toys with pictures."""
    return {"toys", "file_manager", "storefront_api"} <= set(shop.services)


def _package(
    layout: Layout, state: RunningShop, chosen: Sequence[Service], progress: Progress
) -> list[Package]:
    stage = _stage(layout, state)

    def package(service: Service) -> Package:
        return deploy.package_local(layout, service, stage)

    with (
        progress.step(f"{len(chosen)} services packaged") as step,
        ThreadPoolExecutor(_PARALLEL_PACKAGES) as pool,
    ):
        packages = list(pool.map(package, chosen))
        reused = sum(package.reused for package in packages)
        step.note = f"{reused} unchanged" if reused else ""
    return packages


def _stage(layout: Layout, state: RunningShop) -> Stage:
    return on_running_shop(layout, stages.load(layout.stages, "local"), state)


def stop(started: Sequence[Process], progress: Progress) -> None:
    """Stop processes, the edge first, so that no new request comes in."""
    for process in reversed(started):
        if not processes.stop(process):
            progress.warn(f"{process.name} did not stop in time and was killed.")
