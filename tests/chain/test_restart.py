"""A shop that is stopped and started again, and one that is started twice."""

from support.running_shop import Shop


def test_data_survive_a_down_and_an_up(shop: Shop) -> None:
    # GIVEN a paid order and all that came of it
    token = shop.sign_in("alice@example.com")
    order = shop.place(token)
    shop.paid(order["id"], token, "succeeded")
    shop.mailed(order["id"], 1)
    # one placed just before the stop: its events must not be lost
    last = shop.place(token)
    toys = shop.api("GET", "/toys?limit=100").json["items"]
    # WHEN the shop is stopped and started
    shop.down()
    assert shop.run("status").returncode == 1
    output = shop.up()
    # THEN nothing was packaged or seeded again, and everything is there
    assert "6 unchanged" in output
    token = shop.sign_in("alice@example.com")
    assert shop.order(order["id"], token)["payment"]["status"] == "succeeded"
    assert shop.order(order["id"], token)["receipt"] is True
    assert shop.api("GET", "/toys?limit=100").json["items"] == toys
    shop.paid(last["id"], token, "succeeded")
    shop.mailed(last["id"], 1)
    for order_id in (order["id"], last["id"]):
        assert shop.money_of(order_id) == [("charge", "succeeded")]


def test_a_second_up_says_that_the_shop_runs(shop: Shop) -> None:
    result = shop.run("up", "--detach")
    assert result.returncode == 0
    assert shop.origin in result.stdout + result.stderr
    status = shop.json_of("status")
    assert status["status"] == "running"
    assert set(status["services"].values()) == {"ok"}


def test_a_port_that_is_taken_is_one_sentence(shop: Shop) -> None:
    other = Shop(shop.home.parent / "other", port=shop.port)
    result = other.run("up", "--detach", "--port", str(other.port))
    assert result.returncode == 1
    assert str(shop.port) in result.stderr
    assert "Traceback" not in result.stderr
    assert shop.json_of("status")["status"] == "running"
