"""Run the simulator: `python -m gateway_simulator --port 12111 --state <folder>`."""

import argparse
import asyncio
import errno
import logging
import signal
import sys
from pathlib import Path

from aiohttp import web

from gateway_simulator.journal import JournalError
from gateway_simulator.server import make_app
from gateway_simulator.store import Store
from gateway_simulator.webhooks import Webhooks

HOST = "127.0.0.1"

_SHUTDOWN_SECONDS = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit status."""
    options = _parser().parse_args(arguments)
    if (options.webhook_url is None) != (options.webhook_secret is None):
        return _fail("--webhook-url and --webhook-secret are given together or not at all")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        store = Store(options.state)
    except JournalError as error:
        return _fail(str(error))
    try:
        asyncio.run(_serve(store, options))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return _fail(f"port {options.port} of {HOST} is already in use")
    return 0


async def _serve(store: Store, options: argparse.Namespace) -> None:
    webhooks = None
    if options.webhook_url is not None:
        webhooks = Webhooks(store, options.webhook_url, options.webhook_secret)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # The access log's format leaves out addresses: everybody is on this machine.
    runner = web.AppRunner(
        make_app(store, webhooks),
        access_log_format='"%r" %s %Tfs',
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, options.port).start()
        host, port = runner.addresses[0][:2]
        print(f"gateway simulator on http://{host}:{port}, state in {options.state}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gateway_simulator", description="A simulator of Stripe's HTTP API on loopback."
    )
    parser.add_argument("--port", type=_port, default=12111, help="0 takes any free one")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the state")
    parser.add_argument(
        "--webhook-url", type=_url, help="where events are posted; without it nowhere"
    )
    parser.add_argument("--webhook-secret", help="what events are signed with, whsec_…")
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is not an http address")
    return text


def _fail(sentence: str) -> int:
    print(f"gateway simulator: {sentence}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
