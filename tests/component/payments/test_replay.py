"""Parked orders, redelivered by ``./shop replay``."""

import json
from io import BytesIO
from types import ModuleType
from typing import Any

from chalicelib.payments.bootstrap import build
from chalicelib.payments.gateway import InvalidGatewayRequestError
from chassis.parking import Parking
from contracts.events import ORDER_PLACED
from contracts.orders import Order
from gateway_simulator.client import ControlClient
from shopctl.aws.target import Target
from shopctl.operating.replay import redrive
from shopctl.operating.replay.selection import Selection
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from support.moto_aws import client_of
from support.payments import event_of, money_moved, order_of


class Lambda:
    """Invokes the app's functions for ``./shop replay``; an exception becomes an error response."""

    def __init__(self, app: ModuleType) -> None:
        self._app = app
        self.sqs = client_of("sqs")

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        name = FunctionName.removeprefix("toyshop-local-payments-").replace("-", "_")
        try:
            answer = getattr(self._app, name)(json.loads(Payload), None)
        except Exception as error:
            raised = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": BytesIO(json.dumps(raised).encode())}
        return {"Payload": BytesIO(json.dumps(answer).encode())}

    def client(self, service: str, read_timeout: float = 60) -> Any:
        return {"lambda": self, "sqs": self.sqs}[service]

    is_local = True


class RejectingGateway:
    """A gateway that rejects every request as invalid."""

    def create(self, order: Order) -> Any:
        raise InvalidGatewayRequestError("parameter_unknown: metadata")


def test_parked_orders_are_replayed_and_charged_once(
    app: ModuleType, gateway: ControlClient
) -> None:
    # GIVEN orders whose requests the gateway rejected, one whose event Lambda gave up on,
    # and one that was charged long ago, whose event was parked nevertheless
    working = app.components
    layout = Layout.find()
    (payments,) = services.load(layout.apps, ["payments"])
    cloud: Any = Lambda(app)
    target = Target(layout, stages.load(layout.stages, "local"), cloud, (payments,))
    parking = Parking(cloud.sqs, app.settings.charge_dead_letters_url)
    orders = [order_of() for _ in range(4)]
    events = [event_of(ORDER_PLACED, order, order.id) for order in orders]
    app.charge(events[3], None)
    gateway.advance_clock(90_000)  # the gateway has forgotten its idempotency keys
    parking.park(json.loads(events[3]["Records"][0]["Sns"]["Message"]), "permanent: who knows")
    app.components = build(app.settings, gateway=RejectingGateway())  # type: ignore[arg-type]
    for event in events[:2]:
        app.charge(event, None)
    cloud.sqs.send_message(
        QueueUrl=app.settings.charge_dead_letters_url,
        MessageBody=json.dumps({"requestPayload": events[2]}),
    )

    def replay() -> list[str]:
        messages, _ = redrive.redrive(target, Selection(), lambda _: None)
        return sorted(each["outcome"] for each in messages)

    # WHEN they are replayed too early, THEN each message stays in the queue exactly once
    assert replay() == ["handled", "rejected", "rejected", "rejected"]
    for _ in range(2):
        assert replay() == ["rejected"] * 3
    # WHEN the cause is fixed, THEN each order is charged once, and the queue is empty
    app.components = working
    assert replay() == ["handled"] * 3
    assert replay() == []
    for order in orders:
        assert money_moved(gateway, order) == [("charge", "succeeded", 2500)]
