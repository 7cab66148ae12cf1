"""What is told in all weathers: the crash suite's stories, and what clients do in the storefront.

Each ends with what must be true whatever has befallen it.
"""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

from contracts import toys as toys_api
from support.crash import stories as crash
from support.crash.stories import CONFIRM, insist
from support.world import promise
from support.world.outside import Trouble
from support.world.world import Answer, World

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
    Image.new("RGB", (4, 3), "red").save(buffer, "PNG")
    return buffer.getvalue()


PNG = _png()


class Story(NamedTuple):
    """One story.

    Attributes
    ----------
    tell
        Makes it happen; what was not answered is asked for again, as clients do.
    hold
        Holds the promise once all has come to rest.
    """

    tell: Callable[[World], None]
    hold: Callable[[World], None]


def _ends(story: crash.Story) -> Callable[[World], None]:
    def hold(world: World) -> None:
        promise.in_the_end(world)
        (books,) = promise.books_of(world)
        assert books.status in story.ends, (books.history, world.outside.befell)

    return hold


def _answered(world: World, ask: Callable[[], Answer]) -> Answer:
    """Ask until there is an answer, with a pause between, and return it."""
    for _ in range(6):
        answer = ask()
        if answer.status < 500:
            assert answer.status < 400, answer
            return answer
        world.advance(10)
    raise AssertionError("six times no answer")


def _storefront(
    world: World, method: str, path: str, body: Any = None, **headers: str
) -> dict[str, Any]:
    sent = b"" if body is None else json.dumps(body).encode()
    sent_headers = {**JSON, "Authorization": "Bearer token", **headers}
    answer = _answered(
        world, lambda: world.serve("storefront_api", method, path, sent, sent_headers)
    )
    told: dict[str, Any] = json.loads(answer.data) if answer.data else dict(answer.headers)
    return told


def bought(world: World) -> None:
    """Find a toy in the storefront and buy it, look at the order, and fetch the receipt."""
    toy = json.loads(_answered(world, lambda: world.ask(toys_api.CREATE, "toys", body=TOY)).data)
    found = _storefront(world, "GET", "/toys")["items"]
    assert toy["id"] in [item["id"] for item in found]
    order = {
        "lines": [{"toy_id": toy["id"], "quantity": 1}],
        "shipping_address": ADDRESS,
        "payment_method": "pm_card_visa",
    }
    placed = _storefront(world, "POST", "/orders", order, **{"Idempotency-Key": "key-1"})
    world.accepted.setdefault(1, set()).add(placed["id"])
    world.settle()
    shown = _storefront(world, "GET", f"/orders/{placed['id']}")
    assert shown["payment"]["status"] in ("succeeded", "unknown", "pending")
    listed = _storefront(world, "GET", "/orders")["items"]
    assert placed["id"] in [order["id"] for order in listed]
    if shown["receipt"]:
        receipt = _storefront(world, "GET", f"/orders/{placed['id']}/receipt")
        assert "/documents/" in receipt["Location"]


def pictured(world: World) -> None:
    """Add a toy in the storefront, and a picture of it."""
    toy = _storefront(world, "POST", "/toys", TOY)
    _storefront(world, "GET", f"/toys/{toy['id']}")
    picture = {"content_type": "image/png", "size": len(PNG), "alt": "A kite"}
    ticket = _storefront(world, "POST", f"/toys/{toy['id']}/images", picture)
    key = ticket["upload"]["fields"]["key"]
    world.cloud.objects[key] = {"Body": PNG, "Metadata": {}, "ContentLength": len(PNG)}
    uploaded = {"Records": [{"s3": {"object": {"key": key}}}]}
    world.cloud.message("toyshop-local-file-manager-uploads", json.dumps(uploaded))
    world.settle()


def _is_pictured(world: World) -> None:
    assert not world.due()
    assert not world.dead_letters()
    toys = world.tables.tables["toyshop-local-toys"].items.values()
    shown = [image["id"] for toy in toys for image in json.loads(toy["images"]["S"])]
    public = [key.removeprefix("files/") for key in world.cloud.objects]
    # one picture is shown, its bytes are public, and nothing unchecked is left
    assert len(shown) == 1, world.outside.befell
    assert public == shown, world.outside.befell


def _is_bought(world: World) -> None:
    promise.in_the_end(world)
    bought = {books.id: books.status for books in promise.books_of(world)}
    if bought != dict.fromkeys(world.accepted[1], "succeeded"):
        raise promise.BrokenPromise(f"{bought}, told of {world.accepted}: {world.outside.befell}")


def the_gateway_fails_until_the_retry_queue(world: World) -> None:
    """Have the confirmation fail for longer than Lambda itself tries."""
    outside, weather = world.outside, world.outside.weather

    def stormy(hops: tuple[str, ...], name: str) -> Trouble | None:
        failing = name == CONFIRM and outside.again.count("queue") < 2
        return "faulty" if failing else weather(hops, name)

    outside.weather = stormy
    insist(lambda: world.place(1))
    world.settle()


STORMY = the_gateway_fails_until_the_retry_queue.__name__

STORIES: dict[str, Story] = {
    **{name: Story(story.tell, _ends(story)) for name, story in crash.STORIES.items()},
    bought.__name__: Story(bought, _is_bought),
    pictured.__name__: Story(pictured, _is_pictured),
    STORMY: Story(the_gateway_fails_until_the_retry_queue, promise.in_the_end),
}
