"""Configures, patches and serves the embedded AWS."""

import argparse
import asyncio
import contextlib
import gc
import importlib.metadata
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from embedded_aws import recovery
from embedded_aws.snapshots import Manifest

if TYPE_CHECKING:
    import uvicorn

PINNED = "1.5.33"


def main(argv: list[str]) -> int:
    """Serve the embedded AWS until SIGTERM or SIGINT, then save its state.

    Parameters
    ----------
    argv
        ``--port`` to listen on, ``--home`` for the directory of the shop's files, ``--auth`` to
        enforce IAM, ``--gateway-port`` and ``--edge-port`` for the processes that functions call.
        ``--recover`` only takes the files back to the last snapshot, and prints what it did.

    Returns
    -------
    int
        The exit status: 0 after a clean stop, 2 if the installed version is not the pinned one.
    """
    parser = argparse.ArgumentParser(
        prog="embedded_aws", description="Serves an AWS for one shop on loopback."
    )
    parser.add_argument("--port", type=int, default=4566, help="Port on loopback.")
    parser.add_argument("--home", type=Path, required=True, help="Directory of the shop's files.")
    parser.add_argument("--auth", action="store_true", help="Enforce IAM.")
    parser.add_argument("--gateway-port", type=int, help="Port of the payment gateway.")
    parser.add_argument("--edge-port", type=int, help="Port of the edge.")
    parser.add_argument("--recover", action="store_true", help="Recover the files, and end.")
    options = parser.parse_args(argv)
    home = options.home.resolve()
    if options.recover:
        print(json.dumps(recovery.recover(home)))
        return 0
    installed = importlib.metadata.version("ministack")
    if installed != PINNED:
        print(
            f"The embedded AWS needs ministack {PINNED}, but {installed} is installed."
            " Run `./shop down` and delete .shop/venvs; `./shop up` then installs the pinned one.",
            file=sys.stderr,
        )
        return 2
    ports = {"aws": options.port, "gateway": options.gateway_port, "edge": options.edge_port}
    manifest = recovery.recover(home)["manifest"]
    _configure(home, options.port, auth=options.auth)
    import uvloop

    served = _serve(home, manifest, {name: port for name, port in ports.items() if port})
    uvloop.new_event_loop().run_until_complete(served)
    sys.stdout.flush()
    sys.stderr.flush()
    # the state is saved; threads that wait for a function would delay a normal exit
    os._exit(0)


def _configure(home: Path, port: int, *, auth: bool) -> None:
    """Set the environment variables that ministack reads when it is imported."""
    temporary = home / "tmp"
    # left behind by the workers of a killed process
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        PERSIST_STATE="1",
        STATE_DIR=str(home / "aws"),
        S3_PERSIST="1",
        S3_DATA_DIR=str(home / "s3"),
        TMPDIR=str(temporary),
        LOG_LEVEL="WARNING",
        AUTH="true" if auth else "false",
        # the secret of the local account's keys, which clients sign with
        AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - published
        # listeners that the shop does not need
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        # a function waits for a free worker instead (workers.py)
        LAMBDA_ACCOUNT_CONCURRENCY="0",
        # a request that waits for a worker holds a thread, and the one it waits for needs another
        MINISTACK_WORKER_THREADS="512",
    )


async def _stopped_by_signals(server: "uvicorn.Server") -> None:
    """Serve until SIGTERM or SIGINT, which must not end the process before its state is saved."""

    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    # uvicorn would raise the signal again after it has stopped
    server.capture_signals = contextlib.nullcontext
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    await server.serve()


async def _serve(home: Path, manifest: Manifest | None, ports: dict[str, int]) -> None:
    import uvicorn
    from ministack import app as ministack_app
    from ministack.core import lambda_runtime

    # ministack has read it by now; the functions have a log level of their own
    del os.environ["LOG_LEVEL"]
    from embedded_aws import (
        access,
        activity,
        async_invocation,
        backpressure,
        dates,
        expressions,
        faults,
        fixed_ids,
        forked_workers,
        iam,
        in_flight,
        joined_writes,
        logs,
        mail,
        object_log,
        ordered_items,
        password_policy,
        rest_api_import,
        rest_api_updates,
        saving,
        sign_in_limit,
        streams,
        threads,
        unread_queues,
        user_attributes,
        user_codes,
        workers,
    )
    from embedded_aws.telemetry import aws_metrics, cloudwatch_reads, spans, xray
    from embedded_aws.telemetry.store import FILE, Store

    store = Store(home / FILE)
    os.environ["AWS_XRAY_DAEMON_ADDRESS"] = spans.receive(store)
    rest_api_updates.install()
    async_invocation.install()
    backpressure.install()
    fixed_ids.install()
    password_policy.install()
    user_codes.install()
    user_attributes.install()
    sign_in_limit.install()
    rest_api_import.install()
    logs.install(store)
    mail.install(home / "mail")
    iam.install()
    if ministack_app.AUTH:
        iam.record(home / "iam-decisions.jsonl")
    access.install()
    streams.install()
    in_flight.install()
    threads.install()
    workers.install(home / "tmp" / "code")
    expressions.install()
    ordered_items.install()
    saving.install(home, manifest, ports)
    object_log.install(saving.objects())
    dates.install()
    # late, so that faults wrap all other patches
    faults.install()
    # after them, so that injected failures are counted
    aws_metrics.install(store)
    cloudwatch_reads.install(store)
    xray.install(store)
    # with IAM each function starts with credentials of its own
    can_fork = sys.platform == "linux" and not ministack_app.AUTH
    if can_fork:
        forked_workers.install()

    # after a kill, `./shop up` reports what was restored
    recovery.mark_unclean(home, unclean=True)

    application = activity.with_control_paths(
        faults.with_control_path(ministack_app.app),
        started=saving.resume,
        warm_up=forked_workers.warm_up if can_fork else lambda: None,
        flush=store.flush,
        unread_queues=unread_queues.find,
    )
    application = access.with_browser_rules(application, ports.get("edge"))
    config = uvicorn.Config(
        application,
        port=ports["aws"],
        # ministack starts with Hypercorn, whose parser is written in Python and took a third of
        # the processor time
        http=joined_writes.Protocol,
        # nothing is in front of it
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        log_level="warning",
        access_log=False,
        # ministack sends headers of its own
        server_header=False,
        date_header=False,
    )
    # what is loaded by now stays; looking for garbage in it took 7 % of the processor time
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    saved = asyncio.create_task(saving.save_when_changed(activity.changes))
    try:
        await _stopped_by_signals(uvicorn.Server(config))
    finally:
        saved.cancel()
        lambda_runtime.reset()
        forked_workers.close_idle(everything=True)
        store.close()
        shutil.rmtree(home / "tmp", ignore_errors=True)
