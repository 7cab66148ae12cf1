"""A service's data is backed up and restored while orders flow; reconcile repairs the rest."""

import json
import threading
from pathlib import Path

from support.ordering import orders_flowing
from support.running_shop import Shop, wait_until_idle
from support.waiting import eventually


def empty(shop: Shop, service: str) -> int:
    """Delete the items of a service's table, and return how many there were."""
    found = shop.items(service)
    for key in found:
        shop.client("dynamodb").delete_item(
            TableName=f"toyshop-local-{service}", Key={"id": {"S": key}}
        )
    return len(found)


def violations(shop: Shop, *options: str) -> tuple[set[str], set[str]]:
    """Return the orders and the kinds of the violations that remain."""
    result = shop.run("reconcile", "--json", "--grace", "0", *options)
    assert result.returncode in (0, 1), result.stderr
    answer = json.loads(result.stdout)
    left = [v for v in answer["violations"] if v["order_id"] not in answer["repaired"]]
    return {v["order_id"] for v in left}, {v["kind"] for v in left}


def run(shop: Shop, *arguments: str) -> str:
    result = shop.run(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_lost_transactions_are_restored_and_later_ones_repaired(
    shop: Shop, alice: str, tmp_path: Path
) -> None:
    backup = str(tmp_path / "backup")
    assert shop.toys
    with orders_flowing(shop, alice) as placed:
        eventually(lambda: len(placed) > 5)
        # GIVEN a backup, and orders that are placed after it
        run(shop, "backup", "--stage", "local", "payments", backup)
        before = len(placed)
        eventually(lambda: len(placed) > before + 5)
        # WHEN all transactions are lost and the backup is restored, with orders flowing
        assert empty(shop, "payments")
        output = run(shop, "restore", "--stage", "local", "payments", backup)
        assert "toyshop-local-payments: " in output
        threading.Event().wait(1)
    wait_until_idle(shop)
    # THEN reconcile finds the transactions that the restore could not bring back
    lost, kinds = violations(shop)
    assert lost
    assert "transaction_missing" in kinds
    # AND repairs them: every order has one transaction, one charge and one email
    assert violations(shop, "--fix") == (set(), set())
    assert violations(shop) == (set(), set())
    charged = [e["order_id"] for e in shop.run_json("ledger") if e["type"] == "charge"]
    assert sorted(charged) == sorted(shop.items("orders"))
    assert len(shop.items("payments")) == len(charged)
    mails = [mail["text"] for mail in shop.run_json("mail")]
    assert all(sum(order in text for text in mails) == 1 for order in charged)
    # a second restore changes nothing
    assert "payments: 0 written" in run(shop, "restore", "--stage", "local", "payments", backup)


def test_later_orders_are_restored_from_their_transactions(
    shop: Shop, alice: str, tmp_path: Path
) -> None:
    backup = str(tmp_path / "backup")
    assert shop.toys
    with orders_flowing(shop, alice) as placed:
        eventually(lambda: len(placed) > 5)
        # GIVEN a backup, and orders that are placed after it: paid, declined and cancelled ones
        run(shop, "backup", "--stage", "local", "orders", backup)
        declined, given_up = (shop.place(alice, "pm_card_chargeDeclined")["id"] for _ in range(2))
        cancelled = shop.place(alice)["id"]
        shop.wait_for_payment(cancelled, alice, "succeeded")
        shop.api("POST", f"/orders/{cancelled}/cancellation", token=alice)
        shop.wait_for_payment(cancelled, alice, "refunded")
        shop.wait_for_payment(declined, alice, "declined")
        shop.wait_for_payment(given_up, alice, "declined")
        shop.api("POST", f"/orders/{given_up}/cancellation", token=alice)
        before = len(placed)
        eventually(lambda: len(placed) > before + 5)
    wait_until_idle(shop)
    orders, ledger, mails = shop.items("orders"), shop.run_json("ledger"), shop.run_json("mail")
    with orders_flowing(shop, alice):
        # WHEN all orders are lost and the backup is restored, with orders flowing
        assert empty(shop, "orders") >= len(orders)
        run(shop, "restore", "--stage", "local", "orders", backup)
    wait_until_idle(shop)
    # THEN reconcile finds the orders that the restore could not bring back, and restores them
    lost, kinds = violations(shop, "--since", "1d")
    assert {declined, given_up, cancelled} < lost
    assert kinds == {"order_missing"}
    assert violations(shop, "--since", "1d", "--fix") == (set(), set())
    wait_until_idle(shop)
    assert violations(shop, "--since", "1d") == (set(), set())
    # AND nothing is charged, refunded or mailed again
    kept = {order_id: item["status"] for order_id, item in shop.items("orders").items()}
    assert kept.items() >= {order_id: item["status"] for order_id, item in orders.items()}.items()
    assert shop.run_json("ledger")[: len(ledger)] == ledger
    charged = [e["order_id"] for e in shop.run_json("ledger") if e["type"] == "charge"]
    assert len(set(charged)) == len(charged)
    assert not {entry["order_id"] for entry in shop.run_json("ledger")[len(ledger) :]} & set(orders)
    later = shop.run_json("mail")[len(mails) :]
    assert not any(order_id in mail["text"] for mail in later for order_id in orders)
    # AND the customer sees the orders as before
    assert shop.order(cancelled, alice)["status"] == "cancelled"
    assert shop.order(given_up, alice)["status"] == "cancelled"
    assert shop.order(declined, alice)["payment"]["status"] == "declined"


def test_lost_orders_and_receipts_are_restored(shop: Shop, alice: str, tmp_path: Path) -> None:
    order = shop.place(alice)
    shop.wait_for_payment(order["id"], alice, "succeeded")
    eventually(lambda: shop.order(order["id"], alice)["receipt"])
    wait_until_idle(shop)
    orders, files = shop.items("orders"), shop.items("file-manager")
    for service in ("orders", "file_manager"):
        run(shop, "backup", "--stage", "local", service, str(tmp_path / service))
    # GIVEN tables that are lost, and the receipts
    empty(shop, "orders")
    empty(shop, "file-manager")
    s3, bucket = shop.client("s3"), "toyshop-local-file-manager-private"
    for listed in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=listed["Key"])
    # THEN reconcile finds that they are missing
    assert "order_missing" in violations(shop, "--since", "1d")[1]
    # WHEN both are restored
    for service in ("orders", "file_manager"):
        run(shop, "restore", "--stage", "local", service, str(tmp_path / service))
    wait_until_idle(shop)
    # THEN everything is as before, and the events of the restored items have charged nothing
    assert shop.items("orders") == orders
    assert shop.items("file-manager") == files
    assert violations(shop) == (set(), set())
    assert shop.ledger_of(order["id"]) == [("charge", "succeeded")]
    receipt = shop.api("GET", f"/orders/{order['id']}/receipt", token=alice)
    assert receipt.status in (200, 303)
