"""One order is one trace, from the storefront's request to the email; its metrics count it once."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from chalicelib.payments.charging import Charging
from chalicelib.payments.gateway import InvalidGatewayRequestError
from chalicelib.storefront_api.hops import Drawing, drawn
from chalicelib.storefront_api.traces import spans_of
from contracts import toys as toys_api
from embedded_aws.telemetry import segments
from embedded_aws.telemetry.spans import decode
from support.exported import ExportedSpan
from support.fault_matrix import scenarios
from support.fault_matrix.scenarios import TOY, _call_storefront
from support.world import apps, deliveries
from support.world.telemetry import Telemetry, recorded
from support.world.whole_chain import WholeChain
from support.world.world import World, newest_first

PRICE = TOY["price"]["amount"]


class Shop:
    """A world with one toy, and its telemetry."""

    def __init__(self, world: World, telemetry: Telemetry) -> None:
        self.world = world
        self.telemetry = telemetry
        toy = json.loads(world.call_api(toys_api.CREATE, "toys", body=TOY).data)
        self.toy: str = toy["id"]
        world.run_until_idle()
        world.advance(2)
        telemetry.clear()

    def place(
        self, payment_method: str = "pm_card_visa", key: str = "1", traceparent: str = ""
    ) -> str:
        """Place an order through the storefront; return its id."""
        body = {
            "lines": [{"toy_id": self.toy, "quantity": 1}],
            "shipping_address": scenarios.ADDRESS,
            "payment_method": payment_method,
        }
        headers = {"Idempotency-Key": key, "traceparent": traceparent}
        order = _call_storefront(self.world, "POST", "/orders", body, **headers)
        return str(order["id"])

    def spans(self, name: str = "", service: str = "") -> list[ExportedSpan]:
        """Return the spans whose name contains a text, oldest first."""
        found = [
            span
            for span in self.telemetry.spans
            if name in span.name and service in ("", span.service)
        ]
        return sorted(found, key=lambda span: span.start)

    def span(self, name: str) -> ExportedSpan:
        (span,) = self.spans(name)
        return span

    def root(self, name: str = "POST /orders") -> ExportedSpan:
        """Return the span of the only request of its kind to the storefront."""
        (span,) = (one for one in self.spans(name, "storefront_api") if one.kind == "SERVER")
        return span

    def values(self, name: str) -> list[float]:
        return [metric.value for metric in self.telemetry.metrics(name)]

    def journey(self, order_id: str) -> Drawing:
        """Draw the journey of an order from the documents that X-Ray makes of its spans."""
        traces = defaultdict(list)
        for datagram in self.telemetry.datagrams:
            for span in decode(datagram):
                traces[span.trace_id].append(span)
        documents = [list(segments.documents(spans)) for spans in traces.values()]
        return drawn(order_id, [span for one in documents for span in spans_of(one)])

    def check_tree(self, trace_id: str) -> None:
        """Check that all spans of a trace are below one root."""
        spans = [span for span in self.telemetry.spans if span.trace_id == trace_id]
        ids = {span.span_id for span in spans}
        assert len(ids) == len(spans)
        assert [span.name for span in spans if span.parent_id not in ids] == ["POST /orders"]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with (
        # each stream record is an invocation of its own, as in a shop that is not busy
        mock.patch.object(deliveries, "BATCH_SIZE", 1),
        mock.patch.object(apps, "SIGNED_IN_USER", {"sub": "cus_1", "groups": ""}),
        WholeChain() as world,
        recorded(world) as telemetry,
    ):
        yield Shop(world, telemetry)


def test_an_order_is_one_trace(shop: Shop) -> None:
    order_id = shop.place()
    shop.world.run_until_idle()
    root = shop.root().trace_id
    webhooks = {span.trace_id for span in shop.spans("POST /webhooks/payments")}
    assert {span.trace_id for span in shop.spans()} == {root, *webhooks}
    shop.check_tree(root)
    drawing = shop.journey(order_id)
    roots = [hop.name for hop in drawing.hops if hop.parent_id is None]
    assert roots == ["POST /orders"] + ["POST /webhooks/payments"] * len(webhooks)
    (sent,) = drawing.emails.values()
    assert next(hop.name for hop in drawing.hops if hop.id == sent) == "PUT /messages/{message_id}"

    def path(span: ExportedSpan) -> list[str]:
        """Return the names from the root to a span."""
        parents = {each.span_id: each for each in shop.telemetry.spans}
        found = [f"{span.service}: {span.name}"]
        while span.parent_id:
            span = parents[span.parent_id]
            found.insert(0, f"{span.service}: {span.name}")
        return found

    assert path(shop.span("SESv2.SendEmail")) == [
        "storefront_api: POST /orders",
        "storefront_api: POST /orders",
        "orders: POST /orders",
        "orders: send toyshop-local-orders-events",
        "payments: process shop.order.placed.v1",
        "payments: send toyshop-local-payments-events",
        "payments: process shop.payment.succeeded.v1",
        "payments: PUT /messages/{message_id}",
        "notifications: PUT /messages/{message_id}",
        "notifications: SESv2.SendEmail",
    ]
    assert path(shop.span("S3.PutObject"))[-2:] == [
        "file_manager: PUT /documents/{file_id}",
        "file_manager: S3.PutObject",
    ]
    assert path(shop.span("POST /v1/payment_intents/{id}/confirm"))[-2:] == [
        "payments: process shop.order.placed.v1",
        "payments: POST /v1/payment_intents/{id}/confirm",
    ]
    concerned = [span for span in shop.spans() if span.trace_id == root]
    without = [span.name for span in concerned if "toyshop.order_id" not in span.attributes]
    # the toys were looked up, and the topic was called, for anybody
    assert {name.split()[-1] for name in without} <= {"/toys/lookup", "DynamoDB.BatchGetItem"}
    assert {span.attributes.get("toyshop.order_id") for span in concerned} <= {order_id, None}


def test_all_attempts_to_place_an_order_are_in_its_trace(shop: Shop) -> None:
    # GIVEN the trace of a client that receives no response to its first attempt
    trace_id = "c0ffee00cafe4000abcdefabcdef0001"
    for span_id in ("a" * 16, "b" * 16):
        order_id = shop.place(traceparent=f"00-{trace_id}-{span_id}-00")
    shop.world.run_until_idle()
    assert {span.trace_id for span in shop.spans("SESv2.SendEmail")} == {trace_id}
    # THEN the journey shows that the second attempt found the order
    hops = shop.journey(order_id).hops
    ours = [hop for hop in hops if hop.trace_id == f"1-{trace_id[:8]}-{trace_id[8:]}"]
    attempts = [(hop.name, hop.status) for hop in ours if hop.parent_id is None]
    assert sorted(attempts) == [("POST /orders", 200), ("POST /orders", 201)]
    assert {hop.peer for hop in ours} >= {"payment gateway", "Amazon SES"}
    # AND only webhooks are traces of their own
    others = {hop.name for hop in hops if hop not in ours and hop.parent_id is None}
    assert others <= {"POST /webhooks/payments"}


def test_every_span_is_described_by_the_conventions(shop: Shop) -> None:
    shop.place()
    shop.world.run_until_idle()
    kinds: dict[str, dict[str, Any]] = {}
    for span in shop.spans():
        kinds.setdefault(f"{span.kind} {span.name}", span.attributes)
    served = kinds["SERVER POST /orders"]
    assert served["http.request.method"] == "POST"
    assert served["http.route"] == "/orders"
    assert served["http.response.status_code"] == 201
    called = next(span.attributes for span in shop.spans("POST /orders") if span.kind == "CLIENT")
    assert called["peer.service"] == called["server.address"] == "orders"
    assert called["url.template"] == "/orders"
    assert called["http.response.status_code"] == 201
    stored = shop.spans("DynamoDB.PutItem", "orders")[0].attributes
    assert stored["rpc.system"] == "aws-api"
    assert (stored["rpc.service"], stored["rpc.method"]) == ("DynamoDB", "PutItem")
    assert stored["aws.dynamodb.table_names"] == ["toyshop-local-orders"]
    handled = kinds["CONSUMER process shop.order.placed.v1"]
    assert handled["messaging.system"] == "aws.sns"
    assert handled["messaging.operation.type"] == "process"
    assert handled["messaging.destination.name"] == "toyshop-local-orders-events"
    assert handled["messaging.message.id"].endswith(".1.shop.order.placed.v1")
    assert handled["toyshop.attempt"] == 1
    sent = kinds["PRODUCER send toyshop-local-orders-events"]
    assert sent["messaging.message.id"] == handled["messaging.message.id"]


def test_the_metrics_of_an_order(shop: Shop) -> None:
    shop.place()
    shop.world.run_until_idle()
    telemetry = shop.telemetry
    assert shop.values("toyshop.orders.placed") == [1]
    (value,) = telemetry.metrics("toyshop.orders.value")
    assert (value.value, value.unit) == (PRICE, "None")
    assert value.dimensions == {"service": "orders", "currency": "AUD"}
    (paid,) = telemetry.metrics("toyshop.payments")
    assert paid.dimensions == {"service": "payments", "outcome": "succeeded"}
    (money,) = telemetry.metrics("toyshop.payments.value")
    assert money.dimensions == {"service": "payments", "outcome": "succeeded", "currency": "AUD"}
    assert money.value == PRICE
    assert len(shop.values("toyshop.order.time_to_paid")) == 1
    assert len(shop.values("toyshop.order.time_to_mailed")) == 1
    assert len(shop.values("toyshop.outbox.lag")) == 2
    called = telemetry.metrics("http.client.request.duration")
    assert {(one.dimensions["service"], one.dimensions["downstream"]) for one in called} >= {
        ("storefront_api", "orders"),
        ("storefront_api", "toys"),
        ("payments", "file_manager"),
        ("payments", "notifications"),
    }
    for name in ("retried", "parked", "duplicate"):
        assert shop.values(f"toyshop.events.{name}") == []


def test_a_decline(shop: Shop) -> None:
    shop.place("pm_card_chargeDeclined")
    shop.world.run_until_idle()
    confirmed = shop.span("POST /v1/payment_intents/{id}/confirm")
    assert confirmed.attributes["http.response.status_code"] == 402
    assert confirmed.error is None
    assert shop.spans("process shop.payment.declined.v1")[0].error is None
    (paid,) = shop.telemetry.metrics("toyshop.payments")
    assert paid.dimensions["outcome"] == "declined"
    assert shop.values("toyshop.payments.value") == []
    assert shop.values("toyshop.order.time_to_paid") == []


def test_a_retried_handler_continues_the_trace(shop: Shop) -> None:
    # GIVEN a table that does not answer the first four attempts to charge
    order_id = shop.place()
    failures = iter(range(4))

    def refuse(hops: tuple[str, ...], name: str) -> Any:
        is_charge = hops[-1:] == ("payments charge",) and name.startswith("dynamodb GetItem")
        return "error" if is_charge and next(failures, None) is not None else None

    shop.world.calls.fault_schedule = refuse
    shop.world.run_until_idle()
    root = shop.root().trace_id
    attempts = shop.spans("process shop.order.placed.v1")
    assert len(attempts) > 2
    assert {span.trace_id for span in attempts} == {root}
    assert len({span.parent_id for span in attempts}) == 1
    assert [bool(span.error) for span in attempts] == [True] * (len(attempts) - 1) + [False]
    assert attempts[-1].attributes["messaging.system"] == "aws_sqs"
    assert attempts[-1].attributes["toyshop.attempt"] > 3
    assert attempts[-1].attributes["toyshop.order_id"] == order_id
    assert shop.values("toyshop.events.retried") == [1] * (len(attempts) - 1)
    # AND the journey numbers the attempts, each of which waits for the next one
    drawing = shop.journey(order_id)
    tries = [hop for hop in drawing.hops if hop.name == "process shop.order.placed.v1"]
    assert [hop.outcome for hop in tries] == ["retried"] * (len(attempts) - 1) + ["ok"]
    numbers = [hop.attempt for hop in tries]
    assert numbers[0] == 1
    assert numbers == sorted(numbers)
    assert numbers[-1] >= len(attempts)
    received = {message.receiver: message for message in drawing.messages}
    assert received[tries[0].id].channel == "topic"
    assert [received[hop.id].sender for hop in tries[1:]] == [hop.id for hop in tries[:-1]]
    assert received[tries[-1].id].channel == "retry_queue"
    assert shop.values("toyshop.payments") == [1]


def test_a_parked_event(shop: Shop) -> None:
    # GIVEN a gateway that rejects the request itself
    order_id = shop.place()
    refused = InvalidGatewayRequestError("no such account")
    with mock.patch.object(Charging, "_confirm", side_effect=refused):
        shop.world.run_until_idle()
    span = shop.span("process shop.order.placed.v1")
    reason = "permanent: the gateway rejects the request: no such account"
    assert span.events == [("parked", {"reason": reason})]
    assert (span.error, span.attributes["toyshop.order_id"]) == (reason, order_id)
    assert shop.values("toyshop.events.parked") == [1]
    (parked,) = [hop for hop in shop.journey(order_id).hops if hop.outcome == "parked"]
    assert (parked.name, parked.error) == ("process shop.order.placed.v1", reason)
    # AND what replays it continues the trace
    ((dead_letter,),) = shop.world.dead_letters().values()
    assert span.trace_id in dead_letter.body
    shop.telemetry.clear()
    shop.world.replay_dead_letters()
    shop.world.run_until_idle()
    again = shop.span("process shop.order.placed.v1")
    assert (again.trace_id, again.error) == (span.trace_id, None)
    assert again.parent_id == span.parent_id


def test_a_duplicate_changes_no_business_metric(shop: Shop) -> None:
    order_id = shop.place()
    world = shop.world
    while due := world.due():
        for delivery in due:
            delivery.run(delivery.name in ("charge", "fulfil"))  # and once more
            break
        if len(shop.spans("process shop.payment.succeeded.v1")) > 3:
            break
    world.run_until_idle()
    duplicates = [span for span in shop.spans() if span.attributes.get("toyshop.duplicate")]
    assert {span.name for span in duplicates} == {
        "process shop.order.placed.v1",
        "process shop.payment.succeeded.v1",
    }
    assert len(shop.values("toyshop.events.duplicate")) == len(duplicates)
    outcomes = [hop.outcome for hop in shop.journey(order_id).hops]
    assert outcomes.count("duplicate") == len(duplicates)
    for name in (
        "toyshop.orders.placed",
        "toyshop.payments",
        "toyshop.payments.value",
        "toyshop.order.time_to_paid",
        "toyshop.order.time_to_mailed",
    ):
        assert len(shop.values(name)) == 1, name


def test_a_cancellation_is_a_trace_of_its_own_about_the_same_order(shop: Shop) -> None:
    order_id = shop.place()
    shop.world.run_until_idle()
    shop.telemetry.clear()
    _call_storefront(shop.world, "POST", f"/orders/{order_id}/cancellation")
    shop.world.run_until_idle(newest_first)
    root = shop.root("POST /orders/{order_id}/cancellation")
    refunds = shop.spans("POST /v1/refunds")
    assert {span.trace_id for span in refunds} == {root.trace_id}
    assert {span.attributes["toyshop.order_id"] for span in refunds} == {order_id}
    assert shop.values("toyshop.orders.cancelled") == [1]
    outcomes = [one.dimensions["outcome"] for one in shop.telemetry.metrics("toyshop.payments")]
    assert outcomes == ["refunded"]
    (money,) = shop.telemetry.metrics("toyshop.payments.value")
    assert (money.dimensions["outcome"], money.value) == ("refunded", PRICE)


def test_records_of_several_orders_are_linked(shop: Shop) -> None:
    with (
        mock.patch.object(deliveries, "BATCH_SIZE", 10),
        mock.patch.object(deliveries, "SHARDS", 1),
    ):
        for key in ("1", "2"):
            shop.place(key=key)
        shop.world.run_until_idle()
    orders = {span.trace_id for span in shop.spans("POST /orders", "storefront_api")}
    assert len(orders) == 2
    linked = [
        {trace for trace, _ in span.links}
        for span in shop.spans("process toyshop-local-orders/stream")
        if span.links
    ]
    assert linked in ([], [orders])  # they may be in different shards


def test_a_webhook_is_kept_if_it_changes_a_payment(shop: Shop) -> None:
    with mock.patch("chassis.tracing._trace_percent", 0):
        # GIVEN a webhook about a charge that is recorded already
        shop.place()
        shop.world.run_until_idle()
        assert shop.spans("/webhooks") == []
        # WHEN an authentication succeeds, which only the gateway knows
        order_id = shop.place("pm_card_authenticationRequired", key="2")
        shop.world.run_until_idle()
        shop.telemetry.clear()
        (intent,) = shop.world.gateway.intents_of(order_id)
        shop.world.gateway.authenticate(intent["id"], "succeeded")
        shop.world.run_until_idle()
    (received,) = (one for one in shop.spans("POST /webhooks") if one.kind == "SERVER")
    assert (received.service, received.attributes["toyshop.order_id"]) == ("payments", order_id)
    assert shop.span("SESv2.SendEmail").trace_id == received.trace_id


def test_a_sampled_share_of_reads_is_exported_and_every_failure(shop: Shop) -> None:
    with mock.patch("chassis.tracing._trace_percent", 0):
        _call_storefront(shop.world, "GET", f"/toys/{shop.toy}")
        assert shop.telemetry.datagrams == []
        # a failure exports the spans of the hop that saw it, and of no other
        shop.world.calls.plan_at("dynamodb GetItem toyshop-local-toys", "error")
        path = f"/toys/{shop.toy}"
        shop.world.serve_request("storefront_api", "GET", path, b"", {})
    failed = [(span.service, span.name) for span in shop.spans() if span.error]
    assert ("toys", "DynamoDB.GetItem") in failed
    assert ("toys", "GET /toys/{toy_id}") in failed
