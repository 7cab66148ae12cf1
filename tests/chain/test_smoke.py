"""`./shop smoke` against a running shop, and with a failing payment gateway."""

from support.running_shop import Shop

SENTENCE = "The smoke test failed at payment: the order is not paid, after 2 s. "


def test_smoke_test_of_a_healthy_shop_passes(shop: Shop) -> None:
    # WHEN the smoke test runs
    result = shop.run("smoke", "--stage", "local")
    # THEN each step prints a line, and the order is paid and refunded
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 11
    (order,) = [line.split()[2] for line in lines if line.startswith("ok  order:")]
    assert shop.ledger_of(order) == [("charge", "succeeded"), ("refund", "succeeded")]
    shop.wait_for_emails(order, 2)


def test_smoke_test_stops_when_payment_fails(shop: Shop) -> None:
    # GIVEN a gateway that answers every charge with a fault
    shop.gateway.add_fault("error_500", path="*/confirm", times=1000)
    try:
        # WHEN the smoke test runs
        result = shop.run("smoke", "--stage", "local", "--patience", "2")
    finally:
        shop.gateway.clear_faults()
    # THEN it ends with one sentence about the step that failed
    assert result.returncode == 1
    assert result.stderr.startswith(SENTENCE)
    assert len(result.stderr.splitlines()) == 1


def test_smoke_test_by_url_places_no_order(shop: Shop) -> None:
    result = shop.run("smoke", "--url", shop.origin)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("No order was placed.\n")
