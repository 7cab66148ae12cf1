"""`./shop smoke` against the shop as it runs, and with a gateway that fails."""

from support.running_shop import Shop

SENTENCE = "The smoke test stops at payment: it is not paid, after 2 s. "


def test_shop_that_is_well(shop: Shop) -> None:
    # WHEN the running shop is walked through
    result = shop.run("smoke", "--stage", "local")
    # THEN each step is a line, and the order is paid and refunded
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 11
    (order,) = [line.split()[2] for line in lines if line.startswith("ok  order:")]
    assert shop.money_of(order) == [("charge", "succeeded"), ("refund", "succeeded")]
    shop.mailed(order, 2)


def test_shop_that_cannot_charge(shop: Shop) -> None:
    # GIVEN a gateway that answers every charge with a fault
    shop.gateway.add_fault("error_500", path="*/confirm", times=1000)
    try:
        # WHEN the shop is walked through
        result = shop.run("smoke", "--stage", "local", "--patience", "2")
    finally:
        shop.gateway.clear_faults()
    # THEN it ends with one sentence at the step that is wrong
    assert result.returncode == 1
    assert result.stderr.startswith(SENTENCE)
    assert len(result.stderr.splitlines()) == 1


def test_origin_is_looked_at_without_buying(shop: Shop) -> None:
    result = shop.run("smoke", "--url", shop.origin)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("No order was placed.\n")
