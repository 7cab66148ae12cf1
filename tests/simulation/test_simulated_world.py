"""The fakes of the simulated world behave like AWS: the same cases run on them and on moto."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from msgspec.structs import replace

from chalicelib.file_manager.storage import Storage
from chalicelib.orders.domain import cancel, place
from chalicelib.orders.store import OrderRecord, OrderStore
from chalicelib.payments import domain
from chalicelib.payments.store import TransactionStore
from chassis import aws
from contracts.money import Money
from contracts.orders import Address, Contact, Order, PlaceOrder, PricedLine
from support.moto_aws import ACCOUNT, REGION, create_resources, send_to_moto
from support.world.world import World

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ORDERS, PAYMENTS = "toyshop-local-orders", "toyshop-local-payments"
BUCKET = "toyshop-local-file-manager-private"

StreamOf = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["moto", "memory"])
def stream_of(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StreamOf]:
    """Provide moto or the fakes, and a function that returns the stream records of a table."""
    if request.param == "memory":
        # moto's reads are never stale
        with World(read_lag=0) as world:
            yield lambda table: world.tables.tables[table].stream
        return
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setattr("moto.core.models.DEFAULT_ACCOUNT_ID", ACCOUNT, raising=False)
    with mock_aws():
        send_to_moto(monkeypatch)
        for service in ("orders", "payments", "file_manager"):
            create_resources(service)
        yield _moto_stream


def _moto_stream(table: str) -> list[dict[str, Any]]:
    shard = dynamodb_backends[ACCOUNT][REGION].get_table(table).stream_shard
    records: list[dict[str, Any]] = shard.get(shard.starting_sequence_number, 1000)
    return records


def order_of(number: int = 1, customer: str = "cus_1") -> Order:
    request = PlaceOrder(
        customer_id=customer,
        idempotency_key=f"key-{number}",
        fingerprint="0" * 64,
        contact=Contact(email="a@example.com", name="Zoë"),  # type: ignore[arg-type]
        lines=[
            PricedLine(
                toy_id="toy_1",
                name="Kite",
                quantity=2,
                unit_price=Money(amount=1250, currency="AUD"),  # type: ignore[arg-type]
            )
        ],
        shipping_address=Address(name="A", line1="1", city="S", postal_code="2", country="AU"),  # type: ignore[arg-type]
        payment_method="pm_card_visa",
    )
    return place(f"ord_{number}", request, NOW + timedelta(seconds=number))


def test_add_rejects_an_existing_id(stream_of: StreamOf) -> None:
    store, order = OrderStore(ORDERS), order_of()
    assert store.get(order.id) is None
    assert store.add(order, "first")
    assert not store.add(replace(order, status="cancelled"), "second")
    stored = store.get(order.id)
    assert stored is not None
    assert (stored.order, stored.fingerprint) == (order, "first")


def test_replace_requires_the_previous_version(stream_of: StreamOf) -> None:
    store, order = OrderStore(ORDERS), order_of()
    cancelled = cancel(order, NOW)
    assert not store.replace(cancelled, "f")  # there is no previous version
    store.add(order, "f")
    assert store.replace(cancelled, "f")
    assert not store.replace(cancelled, "f")
    assert not store.replace(replace(order, version=9), "f")
    stored = store.get(order.id)
    assert stored is not None
    assert stored.order == cancelled


def delete(order_id: str) -> bool:
    """Delete an order's record; the orders store itself has no such method."""
    return OrderRecord(id=order_id).remove(OrderRecord.id.exists())


def test_delete_requires_an_existing_item(stream_of: StreamOf) -> None:
    store, order = OrderStore(ORDERS), order_of()
    assert not delete(order.id)
    store.add(order, "f")
    assert delete(order.id)
    assert store.get(order.id) is None


def test_pages_of_an_index_are_sorted_and_complete(stream_of: StreamOf) -> None:
    store = OrderStore(ORDERS)
    for number in (2, 5, 1, 4, 3):
        store.add(order_of(number, "cus_1" if number < 4 else "cus_2"), "f")
    pages: list[list[str]] = []
    after = None
    while True:
        orders, after = store.page(None, 2, after)
        pages.append([order.id for order in orders])
        if after is None:
            break
    assert pages == [["ord_5", "ord_4"], ["ord_3", "ord_2"], ["ord_1"]]
    assert [order.id for order in store.page("cus_1", 10, None)[0]] == ["ord_3", "ord_2", "ord_1"]
    assert store.page("cus_9", 10, None) == ([], None)


def test_attribute_set_to_none_is_removed(stream_of: StreamOf) -> None:
    store = TransactionStore(PAYMENTS)
    payment = domain.opened(order_of(), "pi_1", NOW)
    waiting = payment.moved_to("action_required", NOW, client_secret="secret")
    assert store.add(payment)
    assert store.replace(waiting)
    assert store.get(payment.id) == waiting
    paid = waiting.moved_to("succeeded", NOW)
    assert store.replace(paid)
    assert store.get(payment.id) == paid
    assert store.of_orders(["ord_1", "ord_2"]) == [paid]
    assert "client_secret" not in stream_of(PAYMENTS)[-1]["dynamodb"]["NewImage"]


def test_stream_contains_old_and_new_images(stream_of: StreamOf) -> None:
    store, order = OrderStore(ORDERS), order_of()
    store.add(order, "f")
    store.add(order, "g")  # rejected, so there is no record
    store.replace(cancel(order, NOW), "f")
    delete(order.id)
    records = stream_of(ORDERS)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    images = [record["dynamodb"] for record in records]
    assert [image["Keys"] for image in images] == [{"id": {"S": order.id}}] * 3
    statuses = [
        tuple(image.get(name, {}).get("status", {}).get("S") for name in ("OldImage", "NewImage"))
        for image in images
    ]
    assert statuses == [(None, "placed"), ("placed", "cancelled"), ("cancelled", None)]
    assert images[1]["OldImage"] == images[0]["NewImage"]
    numbers = [int(image["SequenceNumber"]) for image in images]
    assert numbers == sorted(set(numbers))


def test_reemission_adds_a_stream_record_and_keeps_the_version(stream_of: StreamOf) -> None:
    store, order = OrderStore(ORDERS), order_of()
    assert not store.reemit(order.id)
    store.add(order, "f")
    for _ in range(2):
        assert store.reemit(order.id)
    images = [record["dynamodb"]["NewImage"] for record in stream_of(ORDERS)]
    assert [image.get("reemitted") for image in images] == [None, {"N": "1"}, {"N": "2"}]
    stored = store.get(order.id)
    assert stored is not None
    assert stored.order == order


def test_stored_document_is_not_overwritten(stream_of: StreamOf) -> None:
    storage = Storage(lambda: aws.client("s3"), "toyshop-local-file-manager-public", BUCKET)
    first = storage.store_document("fil_1", b"one", "application/pdf", "digest of one")
    assert (first.sha256, first.size) == ("digest of one", 3)
    assert storage.store_document("fil_1", b"other", "application/pdf", "of another") == first


def test_upload_is_readable_until_it_is_deleted(stream_of: StreamOf) -> None:
    s3 = aws.client("s3")
    storage = Storage(lambda: s3, "toyshop-local-file-manager-public", BUCKET)
    assert storage.read_upload("fil_1", 3) is None
    s3.put_object(Bucket=BUCKET, Key="incoming/fil_1", Body=b"too long")
    assert storage.read_upload("fil_1", 3) == b"too "
    storage.delete_upload("fil_1")
    storage.delete_upload("fil_1")
    assert storage.read_upload("fil_1", 3) is None


def test_eventually_consistent_reads_lag_behind_a_change() -> None:
    order, paid_at = order_of(), NOW + timedelta(seconds=1)
    with World(read_lag=1) as world:
        store = TransactionStore(PAYMENTS)
        pending = domain.opened(order, "pi_1", NOW)
        store.add(pending)
        assert store.of_orders([order.id]) == []
        # WHEN a second has passed, THEN they return the change, and not yet the next one
        world.advance(1)
        paid = pending.moved_to("succeeded", paid_at)
        store.replace(paid)
        assert store.of_orders([order.id]) == [pending]
        assert store.get(pending.id) == paid
        world.advance(1)
        assert store.of_orders([order.id]) == [paid]


def test_missing_table_is_an_error(stream_of: StreamOf) -> None:
    with pytest.raises(Exception, match="ResourceNotFoundException") as error:
        OrderStore("toyshop-local-nothing").get("ord_1")
    # the model is bound to its table again, for the apps of later worlds in this process
    OrderStore(ORDERS)
    cause = error.value.__cause__ or error.value
    assert isinstance(cause, ClientError) or "ResourceNotFound" in str(error.value)


def test_fakes_reject_unsupported_operations() -> None:
    with World() as world:
        for service, operation in (
            ("dynamodb", "ExecuteStatement"),
            ("sns", "Publish"),
            ("s3", "CopyObject"),
        ):
            with pytest.raises(NotImplementedError):
                world.cloud.call(service, operation, {"TableName": ORDERS})
        condition = {"ConditionExpression": "#0 > :0", "TableName": ORDERS}
        with pytest.raises(NotImplementedError):
            world.cloud.call("dynamodb", "PutItem", {**condition, "Item": {"id": {"S": "x"}}})
