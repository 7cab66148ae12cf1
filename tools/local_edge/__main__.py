"""Entry point: ``python -m local_edge --port 8000 --aws http://127.0.0.1:4566 --web web``."""

import argparse
from pathlib import Path

from aiohttp import web

from local_edge.server import Origins, application


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="local_edge", description="Serves the shop's public origin on loopback."
    )
    parser.add_argument("--port", type=int, required=True, help="Port on loopback.")
    parser.add_argument("--aws", required=True, help="URL of the embedded AWS.")
    parser.add_argument("--web", type=Path, required=True, help="Directory of the page.")
    parser.add_argument("--gateway", default="", help="URL of the gateway simulator.")
    options = parser.parse_args()
    origins = Origins.local(options.aws, options.web, options.gateway)
    web.run_app(
        application(origins),
        host="127.0.0.1",
        port=options.port,
        access_log=None,
        print=lambda *_: None,
        shutdown_timeout=2,
    )


if __name__ == "__main__":
    main()
