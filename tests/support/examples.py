"""A tour of every operation of all APIs in a simulated world, recorded as examples.

The values are readable, and the clock, ids and credentials are fixed, so every run of the same code
records the same examples.
"""

import json
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import ulid
from PIL import Image

from contracts import notifications, orders, payments
from contracts.operations import Operation
from support.order_traces import FakeXRay, Recording, placed_and_declined
from support.world import apps
from support.world.deliveries import now
from support.world.usage import operation_of, operations_of
from support.world.whole_chain import WholeChain
from support.world.world import START, World

Example = dict[str, Any]

CUSTOMER_ID = "0d2c1a4e-6f0b-4c1d-9a53-7be1f4f0c9aa"
CUSTOMER = {"sub": CUSTOMER_ID, "groups": ""}
STAFF = {"sub": "5b8e7d60-2f39-4f0e-8f57-3c86b1a0d7e2", "groups": "staff"}
EMAIL, PASSWORD = "alice@example.com", "Toyshop-2026!"
NAME = "Alice Nguyen"
TOKENS = {
    "AccessToken": "eyJraWQiOiJ0b3lzaG9wIn0.eyJ0b2tlbl91c2UiOiJhY2Nlc3MifQ.c2lnbmF0dXJl",
    "IdToken": "eyJraWQiOiJ0b3lzaG9wIn0.eyJ0b2tlbl91c2UiOiJpZCJ9.c2lnbmF0dXJl",
    "RefreshToken": "eyJjdHkiOiJKV1QifQ.cmVmcmVzaA.dG9rZW4",
}
TOY = {
    "name": "Dragon kite",
    "description": "A kite with a tail of three meters. Flies in a light breeze.",
    "category": "outdoor",
    "brand": "Windy",
    "price": {"amount": 2999, "currency": "AUD"},
    "min_age": 6,
    "attributes": {"color": "red", "material": "nylon"},
}
ADDRESS = {
    "name": NAME,
    "line1": "12 Example Street",
    "line2": "Apartment 3",
    "city": "Sydney",
    "region": "NSW",
    "postal_code": "2000",
    "country": "AU",
}
SHORTENED = 2
"""The number of items of a recorded list."""


def _png() -> bytes:
    content = BytesIO()
    Image.new("RGB", (640, 480), "red").save(content, "PNG")
    return content.getvalue()


IMAGE = _png()


class Recorder:
    """Records an exchange of each operation, and an event of each type.

    Attributes
    ----------
    exchanges
        The first success of each operation, by service and operation.
    events
        The first event of each type.
    """

    def __init__(self) -> None:
        self.exchanges: dict[str, dict[str, Example]] = {name: {} for name in apps.SERVICES}
        self.events: dict[str, Any] = {}

    @contextmanager
    def recording(self, world: World) -> Iterator[None]:
        """Record the exchanges and events of a world within the context."""
        serve, publish = world.serve_request, world.cloud._publish

        def serve_request(
            service: str, method: str, path: str, body: bytes, headers: dict[str, str], *rest: Any
        ) -> apps.Answer:
            answer = serve(service, method, path, body, headers, *rest)
            name = operation_of(service, method, path)
            operation = next(one for one in operations_of(service) if one.name == name)
            self._record(self.exchanges[service], operation, path, body, headers, answer)
            return answer

        def publish_event(topic: str, message: str, event_type: str) -> None:
            event = json.loads(message)
            event.pop("traceparent", None)
            self.events.setdefault(event_type, event)
            publish(topic, message, event_type)

        with (
            mock.patch.object(world, "serve_request", serve_request),
            mock.patch.object(apps.CONNECTIONS.current, "_serve", serve_request),
            mock.patch.object(world.cloud, "_publish", publish_event),
        ):
            yield

    def _record(
        self,
        examples: dict[str, Example],
        operation: Operation[Any],
        path: str,
        body: bytes,
        headers: dict[str, str],
        answer: apps.Answer,
    ) -> None:
        content = json.loads(answer.data) if answer.data else None
        if answer.status in operation.problem_bodies:
            examples.setdefault(operation.name, {})["problem"] = content
        if answer.status not in operation.status or "response" in examples.get(operation.name, {}):
            return
        response: Example = {"status": answer.status}
        if shown := {
            name: answer.headers[name] for name in ("ETag", "Location") if name in answer.headers
        }:
            response["headers"] = shown
        if operation.answer is not None:
            response["body"] = _shortened(operation.name, content)
        example = examples.setdefault(operation.name, {})
        example["request"] = _request(operation, path, body, headers)
        example["response"] = response


def _request(operation: Operation[Any], path: str, body: bytes, headers: dict[str, str]) -> Example:
    parts = urlsplit(path)
    pairs = zip(operation.path.split("/"), parts.path.split("/"), strict=True)
    request: Example = {
        "path": {name[1:-1]: value for name, value in pairs if name.startswith("{")},
        "query": {
            name: int(value) if value.isdecimal() else value
            for name, value in parse_qsl(parts.query)
        },
        "headers": {
            header.name: headers[header.name]
            for header in operation.headers
            if header.name in headers
        },
    }
    if operation.body is not None or operation.raw_body:
        request["body"] = json.loads(body or b"{}")
    return {name: value for name, value in request.items() if value != {} or name == "body"}


def _shortened(name: str, content: Any) -> Any:
    if name == "getOpenApi":
        return {"openapi": content["openapi"], "info": {"title": content["info"]["title"]}}
    if name == "listCountries":
        return {"items": content["items"][:SHORTENED]}
    if name == "getJourney":
        hops = content["hops"][: 2 * SHORTENED]
        ids = {hop["id"] for hop in hops}
        sent = [one for one in content["messages"] if one["receiver"] in ids]
        return {**content, "hops": hops, "messages": sent}
    if name.startswith("lookUp") and name != "lookUpToys":
        # their order varies
        return {"items": sorted(content["items"], key=lambda item: str(item["id"]))[:SHORTENED]}
    return content


@contextmanager
def example_world() -> Iterator[World]:
    """A world with fixed ids and tokens, and one user."""
    generator = random.Random(2026)
    ids = ulid.ULIDGenerator(randomness=lambda _: generator.randbytes(10))
    with (
        WholeChain() as world,
        mock.patch.object(ulid, "default_generator", ids),
        mock.patch.object(secrets, "choice", generator.choice),
    ):
        cloud: Any = world.cloud
        cloud.user |= {"sub": CUSTOMER_ID, "email": EMAIL, "name": NAME}
        sign_up = cloud._cognito_idp_SignUp

        def signed_up(**request: Any) -> dict[str, str]:
            sign_up(**request)
            cloud.user["sub"] = CUSTOMER_ID
            return {"UserSub": CUSTOMER_ID}

        session = {"AuthenticationResult": {**TOKENS, "ExpiresIn": 3600}}
        with (
            mock.patch.object(cloud, "_cognito_idp_SignUp", signed_up),
            mock.patch.object(cloud, "_cognito_idp_InitiateAuth", return_value=session),
        ):
            yield world


def call(
    world: World,
    method: str,
    path: str,
    body: Any = None,
    user: dict[str, str] = CUSTOMER,
    **headers: str,
) -> Any:
    """Send a request to the storefront and return the document of its response."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {TOKENS['AccessToken']}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    with mock.patch.object(apps, "SIGNED_IN_USER", user):
        answer = world.serve_request("storefront_api", method, path, content, headers)
    # the price of the first order has changed
    assert answer.status < 400 or answer.status == 409, (method, path, answer)
    return json.loads(answer.data) if answer.data else None


def accounts(world: World) -> None:
    """A customer signs up, signs in, and uses every operation of an account."""
    account = {"email": EMAIL, "password": PASSWORD}
    code = {"email": EMAIL, "code": "123456"}
    call(world, "POST", "/users", {**account, "name": "Alice Smith"})
    call(world, "POST", "/users/confirmation/resend", {"email": EMAIL})
    call(world, "POST", "/users/confirmation", code)
    call(world, "POST", "/sessions", account)
    call(world, "PATCH", "/users/me", {"name": NAME})
    call(world, "GET", "/users/me")
    call(world, "POST", "/users/password-reset", {"email": EMAIL})
    reset = {"email": EMAIL, "code": world.cloud.reset_codes[-1], "password": "Toyshop-2027!"}
    call(world, "POST", "/users/password-reset/confirmation", reset)


def catalogue(world: World) -> str:
    """Staff add a toy with an image and change it; a shopper finds it. Return its id."""
    toy = call(world, "POST", "/toys", TOY, STAFF)["id"]
    path = f"/toys/{toy}"
    image = {"content_type": "image/png", "size": len(IMAGE), "alt": "A red kite in the sky"}
    world.advance(1)
    _upload(world, call(world, "POST", f"{path}/images", image, STAFF))
    world.advance(1)
    call(world, "PATCH", path, {"price": {"amount": 2499}}, STAFF, If_Match='"2"')
    world.advance(1)
    replacement = {**TOY, "price": {"amount": 2499, "currency": "AUD"}, "min_age": 5}
    call(world, "PUT", path, replacement, STAFF, If_Match='"3"')
    world.advance(2)
    call(world, "GET", "/toys?q=kite&category=outdoor&sort=relevance&limit=20&facets=brand,price")
    call(world, "GET", "/toys/suggestions?q=dra")
    for part in ("/catalogue", "/catalogue/parts?number=1"):
        world.serve_request("toys", "GET", part, b"", {})
    call(world, "GET", path)
    call(world, "GET", f"{path}/images?limit=20", None, STAFF)
    return str(toy)


def _upload(world: World, ticket: Any, content: bytes = IMAGE) -> None:
    key = ticket["upload"]["fields"]["key"]
    world.cloud.objects[key] = {"Body": content, "Metadata": {}, "ContentLength": len(content)}
    event = {"Records": [{"s3": {"object": {"key": key}}}]}
    world.queues["toyshop-local-file-manager-uploads"].send(json.dumps(event), now())
    world.run_until_idle()


def ordering(world: World, toy: str) -> str:
    """A customer orders the toy, pays, and reads the receipt; return the order's id."""
    order = {
        "lines": [{"toy_id": toy, "quantity": 2}],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_visa",
        "expected_total": {"amount": 5998, "currency": "AUD"},
    }
    call(world, "GET", "/countries")
    call(world, "POST", "/orders", order, Idempotency_Key="cart-7f3a")
    order["expected_total"] = {"amount": 4998, "currency": "AUD"}
    placed = call(world, "POST", "/orders", order, Idempotency_Key="cart-7f3a")["id"]
    path = f"/orders/{placed}"
    world.advance(2)
    address = {"shipping_address": {**ADDRESS, "line1": "14 Example Street"}}
    call(world, "PATCH", path, address, If_Match='"1"')
    world.run_until_idle()
    world.advance(2)
    call(world, "GET", path)
    call(world, "GET", "/orders?limit=20")
    call(world, "GET", f"{path}/receipt")
    return str(placed)


def replayed(world: World, toy: str) -> None:
    """A request is repeated after its toy was withdrawn, so the order's key is looked up."""
    image = call(world, "GET", f"/toys/{toy}")["images"][0]["id"]
    call(world, "DELETE", f"/toys/{toy}/images/{image}", None, STAFF)
    world.advance(1)
    version = call(world, "GET", f"/toys/{toy}")["version"]
    call(world, "DELETE", f"/toys/{toy}", None, STAFF, If_Match=f'"{version}"')
    order = {
        "lines": [{"toy_id": toy, "quantity": 2}],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_visa",
        "expected_total": {"amount": 4998, "currency": "AUD"},
    }
    call(world, "POST", "/orders", order, Idempotency_Key="cart-7f3a")


def paying_again(world: World, toy: str) -> None:
    """A card is declined; the customer pays with another one, and then cancels the order."""
    order = {
        "lines": [{"toy_id": toy, "quantity": 1}],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_chargeDeclined",
    }
    path = f"/orders/{call(world, 'POST', '/orders', order, Idempotency_Key='cart-91bc')['id']}"
    world.run_until_idle()
    world.advance(2)
    again = {"payment_method": "pm_card_visa"}
    call(world, "POST", f"{path}/payment", again, Idempotency_Key="payment-2c40")
    world.run_until_idle()
    world.advance(2)
    call(world, "POST", f"{path}/cancellation", {})
    world.run_until_idle()


def waiting_for_a_bank(world: World, toy: str) -> None:
    """A customer does not confirm a payment, and cancels the order."""
    order = {
        "lines": [{"toy_id": toy, "quantity": 1}],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_authenticationRequired",
    }
    path = f"/orders/{call(world, 'POST', '/orders', order, Idempotency_Key='cart-a8d1')['id']}"
    world.run_until_idle()
    world.advance(2)
    call(world, "POST", f"{path}/cancellation", {})
    world.run_until_idle()


def rejected_image(world: World, toy: str) -> None:
    """Staff upload a file that is not an image."""
    image = {"content_type": "image/png", "size": 4, "alt": "Not an image"}
    _upload(world, call(world, "POST", f"/toys/{toy}/images", image, STAFF), b"text")


def operating(world: World, order: str) -> None:
    """Operators check the shop, restore a lost order and publish its events again."""
    call(world, "GET", "/health?deep=1")
    call(world, "GET", "/openapi.json")
    world.advance(2)
    since = (START - timedelta(hours=1)).isoformat()
    components = apps.load_app("storefront_api").components
    with world.calls.hop("storefront_api reconcile"):
        # the order is lost, and restored
        del world.tables.tables["toyshop-local-orders"].items[order]
        period = {"since": since, "grace_seconds": 0, "fix": True}
        report = components.reconciliation.handle(period, lambda: 300.0)
    assert order in report["reemitted"], report
    transaction = next(
        key
        for key, item in world.tables.tables["toyshop-local-payments"].items.items()
        if item["order_id"]["S"] == order
    )
    world.call_api(orders.REEMIT, "orders", {"order_id": order}, body={})
    world.call_api(payments.REEMIT, "payments", {"transaction_id": transaction}, body={})
    message = next(iter(world.tables.tables["toyshop-local-notifications"].items))
    world.call_api(notifications.LOOKUP, "notifications", body={"ids": [message]})
    recording = Recording(order, START.timestamp())
    placed_and_declined(recording, message)
    world.cloud.xray = FakeXRay(recording.documents)
    call(world, "GET", f"/orders/{order}/journey", None, STAFF)
    world.run_until_idle()


def forgetting(world: World, order: str) -> None:
    """Operators erase the customer's data of an order."""
    erasure = apps.load_app("storefront_api").components.erasure
    step = {"step": "erase", "email": EMAIL, "order_ids": [order]}
    with world.calls.hop("storefront_api forget"):
        report = erasure.handle(step, lambda: 300.0)
    assert report["erased_orders"] == [order], report


def recorded() -> Recorder:
    """Take the tour and return what was recorded."""
    recorder = Recorder()
    with example_world() as world, recorder.recording(world):
        accounts(world)
        toy = catalogue(world)
        order = ordering(world, toy)
        paying_again(world, toy)
        waiting_for_a_bank(world, toy)
        rejected_image(world, toy)
        operating(world, order)
        replayed(world, toy)
        forgetting(world, order)
    return recorder
