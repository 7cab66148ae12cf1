"""The examples in the Python client's README work against a running shop."""

import asyncio
import re

import pytest

from support.paths import ROOT
from support.running_shop import PASSWORD, Shop
from toyshop_client import AsyncToyShop, DraftLine, NewAddress, ToyShop

README = ROOT / "clients/python/README.md"


def test_examples_of_the_readme(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(examples) > 10
    names: dict[str, object] = {}
    for number, example in enumerate(examples, start=1):
        text = example.replace("http://127.0.0.1:8000", shop.origin)
        exec(compile(text, f"{README.name}, example {number}", "exec"), names)  # noqa: S102
    printed = capsys.readouterr().out
    # each example that catches an error prints it
    for expected in ("succeeded", "The total is now", "generic_decline", "no such toy", "quantity"):
        assert expected in printed
    for name in ("shop", "later", "patient", "once"):
        client = names[name]
        assert isinstance(client, ToyShop)
        client.close()


def test_orders_of_concurrent_tasks_are_each_placed_once(shop: Shop) -> None:
    toy = shop.toys[0]["id"]

    async def run() -> list[str]:
        async with AsyncToyShop(shop.origin) as client:
            await client.sign_in("bob@example.com", PASSWORD)

            async def buy() -> str:
                order = await client.orders.place(
                    lines=[DraftLine(toy_id=toy, quantity=1)],
                    shipping_address=NewAddress(
                        name="Bob", line1="1 Toy St", city="Sydney", postal_code="2000",
                        country="AU",
                    ),
                    payment_method="pm_card_visa",
                )  # fmt: skip
                return (await client.orders.wait_until_paid(order.id)).id

            return await asyncio.gather(*(buy() for _ in range(5)))

    placed = asyncio.run(run())
    assert len(set(placed)) == 5
    for order_id in placed:
        assert shop.ledger_of(order_id) == [("charge", "succeeded")]
