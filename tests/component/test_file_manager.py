"""The whole files service: its API, its buckets, the check of uploads, and its stream."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from chalicelib.file_manager.images import published_image
from chalicelib.file_manager.service import FileService
from chalicelib.file_manager.storage import Storage
from chalicelib.file_manager.store import FileStore
from chalicelib.file_manager.uploads import Uploads
from chassis.ids import new_id
from chassis.parking import ReplayRejected
from support.exported import metrics_in
from support.log_lines import Logged
from support.moto_aws import (
    REGION,
    StreamOf,
    TopicSpy,
    client_of,
    let_reads_catch_up,
    parked,
)
from support.races import BeforeWrite

TABLE = "toyshop-local-file-manager"
PUBLIC = "toyshop-local-file-manager-public"
PRIVATE = "toyshop-local-file-manager-private"
PDF = b"%PDF-1.7\n" + bytes(range(256)) + b"\n%%EOF\n"


def png(color: str = "red", size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


PNG = png()
PUBLISHED = published_image(PNG, "image/png")
WIDE = png("red", (700, 8))
"""An image that has smaller copies."""


@pytest.fixture
def app(load_app: Callable[..., ModuleType]) -> ModuleType:
    return load_app("file_manager", RETRY_BASE_SECONDS="2")


@pytest.fixture
def api(app: ModuleType, api_of: Any) -> Any:
    return api_of(app)


@pytest.fixture
def s3(app: ModuleType) -> Any:
    return client_of("s3")


def content_of(s3: Any, bucket: str, key: str) -> bytes | None:
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return content


def announced(api: Any, content: bytes = PNG, **changes: Any) -> Any:
    body = {
        "subject": "toy_1",
        "content_type": "image/png",
        "size": len(content),
        "alt": "A kite",
        **changes,
    }
    answer = api.call("POST", "/images", body)
    assert answer.status_code == 201, answer.body
    return answer.json_body


def files_of(api: Any, *file_ids: str) -> list[dict[str, Any]]:
    answer = api.call("POST", "/files/lookup", {"ids": list(file_ids)})
    assert answer.status_code == 200, answer.body
    files: list[dict[str, Any]] = answer.json_body["items"]
    return files


def file_of(api: Any, file_id: str) -> dict[str, Any]:
    (file,) = files_of(api, file_id)
    return file


def upload(s3: Any, file_id: str, content: bytes = PNG) -> None:
    s3.put_object(Bucket=PRIVATE, Key=f"incoming/{file_id}", Body=content)


def uploads_of(
    *file_ids: str, received: int = 1, at: str = "2026-11-30T07:00:00.000Z"
) -> dict[str, Any]:
    """Return the messages that the queue delivers after uploads."""
    return {
        "Records": [
            message(
                json.dumps(
                    {
                        "Records": [
                            {
                                "eventSource": "aws:s3",
                                "eventName": "ObjectCreated:Post",
                                "eventTime": at,
                                "s3": {
                                    "bucket": {"name": PRIVATE},
                                    "object": {"key": f"incoming/{file_id}", "size": 1},
                                },
                            }
                        ]
                    }
                ),
                number,
                received,
            )
            for number, file_id in enumerate(file_ids)
        ]
    }


def message(body: str, number: int = 0, received: int = 1) -> dict[str, Any]:
    return {
        "messageId": f"message-{number}",
        "receiptHandle": f"handle-{number}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(received)},
        "eventSource": "aws:sqs",
        "awsRegion": REGION,
    }


def failed_messages(app: ModuleType, event: dict[str, Any]) -> list[str]:
    """Invoke the function as Lambda does, and return the ids of the failed messages."""
    answer = app.on_s3_event(event, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def document(content: bytes = PDF, **changes: Any) -> dict[str, Any]:
    return {
        "subject": "ord_1",
        "content_type": "application/pdf",
        "filename": "receipt-ord_1.pdf",
        "content": base64.b64encode(content).decode(),
        **changes,
    }


class TestImages:
    """From the announcement to the public bucket."""

    def test_presigned_form_accepts_only_the_announced_upload(self, api: Any) -> None:
        before = datetime.now(UTC)
        ticket = announced(api, size=1234)
        file_id = ticket["image"]["id"]
        assert ticket["image"] == {"id": file_id, "url": f"/files/{file_id}", "alt": "A kite"}
        sent = ticket["upload"]
        assert (sent["method"], sent["headers"]) == ("POST", {})
        assert sent["url"].startswith("https://")
        assert sent["fields"]["key"] == f"incoming/{file_id}"
        assert sent["fields"]["Content-Type"] == "image/png"
        policy = json.loads(base64.b64decode(sent["fields"]["policy"]))
        assert ["content-length-range", 1, 1234] in policy["conditions"]
        assert {"Content-Type": "image/png"} in policy["conditions"]
        assert {"bucket": PRIVATE} in policy["conditions"]
        expiry = datetime.fromisoformat(policy["expiration"])
        assert timedelta(minutes=14) < expiry - before < timedelta(minutes=16)
        expires_at = datetime.fromisoformat(sent["expires_at"])
        assert abs(expires_at - expiry) < timedelta(seconds=5)

    def test_announced_image_is_pending_and_not_public(self, api: Any, s3: Any) -> None:
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        file = file_of(api, file_id)
        assert (file["status"], file["version"]) == ("pending", 1)
        assert content_of(s3, PUBLIC, f"files/{file_id}") is None

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"content_type": "image/svg+xml"}, "/content_type"),
            ({"size": 0}, "/size"),
            ({"size": 10 * 1024 * 1024 + 1}, "/size"),
            ({"alt": "a\nb"}, "/alt"),
            ({"color": "red"}, "/color"),
        ],
    )
    def test_invalid_announcement_names_its_field(
        self, api: Any, changes: dict[str, Any], pointer: str
    ) -> None:
        body = {"subject": "toy_1", "content_type": "image/png", "size": 1, "alt": ""} | changes
        answer = api.call("POST", "/images", body)
        assert answer.status_code == 422
        assert answer.json_body["errors"][0]["pointer"] == pointer

    def test_valid_upload_is_published_as_immutable(
        self, app: ModuleType, api: Any, s3: Any
    ) -> None:
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        assert failed_messages(app, uploads_of(file_id)) == []
        stored = s3.get_object(Bucket=PUBLIC, Key=f"files/{file_id}")
        assert stored["Body"].read() == PUBLISHED
        assert stored["ContentType"] == "image/png"
        assert stored["CacheControl"] == "public, max-age=31536000, immutable"
        assert content_of(s3, PRIVATE, f"incoming/{file_id}") is None
        file = file_of(api, file_id)
        assert (file["status"], file["version"], file["reason"]) == ("ready", 2, None)

    @pytest.mark.parametrize(
        ("content", "announced_size", "reason"),
        [
            (PNG[:-1], len(PNG), "fewer bytes"),
            (PNG + b"\n", len(PNG), "more bytes"),
            (b"<svg onload='alert(1)'/>", 24, "not a picture"),
            (PNG[:-20], len(PNG) - 20, "damaged or incomplete"),
            (PNG.replace(b"IHDR", b"IHDX"), len(PNG), "not a picture"),
        ],
        ids=["shorter", "longer", "script", "truncated", "corrupt"],
    )
    def test_upload_that_differs_from_its_announcement_is_rejected_and_deleted(
        self, app: ModuleType, api: Any, s3: Any, content: bytes, announced_size: int, reason: str
    ) -> None:
        file_id = announced(api, size=announced_size)["image"]["id"]
        upload(s3, file_id, content)
        assert failed_messages(app, uploads_of(file_id)) == []
        file = file_of(api, file_id)
        assert file["status"] == "rejected"
        assert reason in file["reason"]
        assert content_of(s3, PUBLIC, f"files/{file_id}") is None
        assert content_of(s3, PRIVATE, f"incoming/{file_id}") is None

    def test_smaller_copies_are_published_as_immutable_and_listed(
        self, app: ModuleType, api: Any, s3: Any
    ) -> None:
        file_id = announced(api, WIDE)["image"]["id"]
        upload(s3, file_id, WIDE)
        assert failed_messages(app, uploads_of(file_id)) == []
        file = file_of(api, file_id)
        assert (file["url"], file["width"], file["height"]) == (f"/files/{file_id}", 700, 8)
        assert file["variants"] == [
            {"url": f"/files/{file_id}-{width}.webp", "width": width} for width in (320, 640)
        ]
        for variant in file["variants"]:
            stored = s3.get_object(Bucket=PUBLIC, Key=variant["url"].removeprefix("/"))
            assert Image.open(BytesIO(stored["Body"].read())).width == variant["width"]
            assert stored["ContentType"] == "image/webp"
            assert stored["CacheControl"] == "public, max-age=31536000, immutable"

    def test_copies_show_the_image_that_an_interrupted_check_has_published(
        self, app: ModuleType, api: Any, s3: Any
    ) -> None:
        # GIVEN a check that crashed after it had published the first upload
        file_id = announced(api, WIDE)["image"]["id"]
        first = published_image(png("blue", (400, 8)), "image/png")
        app.components.uploads._storage.publish(file_id, first, "image/png")
        # WHEN it is repeated after a second upload
        upload(s3, file_id, WIDE)
        assert failed_messages(app, uploads_of(file_id, received=2)) == []
        # THEN image, size and copies are those of the first
        assert content_of(s3, PUBLIC, f"files/{file_id}") == first
        file = file_of(api, file_id)
        assert (file["width"], file["height"]) == (400, 8)
        (variant,) = file["variants"]
        copy = content_of(s3, PUBLIC, variant["url"].removeprefix("/"))
        red, _, blue = Image.open(BytesIO(copy or b"")).convert("RGB").getpixel((0, 0))  # type: ignore[misc]
        assert red < 50 < 200 < blue

    def test_images_of_a_subject_are_listed_in_every_status(
        self, app: ModuleType, api: Any, s3: Any
    ) -> None:
        good, bad, waiting = (announced(api, subject="toy_7")["image"]["id"] for _ in range(3))
        announced(api, subject="toy_8")
        api.call("PUT", f"/documents/{new_id('fil')}", document(subject="toy_7"))
        upload(s3, good)
        upload(s3, bad, b"x" * len(PNG))
        failed_messages(app, uploads_of(good, bad))
        let_reads_catch_up()
        page = api.call("GET", "/images?subject=toy_7").json_body
        assert page["last"] is None
        found = {file["id"]: file for file in page["items"]}
        assert list(found) == sorted((good, bad, waiting), reverse=True)
        statuses = {file_id: file["status"] for file_id, file in found.items()}
        assert statuses == {good: "ready", bad: "rejected", waiting: "pending"}
        assert "not a picture" in found[bad]["reason"]
        assert api.call("GET", "/images?subject=toy_9").json_body == {"items": [], "last": None}

    def test_pages_of_images_contain_each_image_once(self, api: Any) -> None:
        announced_ids = [announced(api, subject="toy_7")["image"]["id"] for _ in range(5)]
        let_reads_catch_up()
        seen, after = [], ""
        while True:
            page = api.call("GET", f"/images?subject=toy_7&limit=2{after}").json_body
            seen += [file["id"] for file in page["items"]]
            if page["last"] is None:
                break
            after = f"&after={page['last']}"
        assert seen == sorted(announced_ids, reverse=True)

    def test_redelivery_changes_nothing(self, app: ModuleType, api: Any, s3: Any) -> None:
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        for received in (1, 2, 3):
            assert failed_messages(app, uploads_of(file_id, file_id, received=received)) == []
            file = file_of(api, file_id)
            assert (file["status"], file["version"]) == ("ready", 2)
            assert content_of(s3, PUBLIC, f"files/{file_id}") == PUBLISHED

    def test_time_from_upload_to_ready_is_recorded_once(
        self,
        app: ModuleType,
        api: Any,
        s3: Any,
        before_write: BeforeWrite,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        good, bad, again = (announced(api)["image"]["id"] for _ in range(3))
        upload(s3, good)
        upload(s3, bad, b"x" * len(PNG))
        # GIVEN uploads of a minute ago, one of which another process checks at the same time
        uploaded_at = datetime.now(UTC) - timedelta(minutes=1)
        event = uploads_of(good, bad, good, again, at=uploaded_at.isoformat())
        before_write(lambda: app.components.uploads.check(good, uploaded_at))
        for _ in range(2):
            assert failed_messages(app, event) == []
        (waited,) = (
            metric
            for line in capsys.readouterr().out.splitlines()
            for metric in metrics_in(json.loads(line))
            if metric.name == "toyshop.file.time_to_ready"
        )
        ready_at = datetime.fromisoformat(file_of(api, good)["updated_at"])
        assert waited.value == pytest.approx((ready_at - uploaded_at).total_seconds(), abs=0.01)
        assert waited.unit == "Seconds"

    def test_second_upload_does_not_change_the_public_image(
        self, app: ModuleType, api: Any, s3: Any
    ) -> None:
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        failed_messages(app, uploads_of(file_id))
        upload(s3, file_id, png("blue"))
        assert failed_messages(app, uploads_of(file_id)) == []
        assert content_of(s3, PUBLIC, f"files/{file_id}") == PUBLISHED
        assert content_of(s3, PRIVATE, f"incoming/{file_id}") is None

    def test_second_upload_does_not_revive_a_rejected_image(
        self, app: ModuleType, api: Any, s3: Any
    ) -> None:
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id, b"x" * len(PNG))
        failed_messages(app, uploads_of(file_id))
        upload(s3, file_id)
        failed_messages(app, uploads_of(file_id))
        assert file_of(api, file_id)["status"] == "rejected"
        assert content_of(s3, PUBLIC, f"files/{file_id}") is None

    def test_unannounced_upload_is_deleted(self, app: ModuleType, s3: Any) -> None:
        file_id = new_id("fil")
        upload(s3, file_id)
        assert failed_messages(app, uploads_of(file_id)) == []
        assert content_of(s3, PRIVATE, f"incoming/{file_id}") is None
        assert content_of(s3, PUBLIC, f"files/{file_id}") is None

    def test_event_without_an_upload_leaves_the_image_pending(
        self, app: ModuleType, api: Any
    ) -> None:
        file_id = announced(api)["image"]["id"]
        assert failed_messages(app, uploads_of(file_id)) == []
        assert file_of(api, file_id)["status"] == "pending"

    def test_object_outside_incoming_is_ignored(self, app: ModuleType, s3: Any) -> None:
        s3.put_object(Bucket=PRIVATE, Key="documents/x", Body=PDF)
        event = uploads_of("x")
        event["Records"][0]["body"] = event["Records"][0]["body"].replace("incoming", "documents")
        assert failed_messages(app, event) == []
        assert content_of(s3, PRIVATE, "documents/x") == PDF

    def test_test_event_of_s3_is_ignored(self, app: ModuleType) -> None:
        test = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": PRIVATE}
        assert failed_messages(app, {"Records": [message(json.dumps(test))]}) == []
        assert parked("toyshop-local-file-manager-uploads-dead-letters") == []

    @pytest.mark.parametrize("body", ["no JSON", "[]", '{"Records": [{"s3": {}}]}'])
    def test_malformed_message_is_parked_at_once(self, app: ModuleType, body: str) -> None:
        assert failed_messages(app, {"Records": [message(body)]}) == []
        (dead_letter,) = parked("toyshop-local-file-manager-uploads-dead-letters")
        assert dead_letter["body"] == body
        assert dead_letter["reason"].startswith("poison")

    def test_failed_replay_raises_the_reason(
        self, app: ModuleType, api: Any, s3: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # GIVEN an upload that an operator replays, so that no queue holds the message
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        event = uploads_of(file_id) | {"replay": True}
        del event["Records"][0]["receiptHandle"]
        real = app.components.uploads._storage.publish

        def publish(name: str, content: bytes, content_type: str) -> bytes:
            raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")

        monkeypatch.setattr(app.components.uploads._storage, "publish", publish)
        # THEN a failure is raised, and a malformed message is not parked again
        with pytest.raises(ClientError, match="SlowDown"):
            failed_messages(app, event)
        poison = {"Records": [event["Records"][0] | {"body": "no JSON"}], "replay": True}
        with pytest.raises(ReplayRejected, match="poison"):
            failed_messages(app, poison)
        assert parked("toyshop-local-file-manager-uploads-dead-letters") == []
        # AND once the cause is fixed, the replay succeeds
        monkeypatch.setattr(app.components.uploads._storage, "publish", real)
        assert failed_messages(app, event) == []
        assert file_of(api, file_id)["status"] == "ready"

    def test_failed_upload_does_not_block_the_others(
        self,
        app: ModuleType,
        api: Any,
        s3: Any,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        bad, good = (announced(api)["image"]["id"] for _ in range(2))
        upload(s3, bad)
        upload(s3, good)
        real = app.components.uploads._storage.publish
        delays = []

        def publish(name: str, content: bytes, content_type: str) -> bytes:
            if name == bad:
                raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")
            return real(name, content, content_type)

        class Queue:
            def change_message_visibility(self, **request: Any) -> None:
                delays.append((request["ReceiptHandle"], request["VisibilityTimeout"]))

        monkeypatch.setattr(app.components.uploads._storage, "publish", publish)
        monkeypatch.setattr(app.components.uploads, "_sqs", Queue())
        capsys.readouterr()
        assert failed_messages(app, uploads_of(bad, good, received=4)) == ["message-0"]
        assert delays == [("handle-0", 16)]
        counted = {
            metric.name
            for line in capsys.readouterr().out.splitlines()
            for metric in metrics_in(json.loads(line))
        }
        assert counted >= {"toyshop.events.retried", "toyshop.events.failing"}
        assert file_of(api, good)["status"] == "ready"
        assert file_of(api, bad)["status"] == "pending"


class TestDocuments:
    """Archived once, linked for five minutes."""

    def test_document_is_archived_once(self, api: Any, s3: Any) -> None:
        file_id = new_id("fil")
        first = api.call("PUT", f"/documents/{file_id}", document())
        again = api.call("PUT", f"/documents/{file_id}", document())
        assert (first.status_code, again.status_code) == (201, 200)
        bodies = [answer.json_body for answer in (first, again)]
        assert all(f"/documents/{file_id}?" in body.pop("link")["url"] for body in bodies)
        assert bodies[0] == bodies[1]
        assert first.json_body["kind"] == "document"
        assert first.json_body["size"] == len(PDF)
        assert content_of(s3, PRIVATE, f"documents/{file_id}") == PDF
        assert s3.list_objects_v2(Bucket=PUBLIC)["KeyCount"] == 0

    def test_document_archived_twice_at_the_same_time_exists_once(
        self, app: ModuleType, api: Any, api_of: Any, before_write: BeforeWrite
    ) -> None:
        path, first = f"/documents/{new_id('fil')}", []
        before_write(lambda: first.append(api_of(app).call("PUT", path, document())))
        again = api.call("PUT", path, document())
        assert (first[0].status_code, again.status_code) == (201, 200)
        link = {"link": None}
        assert again.json_body | link == first[0].json_body | link

    def test_other_content_does_not_replace_a_document(self, api: Any, s3: Any) -> None:
        file_id = new_id("fil")
        api.call("PUT", f"/documents/{file_id}", document())
        other = api.call("PUT", f"/documents/{file_id}", document(PDF + b"%%EOF"))
        assert other.status_code == 409
        assert content_of(s3, PRIVATE, f"documents/{file_id}") == PDF

    @pytest.mark.parametrize("versioning", ["Suspended", "Enabled"])
    def test_replaced_document_leaves_no_earlier_version(
        self, app: ModuleType, api: Any, s3: Any, versioning: str
    ) -> None:
        s3.put_bucket_versioning(Bucket=PRIVATE, VersioningConfiguration={"Status": versioning})
        file_id, other_id = new_id("fil"), "7" * 26
        for each in (file_id, f"fil_{other_id}"):
            api.call("PUT", f"/documents/{each}", document())
        replacement = PDF.replace(b"1.7", b"1.4")
        path = f"/documents/{file_id}/replacement"
        first, again = (api.call("POST", path, document(replacement)) for _ in range(2))
        assert (first.status_code, first.json_body["version"]) == (200, 2)
        assert again.json_body == first.json_body
        versions = s3.list_object_versions(Bucket=PRIVATE)["Versions"]
        assert [each["Key"] for each in versions].count(f"documents/{file_id}") == 1
        assert content_of(s3, PRIVATE, f"documents/{file_id}") == replacement
        assert content_of(s3, PRIVATE, f"documents/fil_{other_id}") == PDF
        # AND the original cannot be archived again
        assert api.call("PUT", f"/documents/{file_id}", document()).status_code == 409
        assert content_of(s3, PRIVATE, f"documents/{file_id}") == replacement

    def test_only_an_archived_document_can_be_replaced(self, api: Any, s3: Any) -> None:
        unknown = new_id("fil")
        answer = api.call("POST", f"/documents/{unknown}/replacement", document())
        assert answer.status_code == 404
        assert content_of(s3, PRIVATE, f"documents/{unknown}") is None
        api.call("PUT", f"/documents/{unknown}", document())
        broken = api.call("POST", f"/documents/{unknown}/replacement", document(b"<html>"))
        assert broken.status_code == 422
        assert content_of(s3, PRIVATE, f"documents/{unknown}") == PDF

    def test_replacement_that_stopped_before_its_record_is_completed(
        self, app: ModuleType, api: Any, s3: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file_id, replacement = new_id("fil"), PDF.replace(b"1.7", b"1.4")
        api.call("PUT", f"/documents/{file_id}", document())
        path = f"/documents/{file_id}/replacement"
        with monkeypatch.context() as stopped:
            stopped.setattr(FileStore, "replace", lambda *_: 1 / 0)
            assert api.call("POST", path, document(replacement)).status_code == 500
        assert content_of(s3, PRIVATE, f"documents/{file_id}") == replacement
        answer = api.call("POST", path, document(replacement))
        assert (answer.status_code, answer.json_body["version"]) == (200, 2)

    @pytest.mark.parametrize("content", [b"<html>", b"%PDF-1.7 and no end", PDF + b" " * 3000])
    def test_incomplete_pdf_is_rejected(self, api: Any, s3: Any, content: bytes) -> None:
        answer = api.call("PUT", f"/documents/{new_id('fil')}", document(content))
        assert answer.status_code == 422
        assert answer.json_body["errors"][0]["pointer"] == "/content"
        assert s3.list_objects_v2(Bucket=PRIVATE)["KeyCount"] == 0

    def test_document_of_two_mebibytes_is_accepted(self, api: Any) -> None:
        largest = PDF[:-6] + b" " * (2 * 1024 * 1024 - len(PDF)) + b"%%EOF\n"
        assert len(largest) == 2 * 1024 * 1024
        answer = api.call("PUT", f"/documents/{new_id('fil')}", document(largest))
        assert answer.status_code == 201
        answer = api.call("PUT", f"/documents/{new_id('fil')}", document(b"%PDF-" + largest))
        assert answer.status_code == 422

    @pytest.mark.parametrize("file_id", ["receipt", "toy_01M85PFGE63KGV9W3G6X1F75A7", "..%2Fx"])
    def test_document_id_must_be_a_file_id(self, api: Any, file_id: str) -> None:
        assert api.call("PUT", f"/documents/{file_id}", document()).status_code == 400

    def test_image_has_no_document_link(self, api: Any) -> None:
        file_id = announced(api)["image"]["id"]
        assert api.call("PUT", f"/documents/{file_id}", document()).status_code == 409
        assert api.call("POST", f"/documents/{file_id}/link").status_code == 404

    def test_link_is_valid_for_five_minutes(self, api: Any) -> None:
        file_id = new_id("fil")
        api.call("PUT", f"/documents/{file_id}", document())
        before = datetime.now(UTC)
        answer = api.call("POST", f"/documents/{file_id}/link")
        assert answer.status_code == 200
        url = answer.json_body["url"]
        assert f"/documents/{file_id}?" in url
        assert "X-Amz-Expires=300" in url
        assert "response-content-type=application%2Fpdf" in url
        assert "inline%3B%20filename%3D%22receipt-ord_1.pdf%22" in url
        left = datetime.fromisoformat(answer.json_body["expires_at"]) - before
        assert timedelta(seconds=299) < left < timedelta(seconds=305)

    def test_link_of_an_unknown_document_is_404(self, api: Any) -> None:
        assert api.call("POST", f"/documents/{new_id('fil')}/link").status_code == 404


class TestDeletion:
    """A deleted file leaves no content, at whatever time it is deleted."""

    def test_deleted_image_leaves_nothing(self, app: ModuleType, api: Any, s3: Any) -> None:
        file_id = announced(api, WIDE)["image"]["id"]
        upload(s3, file_id, WIDE)
        failed_messages(app, uploads_of(file_id))
        assert s3.list_objects_v2(Bucket=PUBLIC)["KeyCount"] == 3
        upload(s3, file_id)
        assert api.call("DELETE", f"/files/{file_id}").status_code == 204
        assert files_of(api, file_id) == []
        for bucket in (PUBLIC, PRIVATE):
            assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_deleted_document_leaves_nothing(self, api: Any, s3: Any) -> None:
        file_id = new_id("fil")
        api.call("PUT", f"/documents/{file_id}", document())
        assert api.call("DELETE", f"/files/{file_id}").status_code == 204
        assert api.call("POST", f"/documents/{file_id}/link").status_code == 404
        assert s3.list_objects_v2(Bucket=PRIVATE)["KeyCount"] == 0

    @pytest.mark.parametrize(
        "file_id", ["fil_01M85R4ZE6N1GC4DDRYJ2519DX", "nothing", "..%2F..%2Fetc"]
    )
    def test_deleting_an_unknown_file_is_not_an_error(self, api: Any, file_id: str) -> None:
        assert api.call("DELETE", f"/files/{file_id}").status_code == 204

    def test_upload_after_the_deletion_is_deleted(self, app: ModuleType, api: Any, s3: Any) -> None:
        file_id = announced(api)["image"]["id"]
        api.call("DELETE", f"/files/{file_id}")
        upload(s3, file_id)
        failed_messages(app, uploads_of(file_id))
        for bucket in (PUBLIC, PRIVATE):
            assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_deletion_during_the_check_wins(
        self, app: ModuleType, api: Any, s3: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        real = app.components.uploads._storage.publish

        def publish(name: str, content: bytes, content_type: str) -> bytes:
            api.call("DELETE", f"/files/{name}")
            return real(name, content, content_type)

        monkeypatch.setattr(app.components.uploads._storage, "publish", publish)
        assert failed_messages(app, uploads_of(file_id)) == []
        assert files_of(api, file_id) == []
        for bucket in (PUBLIC, PRIVATE):
            assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_deletion_before_the_result_of_the_check_is_recorded_wins(
        self, app: ModuleType, api: Any, api_of: Any, s3: Any, before_write: BeforeWrite
    ) -> None:
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        before_write(lambda: api_of(app).call("DELETE", f"/files/{file_id}"))
        assert failed_messages(app, uploads_of(file_id)) == []
        assert files_of(api, file_id) == []
        for bucket in (PUBLIC, PRIVATE):
            assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_upload_checked_twice_at_the_same_time_is_recorded_once(
        self, app: ModuleType, api: Any, s3: Any, before_write: BeforeWrite, logged: Logged
    ) -> None:
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        before_write(lambda: app.components.uploads.check(file_id))
        assert failed_messages(app, uploads_of(file_id)) == []
        file = file_of(api, file_id)
        assert (file["status"], file["version"]) == ("ready", 2)
        assert content_of(s3, PUBLIC, f"files/{file_id}") == PUBLISHED
        (line,) = logged("upload checked")
        assert (line["file_id"], line["status"], line["reason"]) == (file_id, "ready", None)

    def test_concurrent_checks_agree(
        self, app: ModuleType, api: Any, s3: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # GIVEN a check that has published valid content
        file_id = announced(api)["image"]["id"]
        upload(s3, file_id)
        real = app.components.uploads._storage.publish

        def publish(name: str, content: bytes, content_type: str) -> bytes:
            # WHEN another check finds other content and records its result first
            monkeypatch.setattr(app.components.uploads._storage, "publish", real)
            real(name, content, content_type)
            upload(s3, name, b"x" * len(PNG))
            app.components.uploads.check(name)
            return content

        monkeypatch.setattr(app.components.uploads._storage, "publish", publish)
        assert failed_messages(app, uploads_of(file_id)) == []
        # THEN the recorded result matches the buckets
        assert file_of(api, file_id)["status"] == "rejected"
        assert content_of(s3, PUBLIC, f"files/{file_id}") is None


def keys_of(s3: Any, file_id: str) -> list[str]:
    """Return the keys of the public objects of an image."""
    listed = s3.list_objects_v2(Bucket=PUBLIC, Prefix=f"files/{file_id}")
    return [entry["Key"] for entry in listed.get("Contents", [])]


class Crash(BaseException):
    """The process dies."""


class CrashingProxy:
    """Forwards calls to a target until the process dies before or after one of them.

    Parameters
    ----------
    target
        Object whose methods are called.
    countdown
        Countdown of the calls of all targets, which share it.
    """

    def __init__(self, target: Any, countdown: "Countdown") -> None:
        self._target = target
        self._countdown = countdown

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self._countdown.before()
            result = method(*args, **kwargs)
            self._countdown.after()
            return result

        return call


class Countdown:
    """Counts calls, and lets the process die before or after one of them."""

    def __init__(self, number: int, *, after: bool) -> None:
        self._left = number
        self._after = after
        self.expired = False

    def before(self) -> None:
        if self._left == 0 and not self._after:
            self._die()

    def after(self) -> None:
        if self._left == 0 and self._after:
            self._die()
        self._left -= 1

    def _die(self) -> None:
        self.expired = True
        raise Crash


def crash_points(attempt: Callable[[Countdown], None]) -> Iterator[None]:
    """Run an attempt with a crash at each possible point, and yield after each crash."""
    for after in (False, True):
        for number in range(30):
            countdown = Countdown(number, after=after)
            try:
                attempt(countdown)
            except Crash:
                yield
            if not countdown.expired:
                assert number > 2, "the attempt makes too few calls"
                break
        else:
            raise AssertionError("the attempt never ends")


class TestCrashes:
    """After a crash at any step, the next attempt completes the work."""

    def services(self, s3: Any, countdown: Countdown) -> tuple[FileService, Uploads]:
        store: Any = CrashingProxy(FileStore(TABLE), countdown)
        storage = Storage(lambda: CrashingProxy(s3, countdown), PUBLIC, PRIVATE)
        nothing: Any = None
        return FileService(store, storage), Uploads(store, storage, nothing, None, "")

    @pytest.mark.parametrize("good", [True, False])
    def test_redelivery_completes_a_crashed_check(
        self, app: ModuleType, api: Any, s3: Any, good: bool
    ) -> None:
        stream, spy = StreamOf(TABLE), TopicSpy(app.settings.topic_arn)
        content = WIDE if good else b"x" * len(WIDE)
        copies = ["", "-320.webp", "-640.webp"] if good else []
        current = ""

        def attempt(countdown: Countdown) -> None:
            nonlocal current
            current = announced(api, content)["image"]["id"]
            upload(s3, current, content)
            self.services(s3, countdown)[1].check(current)

        for _ in crash_points(attempt):
            assert failed_messages(app, uploads_of(current, received=2)) == []
            file = file_of(api, current)
            assert (file["status"], file["version"]) == ("ready" if good else "rejected", 2)
            assert keys_of(s3, current) == [f"files/{current}{copy}" for copy in copies]
            assert content_of(s3, PRIVATE, f"incoming/{current}") is None
            app.on_dynamodb_record(stream.records(), None)
            kind = "ready" if good else "rejected"
            (event,) = [event for event in spy.events() if event["subject"] == current]
            assert event["id"] == f"{current}.2.shop.file.{kind}.v1"

    def test_retry_completes_a_crashed_archiving(self, api: Any, s3: Any) -> None:
        current = ""

        def attempt(countdown: Countdown) -> None:
            nonlocal current
            current = new_id("fil")
            self.services(s3, countdown)[0].archive(current, _request(PDF))

        for _ in crash_points(attempt):
            answer = api.call("PUT", f"/documents/{current}", document())
            assert answer.status_code in (200, 201)
            assert content_of(s3, PRIVATE, f"documents/{current}") == PDF
            assert api.call("POST", f"/documents/{current}/link").status_code == 200

    def test_content_stored_before_a_crash_is_final(self, api: Any, s3: Any) -> None:
        current = ""

        def attempt(countdown: Countdown) -> None:
            nonlocal current
            current = new_id("fil")
            self.services(s3, countdown)[0].archive(current, _request(PDF))

        other = PDF + b"\n%%EOF\n"
        for _ in crash_points(attempt):
            answer = api.call("PUT", f"/documents/{current}", document(other))
            stored = content_of(s3, PRIVATE, f"documents/{current}")
            assert (answer.status_code, stored) in ((201, other), (409, PDF))
            # In both cases there is a document, and its record matches its content.
            assert api.call("POST", f"/documents/{current}/link").status_code == 200
            again = api.call("PUT", f"/documents/{current}", document(stored or b""))
            assert (again.status_code, again.json_body["size"]) == (200, len(stored or b""))

    def test_retry_completes_a_crashed_deletion(self, app: ModuleType, api: Any, s3: Any) -> None:
        current = ""

        def attempt(countdown: Countdown) -> None:
            nonlocal current
            current = announced(api, WIDE)["image"]["id"]
            upload(s3, current, WIDE)
            failed_messages(app, uploads_of(current))
            self.services(s3, countdown)[0].delete(current)

        for _ in crash_points(attempt):
            assert api.call("DELETE", f"/files/{current}").status_code == 204
            assert files_of(api, current) == []
            assert keys_of(s3, current) == []


def _request(content: bytes) -> Any:
    from contracts.files import NewDocument

    return NewDocument(
        subject="ord_1", content_type="application/pdf", filename="r.pdf", content=content
    )


class TestEvents:
    """The events of the table's stream."""

    def test_redelivered_record_emits_the_same_event(
        self, app: ModuleType, api: Any, s3: Any
    ) -> None:
        stream, spy = StreamOf(TABLE), TopicSpy(app.settings.topic_arn)
        good, bad = (announced(api)["image"]["id"] for _ in range(2))
        api.call("PUT", f"/documents/{new_id('fil')}", document())
        assert app.on_dynamodb_record(stream.records(), None) == {"batchItemFailures": []}
        assert spy.events() == []
        upload(s3, good)
        upload(s3, bad, b"x" * len(PNG))
        failed_messages(app, uploads_of(good, bad))
        records = stream.records()
        for _ in range(2):
            app.on_dynamodb_record(records, None)
            events = {event["subject"]: event for event in spy.events()}
            assert set(events) == {good, bad}
            assert events[good]["id"] == f"{good}.2.shop.file.ready.v1"
            assert events[good]["data"] == {
                "id": good,
                "subject": "toy_1",
                "url": f"/files/{good}",
                "alt": "A kite",
                "content_type": "image/png",
                "width": 40,
                "height": 30,
                "variants": [],
            }
            assert events[bad]["type"] == "shop.file.rejected.v1"
            assert events[bad]["data"]["subject"] == "toy_1"

    def test_event_continues_the_trace_of_the_announcement(
        self, app: ModuleType, api: Any, s3: Any
    ) -> None:
        stream, spy = StreamOf(TABLE), TopicSpy(app.settings.topic_arn)
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        body = {"subject": "toy_1", "content_type": "image/png", "size": len(PNG), "alt": ""}
        answer = api.call(
            "POST", "/images", body, {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        )
        file_id = answer.json_body["image"]["id"]
        stream.records()
        upload(s3, file_id)
        failed_messages(app, uploads_of(file_id))
        app.on_dynamodb_record(stream.records(), None)
        (event,) = spy.events()
        assert event["traceparent"].split("-")[1] == trace
