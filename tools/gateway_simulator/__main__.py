"""The command line: `python -m gateway_simulator --port 12111 --state DIRECTORY`."""

import argparse
import asyncio
import errno
import logging
import signal
import sys
from pathlib import Path

from aiohttp import web

from gateway_simulator.journal import JournalError
from gateway_simulator.server import AccessLogger, make_app
from gateway_simulator.store import Store
from gateway_simulator.webhooks import Webhooks

HOST = "127.0.0.1"

_SHUTDOWN_SECONDS = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Run the simulator until SIGTERM or SIGINT.

    Parameters
    ----------
    arguments
        Command-line arguments; by default, those of the process.

    Returns
    -------
    int
        Exit status: 0 after a signal, 1 if the simulator could not start.

    Raises
    ------
    OSError
        If the server cannot listen for another reason than a port in use.
    """
    options = _parser().parse_args(arguments)
    if (options.webhook_url is None) != (options.webhook_secret is None):
        return _fail("--webhook-url and --webhook-secret must be given together")
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
    runner = web.AppRunner(
        make_app(store, webhooks),
        access_log_class=AccessLogger,
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
        prog="gateway_simulator",
        description="Simulate Stripe's HTTP API on the loopback interface.",
    )
    parser.add_argument(
        "--port", type=_port, default=12111, help="port to listen on (default 12111); 0: any free"
    )
    parser.add_argument(
        "--state", type=Path, required=True, help="directory in which the state is saved"
    )
    parser.add_argument(
        "--webhook-url",
        type=_url,
        help="URL that events are sent to; by default, events are not sent",
    )
    parser.add_argument("--webhook-secret", help="signing secret of the webhooks (whsec_…)")
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is not an HTTP URL")
    return text


def _fail(sentence: str) -> int:
    print(f"gateway simulator: {sentence}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
