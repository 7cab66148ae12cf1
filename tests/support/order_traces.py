"""Segment documents of X-Ray, as the services' spans become them, and a fake of its API."""

import itertools
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

Document = dict[str, Any]
START = datetime.fromisoformat("2026-01-02T03:04:05Z").timestamp()
PLACED, DECLINED, SUCCEEDED = (
    f"shop.{name}.v1" for name in ("order.placed", "payment.declined", "payment.succeeded")
)


class Step(NamedTuple):
    """A recorded span: its id, and the times at which it started and ended, in ms."""

    id: str
    start: float
    end: float


class Recording:
    """Records the traces of an order.

    Parameters
    ----------
    order_id
        The order's id.
    start
        The time that the spans' times count from, in seconds since the epoch.
    """

    def __init__(self, order_id: str, start: float = START) -> None:
        self.order_id = order_id
        self.documents: dict[str, list[Document]] = {}
        self._start = start
        self._numbers = itertools.count(1)
        self._trace = ""

    def trace(self) -> None:
        """Begin another trace."""
        number = len(self.documents) + 1
        self._trace = f"1-{number:08x}-{number:024x}"
        self.documents[self._trace] = []

    def span(
        self,
        service: str,
        parent: Step | None,
        times: tuple[float, float],
        *,
        call: bool = False,
        failed: bool = False,
        name: str = "",
        order_id: str | None = None,
        **attributes: Any,
    ) -> Step:
        """Record a span.

        Parameters
        ----------
        service
            The service that recorded it.
        parent
            Its parent; a root has none.
        times
            When it started and ended, in ms.
        call
            Whether it is a call, and not the beginning of a service's work.
        failed
            Whether it ended with an error.
        name
            Its name; by default, the service's.
        order_id
            The order that it is about, if it is another one; empty for none.
        attributes
            Its attributes, with two underscores in place of each dot.
        """
        step = Step(f"{next(self._numbers):016x}", *times)
        named = {key.replace("__", "."): value for key, value in attributes.items()}
        about = self.order_id if order_id is None else order_id
        document: Document = {
            "id": step.id,
            "trace_id": self._trace,
            "name": name or service,
            "start_time": self._start + times[0] / 1000,
            "end_time": self._start + times[1] / 1000,
            "annotations": {"toyshop_order_id": about} if about else {},
            "metadata": {"default": {"otel.resource.service.name": service, **named}},
        }
        if parent is not None:
            document["parent_id"] = parent.id
        if call:
            document |= {"type": "subsegment", "namespace": "remote"}
        if failed:
            document["fault"] = True
        if named.get("error.type") == "parked":
            document["metadata"]["events"] = [
                {"name": "parked", "attributes": {"reason": "poison"}}
            ]
        self.documents[self._trace].append(document)
        return step

    def request(
        self,
        service: str,
        parent: Step | None,
        times: tuple[float, float],
        name: str,
        status: int = 200,
        **attributes: Any,
    ) -> Step:
        """Record a request: the span of its server, and that of its client if it has a parent."""
        method, path = name.split()
        http = {"http__request__method": method, "http__response__status_code": status}
        failed = status >= 500
        if parent is not None:
            sent = (times[0] - 2, times[1] + 1)
            client = {"url__template": path, "peer__service": service, **http}
            caller = self.service_of(parent)
            parent = self.span(caller, parent, sent, call=True, failed=failed, **client)
        function = f"toyshop-local-{service.replace('_', '-')}-api-handler"
        return self.span(
            service,
            parent,
            times,
            failed=failed,
            http__route=path,
            otel__resource__faas__name=function,
            **http,
            **attributes,
        )

    def write(self, parent: Step, times: tuple[float, float]) -> Step:
        """Record that a service writes an item."""
        service = self.service_of(parent)
        return self.span(service, parent, times, call=True, rpc__method="PutItem", name="DynamoDB")

    def relay(self, parent: Step, times: tuple[float, float], event: str, version: int) -> Step:
        """Record that the relay publishes an event."""
        service = self.service_of(parent)
        return self.span(
            service,
            parent,
            times,
            call=True,
            name=f"send {service}-events",
            messaging__operation__type="send",
            messaging__message__id=self._event_id(event, version),
            otel__resource__faas__name=f"toyshop-local-{service}-on-dynamodb-record",
        )

    def process(
        self,
        parent: Step,
        times: tuple[float, float],
        event: str,
        version: int,
        *,
        failed: bool = False,
        **attributes: Any,
    ) -> Step:
        """Record that payments handles an event."""
        attributes.setdefault("messaging__system", "aws.sns")
        return self.span(
            "payments",
            parent,
            times,
            failed=failed,
            messaging__operation__type="process",
            messaging__destination__name="events",
            messaging__message__id=self._event_id(event, version),
            otel__resource__faas__name="toyshop-local-payments-on-sns-message",
            **attributes,
        )

    def gateway(
        self, parent: Step, times: tuple[float, float], path: str, status: int = 200
    ) -> Step:
        """Record a call of the payment gateway."""
        return self.span(
            "payments",
            parent,
            times,
            call=True,
            failed=status >= 400,
            peer__service="payment gateway",
            http__request__method="POST",
            url__template=path,
            http__response__status_code=status,
        )

    def mail(self, parent: Step, start: float, message_id: str) -> None:
        """Record that notifications sends an email."""
        path = "PUT /messages/{message_id}"
        sent = self.request(
            "notifications", parent, (start, start + 30), path, 201, toyshop__message_id=message_id
        )
        self.span(
            "notifications",
            sent,
            (start + 8, start + 22),
            call=True,
            name="SES",
            rpc__method="SendEmail",
        )

    def service_of(self, step: Step) -> str:
        """Return the service that recorded a span."""
        found = next(
            document
            for documents in self.documents.values()
            for document in documents
            if document["id"] == step.id
        )
        return str(found["metadata"]["default"]["otel.resource.service.name"])

    def _event_id(self, event: str, version: int) -> str:
        return f"{self.order_id}.{version}.{event}"


def placed_and_declined(recording: Recording, message_id: str) -> None:
    """Record an order whose payment is declined, in one trace."""
    recording.trace()
    placing = recording.request("storefront_api", None, (0, 140), "POST /orders", 201)
    recording.request("toys", placing, (12, 25), "POST /toys/lookup")
    placed = recording.request("orders", placing, (40, 100), "POST /orders", 201)
    recording.write(placed, (60, 75))
    relayed = recording.relay(placed, (310, 330), PLACED, 1)
    charge = recording.process(relayed, (420, 900), PLACED, 1, toyshop__attempt=1)
    recording.gateway(charge, (450, 560), "/v1/payment_intents")
    recording.gateway(charge, (590, 780), "/v1/payment_intents/{id}/confirm", 402)
    recording.write(charge, (800, 815))
    published = recording.relay(charge, (1100, 1120), DECLINED, 2)
    fulfill = recording.process(published, (1200, 1300), DECLINED, 2, toyshop__attempt=1)
    recording.mail(fulfill, 1250, message_id)


def paid_again(recording: Recording, message_id: str, start: float = 60_000) -> None:
    """Record that the order is paid at the second attempt of its event, in a trace of its own."""
    recording.trace()
    paying = recording.request(
        "storefront_api", None, (start, start + 90), "POST /orders/{order_id}/payment", 202
    )
    retried = recording.request(
        "payments", paying, (start + 20, start + 80), "POST /transactions/retries"
    )
    recording.write(retried, (start + 50, start + 60))
    asked = recording.relay(retried, (start + 300, start + 310), "shop.payment.retried.v1", 3)
    first = recording.process(
        asked,
        (start + 400, start + 700),
        "shop.payment.retried.v1",
        3,
        failed=True,
        toyshop__attempt=1,
        error__type="ServiceUnavailable",
    )
    recording.gateway(first, (start + 420, start + 690), "/v1/payment_intents/{id}/confirm", 503)
    second = recording.process(
        asked,
        (start + 30_700, start + 31_200),
        "shop.payment.retried.v1",
        3,
        toyshop__attempt=2,
        messaging__system="aws_sqs",
    )
    recording.gateway(second, (start + 30_720, start + 31_000), "/v1/payment_intents/{id}/confirm")
    recording.write(second, (start + 31_020, start + 31_030))
    published = recording.relay(second, (start + 31_300, start + 31_310), SUCCEEDED, 4)
    fulfill = recording.process(
        published, (start + 31_400, start + 31_800), SUCCEEDED, 4, toyshop__attempt=1
    )
    archived = recording.request(
        "file_manager", fulfill, (start + 31_450, start + 31_520), "PUT /documents/{file_id}", 201
    )
    recording.span(
        "file_manager",
        archived,
        (start + 31_470, start + 31_500),
        call=True,
        name="S3",
        rpc__method="PutObject",
    )
    recording.mail(fulfill, start + 31_600, message_id)
    recording.process(
        published,
        (start + 33_000, start + 33_020),
        SUCCEEDED,
        4,
        toyshop__attempt=1,
        toyshop__duplicate=True,
    )


class FakeXRay:
    """X-Ray with some traces; each answer has one page at most.

    Parameters
    ----------
    traces
        The segment documents of each trace, by its id.
    """

    def __init__(self, traces: dict[str, list[Document]]) -> None:
        self.traces = traces
        self.searches: list[dict[str, Any]] = []
        self.batches: list[list[str]] = []
        self.summary: dict[str, Any] = {}

    def get_trace_summaries(self, **request: Any) -> dict[str, Any]:
        """Answer a search with one trace per page."""
        self.searches.append(request)
        ids = [*self.traces]
        page = int(request.get("NextToken", "0"))
        answer: dict[str, Any] = {
            "TraceSummaries": [{"Id": one, **self.summary} for one in ids[page : page + 1]]
        }
        if page + 1 < len(ids):
            answer["NextToken"] = str(page + 1)
        return answer

    def batch_get_traces(self, *, TraceIds: list[str], **_: Any) -> dict[str, Any]:  # noqa: N803
        """Answer with whole traces."""
        self.batches.append(TraceIds)
        return {"Traces": list(_traces((one, self.traces[one]) for one in TraceIds))}


def _traces(traces: Iterable[tuple[str, list[Document]]]) -> Iterable[dict[str, Any]]:
    for trace_id, documents in traces:
        segments = [{"Id": one["id"], "Document": json.dumps(one)} for one in documents]
        yield {"Id": trace_id, "Segments": segments}
