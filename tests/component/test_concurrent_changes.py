"""A change gives up, and loses nothing, if other writers are faster in every attempt."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.file_manager.store import FileStore
from chalicelib.notifications import domain as notifications_domain
from chalicelib.notifications.store import MessageStore
from chalicelib.orders.store import OrderStore
from chalicelib.toys.store import ToyStore
from chassis.contention import MAX_ATTEMPTS
from chassis.problems import ServiceUnavailable
from contracts.events import FILE_READY, CloudEvent
from contracts.files import FileReady
from contracts.notifications import MessageText, NewMessage
from support.downstream import FakeDownstream
from support.images import png
from support.loaded_app import LoadApp
from support.moto_aws import client_of
from support.sns_notifications import sns

PRICE = {"amount": 1250, "currency": "AUD"}
ORDER = {
    "customer_id": "cus_alice",
    "idempotency_key": "key-1",
    "fingerprint": "a" * 64,
    "contact": {"email": "alice@example.com", "name": "Alice"},
    "lines": [{"toy_id": "toy_1", "name": "Kite", "quantity": 1, "unit_price": PRICE}],
    "shipping_address": {
        "name": "Alice", "line1": "1 Toy St", "city": "Sydney", "postal_code": "2000",
        "country": "AU",
    },
    "payment_method": "pm_card_visa",
}  # fmt: skip
TOY = {
    "name": "Kite",
    "description": "Flies",
    "category": "outdoor",
    "brand": "Gayla",
    "price": PRICE,
    "min_age": 3,
    "attributes": {},
}
MESSAGE = {
    "to": "alice@example.com",
    "name": "Alice",
    "template": "payment_declined",
    "order": {"order_id": "ord_1", "total": PRICE, "lines": []},
    "attachments": [],
}


class LosingStore:
    """Makes every conditional write of a store fail, as if another writer were faster."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: type) -> None:
        self.writes = 0
        monkeypatch.setattr(store, "replace", self._replace)

    def _replace(self, *_: Any) -> bool:
        self.writes += 1
        return False


def test_cancellation_of_an_order_gives_up(
    load_app: LoadApp, api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_of(load_app("orders"))
    order_id = api.call("POST", "/orders", ORDER).json_body["id"]
    with monkeypatch.context() as patch:
        store = LosingStore(patch, OrderStore)
        assert api.call("POST", f"/orders/{order_id}/cancellation").status_code == 503
        assert store.writes == MAX_ATTEMPTS
    assert api.call("GET", f"/orders/{order_id}").json_body["status"] == "placed"
    assert api.call("POST", f"/orders/{order_id}/cancellation").json_body["status"] == "cancelled"


def test_change_of_an_address_whatever_its_version_gives_up(
    load_app: LoadApp, api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_of(load_app("orders"))
    path = f"/orders/{api.call('POST', '/orders', ORDER).json_body['id']}"
    patch = {"shipping_address": {"name": "Bob"}}
    with monkeypatch.context() as patched:
        store = LosingStore(patched, OrderStore)
        assert api.call("PATCH", path, patch, {"If-Match": "*"}).status_code == 503
        assert store.writes == MAX_ATTEMPTS
    assert api.call("GET", path).json_body["shipping_address"]["name"] == "Alice"


def test_changes_of_a_toys_images_give_up(
    load_app: LoadApp, api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = load_app("toys")
    deleted = FakeDownstream(deleteFile=lambda _: None)
    app.components = app.build(app.settings, deleted)
    api = api_of(app)
    toy_id = api.call("POST", "/toys", TOY).json_body["id"]
    data = FileReady(
        id="fil_1", subject=toy_id, url="/files/fil_1", alt="A kite", content_type="image/png"
    )
    event = CloudEvent(
        id=f"fil_1.2.{FILE_READY.name}",
        source=FILE_READY.source,
        type=FILE_READY.name,
        subject="fil_1",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        data=data,
    )
    delivery = sns(msgspec.json.encode(event).decode())
    with monkeypatch.context() as patch:
        store = LosingStore(patch, ToyStore)
        with pytest.raises(ServiceUnavailable):
            app.images(delivery, None)
        assert store.writes == MAX_ATTEMPTS
    # THEN the event can be delivered again, and the file has not been deleted
    app.images(delivery, None)
    with monkeypatch.context() as patch:
        store = LosingStore(patch, ToyStore)
        assert api.call("DELETE", f"/toys/{toy_id}/images/fil_1").status_code == 503
        assert store.writes == MAX_ATTEMPTS
    assert deleted.calls == []
    (image,) = api.call("GET", f"/toys/{toy_id}").json_body["images"]
    assert image["id"] == "fil_1"


def test_record_of_a_sent_email_gives_up(
    load_app: LoadApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = load_app("notifications").components.notifications
    request = msgspec.convert(MESSAGE, NewMessage)
    attempt = notifications_domain.first_attempt(
        "msg_1", request, timedelta(seconds=60), datetime.now(UTC)
    )
    assert MessageStore("toyshop-local-notifications").add(attempt)
    store = LosingStore(monkeypatch, MessageStore)
    with pytest.raises(ServiceUnavailable):
        service._record_sent(attempt, MessageText(subject="Paid", text="Hello"))
    assert store.writes == MAX_ATTEMPTS + 1


def test_check_of_an_upload_gives_up(
    load_app: LoadApp, api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = load_app("file_manager")
    api, content = api_of(app), png()
    announcement = {
        "subject": "toy_1", "content_type": "image/png", "size": len(content), "alt": "A kite"
    }  # fmt: skip
    file_id = api.call("POST", "/images", announcement).json_body["image"]["id"]
    bucket = "toyshop-local-file-manager-private"
    client_of("s3").put_object(Bucket=bucket, Key=f"incoming/{file_id}", Body=content)
    with monkeypatch.context() as patch:
        store = LosingStore(patch, FileStore)
        with pytest.raises(ServiceUnavailable):
            app.components.uploads.check(file_id)
        assert store.writes == MAX_ATTEMPTS
    # THEN the upload is still there to be checked again
    app.components.uploads.check(file_id)
    (file,) = api.call("POST", "/files/lookup", {"ids": [file_id]}).json_body["items"]
    assert file["status"] == "ready"
