"""The scenarios of the fault matrix: those of the crash suite, and clients of the storefront.

Each comes with a check of its result, which must pass whatever faults are injected.
"""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

from chassis.problems import ProblemError
from contracts import toys as toys_api
from support.crash import scenarios as crash
from support.crash.scenarios import CONFIRM, retry_until_answered
from support.world import invariants
from support.world.apps import Answer
from support.world.calls import Fault, ProcessCrashed
from support.world.deliveries import now
from support.world.world import World

JSON = {"Content-Type": "application/json"}
TOY = {
    "name": "Kite",
    "description": "Flies",
    "category": "outdoor",
    "brand": "Windy",
    "price": {"amount": 2500, "currency": "AUD"},
    "min_age": 3,
}
ADDRESS = {"name": "A", "line1": "1", "city": "S", "postal_code": "2000", "country": "AU"}


def _png() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (320, 3), "red").save(buffer, "PNG")
    return buffer.getvalue()


PNG = _png()


class Scenario(NamedTuple):
    """A scenario and the check of its result.

    Attributes
    ----------
    play
        Runs the scenario; requests without an answer are repeated, as clients do.
    check
        Checks the result of an idle world; raises if it is wrong.
    """

    play: Callable[[World], None]
    check: Callable[[World], None]


def _check_of(scenario: crash.Scenario) -> Callable[[World], None]:
    def check(world: World) -> None:
        invariants.check_when_idle(world)
        (order,) = invariants.evidence_of(world)
        assert order.status in scenario.final_statuses, (order.history, world.calls.injected)

    return check


def _send_until_answered(
    world: World, send: Callable[[], Answer], done_before: int | None = None
) -> Answer:
    """Send a request up to six times, 10 s apart, until it is answered; return the answer.

    Parameters
    ----------
    done_before
        The status of a request that was carried out before, without an answer.
    """
    for _ in range(6):
        answer = send()
        if answer.status < 500:
            is_done = world.calls.injected and answer.status == done_before
            assert answer.status < 400 or is_done, answer
            return answer
        world.advance(10)
    raise AssertionError("no answer after six attempts")


def _call_storefront(
    world: World,
    method: str,
    path: str,
    body: Any = None,
    *,
    done_before: int | None = None,
    **headers: str,
) -> dict[str, Any]:
    """Call the storefront; return the answer's JSON, or its headers if it has no body."""
    content = b"" if body is None else json.dumps(body).encode()
    sent_headers = {**JSON, "Authorization": "Bearer token", **headers}
    answer = _send_until_answered(
        world,
        lambda: world.serve_request("storefront_api", method, path, content, sent_headers),
        done_before,
    )
    result: dict[str, Any] = json.loads(answer.data) if answer.data else dict(answer.headers)
    return result


def toy_bought(world: World) -> None:
    """A shopper finds a toy in the storefront, buys it, and reads the order and the receipt."""
    created = _send_until_answered(world, lambda: world.call_api(toys_api.CREATE, "toys", body=TOY))
    toy = json.loads(created.data)
    found = _call_storefront(world, "GET", "/toys")["items"]
    assert toy["id"] in [item["id"] for item in found]
    offered = _call_storefront(world, "GET", "/countries")["items"]
    assert ADDRESS["country"] in [country["code"] for country in offered]
    request = {
        "lines": [{"toy_id": toy["id"], "quantity": 1}],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_visa",
    }
    placed = _call_storefront(world, "POST", "/orders", request, **{"Idempotency-Key": "key-1"})
    world.accepted_orders.setdefault(1, set()).add(placed["id"])
    world.run_until_idle()
    # the lookup of transactions is eventually consistent
    world.advance(1)
    order = _call_storefront(world, "GET", f"/orders/{placed['id']}")
    assert order["payment"]["status"] in ("succeeded", "unknown", "pending")
    listed = _call_storefront(world, "GET", "/orders")["items"]
    assert placed["id"] in [order["id"] for order in listed]
    if order["receipt"]:
        receipt = _call_storefront(world, "GET", f"/orders/{placed['id']}/receipt")
        assert "/documents/" in receipt["Location"]


def _check_toy_bought(world: World) -> None:
    invariants.check_when_idle(world)
    statuses = {order.id: order.status for order in invariants.evidence_of(world)}
    if statuses != dict.fromkeys(world.accepted_orders[1], "succeeded"):
        raise invariants.InvariantViolation(
            f"stored {statuses}, accepted {world.accepted_orders}: {world.calls.injected}"
        )


def order_paid_again(world: World) -> None:
    """A shopper whose card is declined pays again in the storefront with another card."""
    retry_until_answered(lambda: world.place_order(1, "pm_card_chargeDeclined"))
    world.run_until_idle()
    (order_id,) = world.orders()
    body = json.dumps({"payment_method": "pm_card_visa"}).encode()
    headers = {**JSON, "Authorization": "Bearer token", "Idempotency-Key": "again"}
    for _ in range(6):
        answer = world.serve_request(
            "storefront_api", "POST", f"/orders/{order_id}/payment", body, headers
        )
        if answer.status < 500:
            # a conflict if the decline is not known yet
            assert answer.status in (202, 409), answer
            break
        world.advance(10)
    if answer.status == 202:
        world.accepted_retries[order_id] = {"again"}
    world.run_until_idle()


def _check_order_paid_again(world: World) -> None:
    invariants.check_when_idle(world)
    (order,) = invariants.evidence_of(world)
    expected = "succeeded" if order.retry_keys else "declined"
    assert order.status == expected, (order.history, world.calls.injected)


def image_uploaded(world: World) -> None:
    """Staff add a toy in the storefront and upload an image of it."""
    toy = _call_storefront(world, "POST", "/toys", TOY)
    _call_storefront(world, "GET", f"/toys/{toy['id']}")
    image = {"content_type": "image/png", "size": len(PNG), "alt": "A kite"}
    created = _call_storefront(world, "POST", f"/toys/{toy['id']}/images", image)
    _call_storefront(world, "GET", f"/toys/{toy['id']}/images")
    key = created["upload"]["fields"]["key"]
    world.cloud.objects[key] = {"Body": PNG, "Metadata": {}, "ContentLength": len(PNG)}
    s3_event = {"Records": [{"s3": {"object": {"key": key}}}]}
    world.queues["toyshop-local-file-manager-uploads"].send(json.dumps(s3_event), now())
    world.run_until_idle()


def _check_image_uploaded(world: World) -> None:
    assert not world.due()
    assert not world.dead_letters()
    toys = world.tables.tables["toyshop-local-toys"].items.values()
    shown = [
        image["id"]
        for toy in toys
        if "images" in toy  # an entry of the change log has none
        for image in json.loads(toy["images"]["S"])
    ]
    public = sorted(key.removeprefix("files/") for key in world.cloud.objects)
    # one image is shown, it and its copy are public, and no unchecked upload is left
    assert len(shown) == 1, world.calls.injected
    assert public == [shown[0], f"{shown[0]}-320.webp"], world.calls.injected


def account_used(world: World) -> None:
    """A shopper signs up, changes the name, forgets the password, and sets another one."""
    account = {"email": "b@example.com", "password": "Correct-horse-1"}
    address = {"email": account["email"]}
    _call_storefront(world, "POST", "/users", {**account, "name": "B"}, done_before=409)
    _call_storefront(world, "POST", "/users/confirmation/resend", address)
    _call_storefront(world, "POST", "/sessions", account)
    _call_storefront(world, "PATCH", "/users/me", {"name": "Bo"})
    assert _call_storefront(world, "GET", "/users/me")["name"] == "Bo"
    _call_storefront(world, "POST", "/users/password-reset", address)
    new = {**account, "password": "Correct-horse-2"}
    reset = {**new, "code": world.cloud.reset_codes[-1]}
    _call_storefront(world, "POST", "/users/password-reset/confirmation", reset, done_before=422)
    _call_storefront(world, "POST", "/sessions", new)


def _check_account_used(world: World) -> None:
    assert world.cloud.user["name"] == "Bo"
    assert world.cloud.passwords == {"b@example.com": "Correct-horse-2"}


def unconfirmed_order_expires(world: World) -> None:
    """A shopper never answers the bank, and the order is cancelled a day later."""
    retry_until_answered(lambda: world.place_order(1, "pm_card_authenticationRequired"))
    world.run_until_idle()
    world.advance(25 * 3600)
    for _ in range(6):
        try:
            world.cancel_expired()
        except (ProblemError, ProcessCrashed):
            world.calls.retries.append("schedule")
            world.advance(3600)
        else:
            break
    world.run_until_idle()


def _check_unconfirmed_order_expires(world: World) -> None:
    invariants.check_when_idle(world)
    (order,) = invariants.evidence_of(world)
    assert order.status == "cancelled", (order.history, world.calls.injected)


def gateway_fails_until_retry_queue(world: World) -> None:
    """The confirmation fails until Lambda gives up and the retry queue has delivered twice."""
    calls, scheduled = world.calls, world.calls.fault_schedule

    def fault_schedule(hops: tuple[str, ...], name: str) -> Fault | None:
        fails = name == CONFIRM and calls.retries.count("queue") < 2
        return "error" if fails else scheduled(hops, name)

    calls.fault_schedule = fault_schedule
    retry_until_answered(lambda: world.place_order(1))
    world.run_until_idle()


GATEWAY_FAILS = gateway_fails_until_retry_queue.__name__
"""The scenario with faults of its own; the only one in which some calls are made."""

SCENARIOS: dict[str, Scenario] = {
    **{
        name: Scenario(scenario.play, _check_of(scenario))
        for name, scenario in crash.SCENARIOS.items()
        if "paid_again" not in name  # order_paid_again makes the same calls
    },
    order_paid_again.__name__: Scenario(order_paid_again, _check_order_paid_again),
    toy_bought.__name__: Scenario(toy_bought, _check_toy_bought),
    account_used.__name__: Scenario(account_used, _check_account_used),
    unconfirmed_order_expires.__name__: Scenario(
        unconfirmed_order_expires, _check_unconfirmed_order_expires
    ),
    image_uploaded.__name__: Scenario(image_uploaded, _check_image_uploaded),
    GATEWAY_FAILS: Scenario(gateway_fails_until_retry_queue, invariants.check_when_idle),
}
