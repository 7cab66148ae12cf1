"""Stopping and starting the shop, and starting it twice."""

import json
import os
import signal

from support.running_shop import Shop
from support.waiting import eventually


def test_data_survives_down_and_up(shop: Shop) -> None:
    # GIVEN an order that is paid, archived and emailed
    token = shop.sign_in("alice@example.com")
    order = shop.place(token)
    shop.wait_for_payment(order["id"], token, "succeeded")
    shop.wait_for_emails(order["id"], 1)
    # and one placed just before the stop, whose events must not be lost
    last = shop.place(token)
    toys = shop.api("GET", "/toys?limit=100").json["items"]
    # WHEN the shop is stopped and started
    shop.down()
    assert shop.run("status").returncode == 1
    output = shop.up()
    # THEN nothing is packaged or seeded again, and all data are present
    assert "6 unchanged" in output
    token = shop.sign_in("alice@example.com")
    # right after the start, the storefront may answer before payments does, without the payment
    assert shop.wait_for_payment(order["id"], token, "succeeded")["receipt"] is True
    assert shop.api("GET", "/toys?limit=100").json["items"] == toys
    shop.wait_for_payment(last["id"], token, "succeeded")
    shop.wait_for_emails(last["id"], 1)
    for order_id in (order["id"], last["id"]):
        assert shop.ledger_of(order_id) == [("charge", "succeeded")]


def test_second_up_reports_the_running_shop(shop: Shop) -> None:
    result = shop.run("up", "--detach")
    assert result.returncode == 0
    assert shop.origin in result.stdout + result.stderr
    status = shop.run_json("status")
    assert status["status"] == "running"
    assert set(status["services"].values()) == {"ok"}


def test_killed_edge_and_gateway_serve_again_and_an_order_is_paid_once(shop: Shop) -> None:
    # GIVEN a running shop
    before = {name: entry["pid"] for name, entry in shop.run_json("status")["processes"].items()}
    # WHEN its edge and its gateway are killed
    for name in ("edge", "gateway"):
        os.kill(before[name], signal.SIGKILL)
    # THEN both are started again, and the embedded AWS goes on

    def started_again() -> bool:
        status = json.loads(shop.run("status", "--json").stdout)
        now = {name: entry["pid"] for name, entry in status["processes"].items()}
        replaced = {name for name in now if now[name] != before[name]}
        return status["status"] == "running" and replaced == {"edge", "gateway"}

    eventually(started_again, 30)
    # AND an order is charged once
    token = shop.sign_in("alice@example.com")
    order = shop.place(token)
    shop.wait_for_payment(order["id"], token, "succeeded")
    assert shop.ledger_of(order["id"]) == [("charge", "succeeded")]


def test_port_in_use_is_reported_in_one_sentence(shop: Shop) -> None:
    other = Shop(shop.home.parent / "other", port=shop.port)
    free = ("--aws-port", str(other.aws_port), "--gateway-port", str(other.gateway_port))
    result = other.run("up", "--detach", "--port", str(other.port), *free)
    assert result.returncode == 1
    assert str(shop.port) in result.stderr
    assert "Traceback" not in result.stderr
    assert shop.run_json("status")["status"] == "running"
