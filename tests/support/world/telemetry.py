"""The spans, logs and metrics of a simulated world."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from unittest import mock

from chassis import log, tracing
from support.exported import ExportedSpan, Metric, decoded, metrics_in
from support.world.world import World


class Telemetry:
    """What the functions of a world have exported and logged.

    Attributes
    ----------
    datagrams
        Exported spans, encoded.
    out
        Standard output of all functions.
    """

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self.out = StringIO()

    @property
    def spans(self) -> list[ExportedSpan]:
        """All exported spans."""
        return [span for datagram in self.datagrams for span in decoded(datagram)]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines that were logged."""
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    def metrics(self, name: str) -> list[Metric]:
        """Return the values of a metric, without the dimension ``stage``."""
        found = []
        for metric in (metric for line in self.lines for metric in metrics_in(line)):
            if metric.name == name:
                dimensions = {k: v for k, v in metric.dimensions.items() if k != "stage"}
                found.append(metric._replace(dimensions=dimensions))
        return found

    def clear(self) -> None:
        """Forget everything that was recorded."""
        self.datagrams.clear()
        self.out.seek(0)
        self.out.truncate()


@contextmanager
def recorded(world: World) -> Iterator[Telemetry]:
    """Record the telemetry of a world within the context, each function's with its service.

    Parameters
    ----------
    world
        A world that has been entered.
    """
    telemetry = Telemetry()
    hop = world.calls.hop

    @contextmanager
    def named(name: str, callers: tuple[str, ...] = ()) -> Iterator[None]:
        service = {"service": name.split()[0]}
        function = name.replace("API", "api-handler").replace("relay", "on-dynamodb-record")
        function = "toyshop-local-" + function.replace(" ", "-").replace("_", "-")
        with (
            mock.patch.dict(tracing._resource, {"service.name": service["service"]}),
            mock.patch.dict(log._dimensions, service),
            mock.patch.dict(log._common, {**service, "function": function}),
            hop(name, callers),
        ):
            yield

    with (
        mock.patch.dict("os.environ", AWS_XRAY_DAEMON_ADDRESS="127.0.0.1:2000"),
        mock.patch.object(tracing, "_send", lambda sent, *_: telemetry.datagrams.append(sent)),
        mock.patch.object(log, "_out", telemetry.out),
        mock.patch.object(log, "_threshold", log._LEVELS["INFO"]),
        mock.patch.object(world.calls, "hop", named),
    ):
        yield telemetry
