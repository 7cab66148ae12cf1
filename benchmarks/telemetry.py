"""Compares the spans of the chassis with OpenTelemetry's SDK: cold start and warm CPU.

    python benchmarks/telemetry.py [--rounds N] [--warm N] [--baseline DIRECTORY] [--write]

Each writer runs in a fresh process, interleaved: it is imported and configured, and describes a
request with five calls (cold), then many further ones (warm). All export at the end of each
request. The SDK is measured with its usual exporter, which sends OTLP over HTTP to a server on this
machine, and with the encoder of that exporter over UDP, as the chassis sends. Figures are medians
in milliseconds of CPU time; ``nothing`` is the same loop without spans.

The cost of orders with traces, metrics and today's lines of logs is compared with that of the
release before, which had logs alone. ``--baseline`` names a directory with the packages of that
release, a zip per service: then the cold starts and the warm CPU of all functions are compared
with it, as ``cold_start.py`` measures them. Use an idle machine: on a busy one, the middle halves
are wide.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REPORT = Path(__file__).with_suffix(".md")
TITLE = """# Telemetry

Written by `python benchmarks/telemetry.py --baseline DIRECTORY --write`. The first table compares
the chassis with OpenTelemetry's SDK; compare its figures only with each other. The second has what
orders cost with the logs of the release before, and with traces, metrics and today's logs
(`./shop cost`). The third compares each function with that release, commit 52b518a8: medians of
interleaved rounds, and the medians of their ratios with the middle half in parentheses. Whatever
else has changed since then is part of the ratios."""
sys.path.insert(0, str(ROOT / "tools"))
LOGGED_BEFORE = {"order": 4212, "toy": 516, "search": 524, "orders": 524}
"""Bytes that each action logged in the release before, counted as ``usage.json`` is."""
CALLS = 5
WARM_CALLS = 200
"""Warm calls of a function in each round."""
ATTRIBUTES = {"rpc.system": "aws-api", "rpc.service": "DynamoDB", "rpc.method": "PutItem"}

COMMON = """
import os, sys, time
import json, secrets, socket, re, contextlib, contextvars  # what every function has
import msgspec, urllib3
begun = time.process_time()
"""
NOTHING = """
def request():
    for _ in range(CALLS):
        pass
"""
CHASSIS = """
from chassis import tracing
from chassis.settings import Settings
tracing.configure(Settings(stage="benchmark", service="benchmark"))
def request():
    with tracing.hop("POST /orders", tracing.SERVER, {}, budget=5, sampled=tracing.always):
        for _ in range(CALLS):
            with tracing.span("DynamoDB.PutItem", tracing.CLIENT, ATTRIBUTES):
                pass
"""
SDK = """
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind
{exporter}
provider = TracerProvider(resource=Resource({{"service.name": "benchmark"}}))
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("benchmark")
def request():
    with tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER):
        for _ in range(CALLS):
            with tracer.start_as_current_span(
                "DynamoDB.PutItem", kind=SpanKind.CLIENT, attributes=ATTRIBUTES
            ):
                pass
    # Lambda stops the process after the answer
    provider.force_flush()
"""
HTTP = """
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{os.environ['HTTP_PORT']}/v1/traces")
"""
UDP = """
from base64 import b64encode
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
class Exporter(SpanExporter):
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    def export(self, spans):
        host, _, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].partition(":")
        data = b"T1S" + b64encode(encode_spans(spans).SerializeToString())
        self.socket.sendto(data, (host, int(port)))
    def shutdown(self):
        self.socket.close()
exporter = Exporter()
"""
MEASURE = """
request()
cold = time.process_time() - begun
for _ in range(20):
    request()
begun = time.process_time()
for _ in range(WARM):
    request()
print(json.dumps({"cold": cold, "warm": (time.process_time() - begun) / WARM}))
sys.stdout.flush()
os._exit(0)
"""
WRITERS = {
    "nothing": NOTHING,
    "chassis": CHASSIS,
    "SDK, UDP": SDK.format(exporter=UDP),
    "SDK, HTTP": SDK.format(exporter=HTTP),
}


class Collector(BaseHTTPRequestHandler):
    """Accepts exported spans and forgets them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Accept an export."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def run(writer: str, port: int, warm: int) -> dict[str, float]:
    """Return seconds of CPU time of one writer in a fresh process."""
    constants = f"CALLS, WARM, ATTRIBUTES = {CALLS}, {warm}, {ATTRIBUTES}"
    code = "\n".join([constants, COMMON, WRITERS[writer], MEASURE])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}/libs/chassis/src:{ROOT}/libs/contracts/src",
            "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",
            "HTTP_PORT": str(port),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def measure(rounds: int, warm: int) -> dict[str, dict[str, float]]:
    """Measure all writers in interleaved rounds; the first fills the caches of the file system."""
    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    samples: dict[str, list[dict[str, float]]] = {writer: [] for writer in WRITERS}
    for number in range(rounds + 1):
        for writer, found in samples.items():
            sample = run(writer, server.server_port, warm)
            if number:
                found.append(sample)
    server.shutdown()
    return {
        writer: {
            kind: round(statistics.median(one[kind] for one in found) * 1000, 3)
            for kind in ("cold", "warm")
        }
        for writer, found in samples.items()
    }


def costs(mix: dict[str, int]) -> tuple[float, float]:
    """Return US dollars for 1,000 orders: in the release before, and now.

    Parameters
    ----------
    mix
        Number of each action per order.
    """
    from shopctl.operating import prices, usage_cost

    known = prices.of_region(prices.DEFAULT_REGION)
    parts = usage_cost.by(usage_cost.of_mix(mix, known), 1)
    now = float(sum(parts.values())) * 1000
    telemetry = float(parts["CloudWatch Logs"] + parts["X-Ray"]) * 1000
    logged = sum(LOGGED_BEFORE[action] * count for action, count in mix.items())
    before = now - telemetry + logged * 1000 / 10**9 * float(known.each["log_gb"])
    return before, now


def functions(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of the cold starts and the warm CPU of functions, now and in a baseline.

    Parameters
    ----------
    figures
        Figures by function, as ``cold_start.measure`` returns them; those without a baseline are
        left out.
    """
    yield "| function | before, ms CPU | now, ms CPU | cold start, ratio | warm call, ratio |"
    yield "|---|---:|---:|---:|---:|"
    ratios: dict[str, list[float]] = {"cpu": [], "warm": []}
    for name, measured in figures.items():
        if "/baseline" not in measured["cpu"]:
            continue
        cells = []
        for kind, medians in ratios.items():
            if kind in measured:
                low, middle, high = measured[kind]["/baseline"]
                medians.append(middle)
                cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
            else:
                cells.append("")
        cold = measured["cpu"]
        yield f"| {name} | {cold['baseline']:.0f} | {cold['now']:.0f} | {' | '.join(cells)} |"
    cells = [f"**{statistics.median(medians):.2f}**" for medians in ratios.values()]
    yield f"| **median** | | | {' | '.join(cells)} |"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warm", type=int, default=500, help="warm requests in each round")
    parser.add_argument("--baseline", type=Path, help="directory with packages of commit 52b518a8")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.name}")
    options = parser.parse_args()
    if options.write and not options.baseline:
        parser.error("--write needs --baseline, because the report includes all tables")
    report = "\n".join(lines(measure(options.rounds, options.warm)))
    if options.baseline:
        import cold_start

        figures = cold_start.measure(options.baseline, options.rounds, WARM_CALLS)
        report += "\n\n" + "\n".join(functions(figures))
    print(report)
    if options.write:
        REPORT.write_text(f"{TITLE}\n\n{report}\n")


def lines(measured: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield the tables of the figures."""
    from shopctl.operating import usage_cost

    yield "| writer | cold start, ms CPU | warm request, ms CPU |\n|---|---:|---:|"
    for writer, figures in measured.items():
        yield f"| {writer} | {figures['cold']:.1f} | {figures['warm']:.3f} |"
    yield "\n| 1,000 times | without, US dollars | with | difference |\n|---|---:|---:|---:|"
    for mix in ({"order": 1}, dict(usage_cost.MIX)):
        before, now = costs(mix)
        named = ", ".join(f"{count} {action}" for action, count in mix.items())
        yield f"| {named} | {before:.4f} | {now:.4f} | {now / before - 1:+.1%} |"


if __name__ == "__main__":
    main()
