"""The whole toys service: its API, its table, and the events of file_manager that it consumes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from chassis.problems import ServiceUnavailable
from contracts import files
from contracts.events import FILE_READY, CloudEvent
from support.downstream import Call, FakeDownstream
from support.log_lines import Logged
from support.moto_aws import client_of, let_reads_catch_up, parked
from support.races import BeforeWrite
from support.sns_notifications import sns

DRAFT: dict[str, Any] = {
    "name": "Wooden Train",
    "description": "Runs on every track",
    "category": "vehicles",
    "brand": "Brio",
    "price": {"amount": 4999, "currency": "AUD"},
    "min_age": 3,
    "attributes": {"color": "red"},
}
IMAGE = {"content_type": "image/png", "size": 500, "alt": "A train"}


def ticket(call: Call) -> files.ImageTicket:
    return files.ImageTicket(
        image=files.Image(id="fil_1", url="/files/fil_1", alt=call.body.alt),
        upload=files.Upload(
            method="POST",
            url="http://storage/",
            headers={},
            fields={},
            expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    )


@pytest.fixture
def file_manager() -> FakeDownstream:
    return FakeDownstream(announceImage=ticket, deleteFile=lambda _: None)


@pytest.fixture
def app(load_app: Callable[..., ModuleType], file_manager: FakeDownstream) -> Any:
    module: Any = load_app("toys")
    module.components = module.build(module.settings, file_manager)
    return module


@pytest.fixture
def api(app: ModuleType, api_of: Any) -> Any:
    return api_of(app)


def created(api: Any, **changes: Any) -> dict[str, Any]:
    answer = api.call("POST", "/toys", DRAFT | changes)
    assert answer.status_code == 201, answer.body
    toy: dict[str, Any] = answer.json_body
    return toy


def pointers(answer: Any) -> list[str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json_body["status"] == answer.status_code
    return [error["pointer"] for error in answer.json_body.get("errors", [])]


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.body
    return [item["name"] for item in answer.json_body["items"]]


def checked(file_id: str, status: files.FileStatus, **changes: Any) -> files.File:
    return files.File(
        **{
            "id": file_id,
            "kind": "image",
            "status": status,
            "subject": "toy_1",
            "content_type": "image/png",
            "size": 500,
            "alt": "A train",
            "url": f"/files/{file_id}",
            "version": 2,
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
            "updated_at": datetime(2026, 1, 1, tzinfo=UTC),
            **changes,
        }
    )


def ready(toy_id: str, file_id: str = "fil_1", **changes: Any) -> dict[str, Any]:
    event = CloudEvent(
        id=f"{file_id}.2.{FILE_READY.name}",
        source=FILE_READY.source,
        type=FILE_READY.name,
        subject=file_id,
        time=datetime(2026, 1, 1, tzinfo=UTC),
        data=files.FileReady(
            id=file_id,
            subject=toy_id,
            url=f"/files/{file_id}",
            alt="A train",
            content_type="image/png",
            **changes,
        ),
    )
    return sns(msgspec.json.encode(event).decode())


def deliver(app: Any, event: dict[str, Any]) -> None:
    app.images(event, None)


class TestToys:
    def test_create_returns_the_toy_that_get_returns(self, api: Any) -> None:
        answer = api.call("POST", "/toys", DRAFT)
        toy = answer.json_body
        assert answer.headers["Location"] == f"/toys/{toy['id']}"
        assert toy.items() >= DRAFT.items()
        assert (toy["images"], toy["version"]) == ([], 1)
        read = api.call("GET", f"/toys/{toy['id']}")
        assert read.json_body == toy
        assert read.headers["ETag"] == '"1"'

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"name": ""}, "/name"),
            ({"name": "a\nb"}, "/name"),
            ({"min_age": -1}, "/min_age"),
            ({"min_age": 2.5}, "/min_age"),
            ({"price": {"amount": 19.99, "currency": "AUD"}}, "/price/amount"),
            ({"price": {"amount": 0, "currency": "AUD"}}, "/price/amount"),
            ({"price": {"amount": 1, "currency": "EUR"}}, "/price/currency"),
            ({"price": {"amount": 1, "currency": "aud"}}, "/price/currency"),
            ({"attributes": {"color": 3}}, "/attributes"),
            ({"images": []}, "/images"),
            ({"color": "red"}, "/color"),
        ],
    )
    def test_invalid_field_is_named_and_nothing_is_stored(
        self, api: Any, changes: dict[str, Any], pointer: str
    ) -> None:
        answer = api.call("POST", "/toys", DRAFT | changes)
        assert answer.status_code == 422
        assert pointers(answer)[0].startswith(pointer)
        assert names(api.call("GET", "/toys")) == []

    @pytest.mark.parametrize("toy_id", ["toy_nope", "%27%22", "a%2Fb", "%00", "x" * 3000])
    def test_unknown_or_malformed_toy_id_is_404(self, api: Any, toy_id: str) -> None:
        assert api.call("GET", f"/toys/{toy_id}").status_code == 404
        assert api.call("PUT", f"/toys/{toy_id}", {}).status_code == 404
        assert api.call("POST", f"/toys/{toy_id}/images", {}).status_code == 404

    def test_lookup_returns_existing_toys_in_order_of_ids(self, api: Any) -> None:
        one, two = created(api), created(api, name="Kite")
        ids = [two["id"], "toy_nope", "", one["id"], two["id"]]
        answer = api.call("POST", "/toys/lookup", {"ids": ids})
        assert answer.json_body["items"] == [two, one]
        assert api.call("POST", "/toys/lookup", {"ids": []}).status_code == 422
        assert api.call("POST", "/toys/lookup", {"ids": ["x"] * 101}).status_code == 422

    def test_put_replaces_all_details_and_patch_some(self, api: Any) -> None:
        toy = created(api)
        path = f"/toys/{toy['id']}"
        put = api.call("PUT", path, DRAFT | {"name": "Kite"}, {"If-Match": '"1"'})
        assert put.json_body["name"] == "Kite"
        assert put.headers["ETag"] == '"2"'
        patch = {"price": {"amount": 5}, "attributes": {"color": None, "size": "L"}}
        headers = {"If-Match": '"2"', "Content-Type": "application/merge-patch+json"}
        patched = api.call("PATCH", path, patch, headers).json_body
        assert patched["price"] == {"amount": 5, "currency": "AUD"}
        assert patched["attributes"] == {"size": "L"}
        assert (patched["name"], patched["version"]) == ("Kite", 3)
        assert patched["created_at"] == toy["created_at"]

    def test_toy_can_be_sent_back_as_it_was_received(self, app: Any, api: Any) -> None:
        path = f"/toys/{created(api)['id']}"
        deliver(app, ready(path.split("/")[2]))
        toy = api.call("GET", path).json_body
        assert len(toy["images"]) == 1
        put = api.call("PUT", path, toy | {"name": "Kite"}, {"If-Match": '"2"'})
        assert put.json_body == toy | {
            "name": "Kite", "version": 3, "updated_at": put.json_body["updated_at"],
        }  # fmt: skip
        patched = api.call("PATCH", path, put.json_body, {"If-Match": '"3"'})
        assert patched.status_code == 200
        # AND a changed member that is read-only is refused
        stale = api.call("PUT", path, toy, {"If-Match": '"4"'})
        assert (stale.status_code, pointers(stale)) == (422, ["/version"])
        assert api.call("GET", path).json_body == patched.json_body

    def test_control_characters_are_refused_in_texts_of_several_lines_too(self, api: Any) -> None:
        lines = "Runs on every track:\r\n\t• wood\n\t• plastic"
        assert created(api, description=lines)["description"] == lines
        for bad in ("\x00", "\x0b", "\x1b[31m", "\x7f", "\x85", "\x9b"):
            answer = api.call("POST", "/toys", DRAFT | {"description": f"Runs{bad}"})
            assert (answer.status_code, pointers(answer)) == (422, ["/description"])

    @pytest.mark.parametrize(
        ("patch", "pointer"),
        [
            ({"name": None}, "/name"),
            ({"price": {"currency": None}}, "/price/currency"),
            ({"price": {"currency": "EUR"}}, "/price/currency"),
            ({"id": "toy_2"}, "/id"),
            ({"version": 9}, "/version"),
        ],
    )
    def test_invalid_patch_changes_nothing(
        self, api: Any, patch: dict[str, Any], pointer: str
    ) -> None:
        toy = created(api)
        answer = api.call("PATCH", f"/toys/{toy['id']}", patch, {"If-Match": '"1"'})
        assert answer.status_code == 422
        assert pointers(answer) == [pointer]
        assert api.call("GET", f"/toys/{toy['id']}").json_body == toy

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
    def test_changes_check_if_match_before_the_body(self, api: Any, method: str) -> None:
        toy = created(api)
        path = f"/toys/{toy['id']}"
        body = None if method == "DELETE" else b"not JSON at all"
        headers = {"Content-Type": "application/json"} if body else {}
        # THEN the precondition is checked before the body
        assert api.call(method, path, body, headers).status_code == 428
        assert api.call(method, path, body, headers | {"If-Match": '"7"'}).status_code == 412
        for bad in ("1", '*, "1"', '"1" "2"', ""):
            assert api.call(method, path, body, headers | {"If-Match": bad}).status_code == 400
        for other in ('W/"1"', '"x"', '"2", "3"'):
            assert api.call(method, path, body, headers | {"If-Match": other}).status_code == 412
        assert api.call("GET", path).json_body == toy

    def test_patch_with_wrong_content_type_is_415(self, api: Any) -> None:
        toy = created(api)
        headers = {"If-Match": '"1"', "Content-Type": "text/plain"}
        answer = api.call("PATCH", f"/toys/{toy['id']}", {"name": "X"}, headers)
        assert answer.status_code == 415

    def test_delete_removes_the_toy_and_its_files_even_if_one_deletion_fails(
        self, api: Any, app: Any, file_manager: FakeDownstream, logged: Logged
    ) -> None:
        toy = created(api)
        deliver(app, ready(toy["id"], "fil_1"))
        deliver(app, ready(toy["id"], "fil_2"))
        # GIVEN a file_manager that is down for the first deletion
        answers = iter([ServiceUnavailable("down"), None])

        def delete(_: Call) -> None:
            if error := next(answers):
                raise error

        file_manager.answers["deleteFile"] = delete
        answer = api.call("DELETE", f"/toys/{toy['id']}", None, {"If-Match": '"3"'})
        assert (answer.status_code, answer.body) == (204, b"")
        assert api.call("GET", f"/toys/{toy['id']}").status_code == 404
        assert names(api.call("GET", "/toys")) == []
        assert [call.path["file_id"] for call in file_manager.calls] == ["fil_1", "fil_2"]
        # AND the file that was not deleted is reported
        (line,) = logged("file not deleted")
        assert (line["level"], line["file_id"], line["reason"]) == ("ERROR", "fil_1", "down")


class TestRaces:
    """Two writers of one toy: each learns what became of its own change."""

    @pytest.mark.parametrize(
        ("method", "body"), [("PUT", DRAFT), ("PATCH", {"name": "Late"}), ("DELETE", None)]
    )
    def test_toy_changed_meanwhile_is_412_and_keeps_the_change(
        self, app: Any, api: Any, api_of: Any, file_manager: FakeDownstream,
        before_write: BeforeWrite, method: str, body: Any,
    ) -> None:  # fmt: skip
        toy = created(api)
        deliver(app, ready(toy["id"]))
        path, headers = f"/toys/{toy['id']}", {"If-Match": '"2"'}
        first: list[Any] = []
        before_write(lambda: first.append(api_of(app).call("PATCH", path, {"name": "A"}, headers)))
        late = api.call(method, path, body, headers)
        assert (first[0].status_code, late.status_code) == (200, 412)
        assert '"3"' in late.json_body["detail"]
        # THEN the toy is as the first writer has changed it, and has its image
        stored = api.call("GET", path)
        assert (stored.json_body, stored.headers["ETag"]) == (first[0].json_body, '"3"')
        assert len(stored.json_body["images"]) == 1
        assert file_manager.calls == []

    @pytest.mark.parametrize("if_match", ["*", '"2", "3"'])
    @pytest.mark.parametrize(
        ("method", "body"), [("PUT", DRAFT), ("PATCH", {"brand": "Late"}), ("DELETE", None)]
    )
    def test_toy_changed_meanwhile_is_changed_again_if_that_version_may_be(
        self, app: Any, api: Any, api_of: Any, file_manager: FakeDownstream,
        before_write: BeforeWrite, method: str, body: Any, if_match: str,
    ) -> None:  # fmt: skip
        toy = created(api)
        path = f"/toys/{toy['id']}"
        deliver(app, ready(toy["id"]))
        first = {"If-Match": '"2"'}
        before_write(lambda: api_of(app).call("PATCH", path, {"name": "A"}, first))
        late = api.call(method, path, body, {"If-Match": if_match})
        stored = api.call("GET", path)
        if method == "DELETE":
            assert (late.status_code, stored.status_code) == (204, 404)
            assert [call.path["file_id"] for call in file_manager.calls] == ["fil_1"]
        else:
            assert (late.status_code, late.headers["ETag"]) == (200, '"4"')
            assert stored.json_body == late.json_body
            expected = ("A", "Late") if method == "PATCH" else (DRAFT["name"], DRAFT["brand"])
            assert (stored.json_body["name"], stored.json_body["brand"]) == expected
            assert len(stored.json_body["images"]) == 1

    @pytest.mark.parametrize(
        ("method", "body"), [("PUT", DRAFT), ("PATCH", {"name": "Late"}), ("DELETE", None)]
    )
    def test_toy_deleted_meanwhile_is_404_and_stays_deleted(
        self, app: Any, api: Any, api_of: Any, before_write: BeforeWrite, method: str, body: Any
    ) -> None:
        path, headers = f"/toys/{created(api)['id']}", {"If-Match": '"1"'}
        before_write(lambda: api_of(app).call("DELETE", path, None, headers))
        assert api.call(method, path, body, headers).status_code == 404
        assert api.call("GET", path).status_code == 404
        assert names(api.call("GET", "/toys")) == []

    def test_image_ready_while_the_toy_is_deleted_leaves_no_file(
        self, app: Any, api: Any, api_of: Any, file_manager: FakeDownstream,
        before_write: BeforeWrite,
    ) -> None:  # fmt: skip
        path = f"/toys/{created(api)['id']}"
        before_write(lambda: api_of(app).call("DELETE", path, None, {"If-Match": '"1"'}))
        deliver(app, ready(path.split("/")[2]))
        assert api.call("GET", path).status_code == 404
        assert [call.path for call in file_manager.calls] == [{"file_id": "fil_1"}]

    def test_image_ready_during_a_change_is_kept_and_the_change_is_412(
        self, app: Any, api: Any, before_write: BeforeWrite
    ) -> None:
        toy = created(api)
        path = f"/toys/{toy['id']}"
        before_write(lambda: deliver(app, ready(toy["id"])))
        assert api.call("PUT", path, DRAFT, {"If-Match": '"1"'}).status_code == 412
        stored = api.call("GET", path).json_body
        assert (stored["version"], [image["id"] for image in stored["images"]]) == (2, ["fil_1"])

    def test_change_during_the_removal_of_an_image_is_kept(
        self, app: Any, api: Any, api_of: Any, file_manager: FakeDownstream,
        before_write: BeforeWrite,
    ) -> None:  # fmt: skip
        toy = created(api)
        path = f"/toys/{toy['id']}"
        deliver(app, ready(toy["id"]))
        change = {"name": "Renamed"}
        before_write(lambda: api_of(app).call("PATCH", path, change, {"If-Match": '"2"'}))
        assert api.call("DELETE", f"{path}/images/fil_1").status_code == 204
        stored = api.call("GET", path).json_body
        assert (stored["name"], stored["images"], stored["version"]) == ("Renamed", [], 4)
        assert file_manager.pop_operations() == ["deleteFile"]

    def test_two_images_ready_at_the_same_time_are_both_added(
        self, app: Any, api: Any, before_write: BeforeWrite
    ) -> None:
        toy = created(api)
        before_write(lambda: deliver(app, ready(toy["id"], "fil_2")))
        deliver(app, ready(toy["id"], "fil_1"))
        stored = api.call("GET", f"/toys/{toy['id']}").json_body
        assert [image["id"] for image in stored["images"]] == ["fil_2", "fil_1"]

    def test_image_ready_twice_at_the_same_time_is_added_once(
        self, app: Any, api: Any, before_write: BeforeWrite
    ) -> None:
        toy = created(api)
        before_write(lambda: deliver(app, ready(toy["id"])))
        deliver(app, ready(toy["id"]))
        stored = api.call("GET", f"/toys/{toy['id']}").json_body
        assert (len(stored["images"]), stored["version"]) == (1, 2)


class TestSearch:
    def test_search_filters_and_sorts_newest_first_by_default(self, api: Any) -> None:
        created(api)
        created(api, name="Kite", category="outdoor", min_age=8, attributes={"color": "blue"})
        created(api, name="Éclair", price={"amount": 100, "currency": "AUD"}, brand="Sugar & Co")
        let_reads_catch_up()
        assert names(api.call("GET", "/toys")) == ["Éclair", "Kite", "Wooden Train"]
        for query, expected in {
            "q=TRA+wood": ["Wooden Train"],
            "q=eclair&sort=relevance": ["Éclair"],
            "q=zebra": [],
            "category=outdoor": ["Kite"],
            "brand=Sugar+%26+Co": ["Éclair"],
            "age=7": ["Éclair", "Wooden Train"],
            "attr.color=blue": ["Kite"],
            "price_max=100": ["Éclair"],
            "price_min=5000&price_max=10": [],
            "sort=-price": ["Kite", "Wooden Train", "Éclair"],
            "sort=name": ["Éclair", "Kite", "Wooden Train"],
        }.items():
            assert names(api.call("GET", f"/toys?{query}")) == expected, query

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ("color=red", "/color"),
            ("facets=color", "/facets"),
            ("facets=", "/facets"),
            ("facets=brand,,age", "/facets"),
            ("facets=age,brand,age", "/facets"),
            ("facets=age&facets=brand", "/facets"),
            ("q=" + "x" * 201, "/q"),
            ("age=-1", "/age"),
            ("age=three", "/age"),
            ("price_min=-5", "/price_min"),
            ("limit=0", "/limit"),
            ("limit=101", "/limit"),
            ("sort=rating", "/sort"),
            ("cursor=x", "/cursor"),
        ],
    )
    def test_invalid_query_parameter_is_named(self, api: Any, query: str, pointer: str) -> None:
        answer = api.call("GET", f"/toys?{query}")
        assert answer.status_code == 400
        assert pointers(answer) == [pointer]

    def test_pages_of_changing_size_return_each_toy_once(self, api: Any) -> None:
        for number in range(7):
            created(api, name=f"Toy {number}")
        let_reads_catch_up()
        walked: list[str] = []
        cursor = ""
        for limit in (3, 1, 2, 100):
            suffix = f"&cursor={cursor}" if cursor else ""
            page = api.call("GET", f"/toys?q=toy&sort=name&limit={limit}{suffix}")
            walked += names(page)
            cursor = page.json_body["next_cursor"]
        assert cursor is None
        assert walked == [f"Toy {number}" for number in range(7)]

    def test_cursor_of_another_query_is_rejected(self, api: Any) -> None:
        created(api)
        created(api)
        let_reads_catch_up()
        cursor = api.call("GET", "/toys?limit=1&q=train").json_body["next_cursor"]
        assert api.call("GET", f"/toys?limit=1&q=train&cursor={cursor}").status_code == 200
        for query in ("q=trai", "q=train&sort=price", "q=train&age=9", "q=train&attr.a=b", ""):
            assert api.call("GET", f"/toys?{query}&cursor={cursor}").status_code == 400
        changed = ("A" if cursor[-1] != "A" else "B").join([cursor[:-1], ""])
        assert api.call("GET", f"/toys?q=train&cursor={changed}").status_code == 400

    @pytest.mark.parametrize("q", ["\N{KITE}", "!!", "-", "%"])
    def test_query_of_symbols_alone_finds_nothing(self, api: Any, q: str) -> None:
        created(api)
        let_reads_catch_up()
        found = api.call("GET", f"/toys?q={quote(q)}")
        assert (found.status_code, found.json_body["items"]) == (200, [])
        assert api.call("GET", "/toys?q=").json_body["items"]


class TestImages:
    def test_image_is_announced_to_file_manager(
        self, api: Any, file_manager: FakeDownstream
    ) -> None:
        toy = created(api)
        answer = api.call("POST", f"/toys/{toy['id']}/images", IMAGE)
        assert answer.status_code == 201
        assert answer.json_body["image"] == {"id": "fil_1", "url": "/files/fil_1", "alt": "A train"}
        assert file_manager.calls[0].body == files.NewImage(
            subject=toy["id"], content_type="image/png", size=500, alt="A train"
        )
        # THEN the toy does not have it before its content has been checked
        assert api.call("GET", f"/toys/{toy['id']}").json_body == toy

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"content_type": "image/svg+xml"}, "/content_type"),
            ({"size": 6 * 1024 * 1024}, "/size"),
            ({"alt": "a\r\nb"}, "/alt"),
        ],
    )
    def test_invalid_image_is_not_announced(
        self, api: Any, file_manager: FakeDownstream, changes: dict[str, Any], pointer: str
    ) -> None:
        toy = created(api)
        answer = api.call("POST", f"/toys/{toy['id']}/images", IMAGE | changes)
        assert answer.status_code == 422
        assert pointers(answer) == [pointer]
        assert file_manager.calls == []

    def test_redelivered_ready_event_adds_the_image_once(self, api: Any, app: Any) -> None:
        toy = created(api)
        for _ in range(3):
            deliver(app, ready(toy["id"]))
        shown = api.call("GET", f"/toys/{toy['id']}").json_body
        # an event of an earlier release has no size and no smaller copies
        assert shown["images"] == [
            {"id": "fil_1", "url": "/files/fil_1", "alt": "A train",
             "width": None, "height": None, "variants": []}
        ]  # fmt: skip
        assert shown["version"] == 2

    def test_image_is_shown_with_its_size_and_smaller_copies(self, api: Any, app: Any) -> None:
        toy = created(api)
        variants = [files.ImageVariant(url="/files/fil_1-320.webp", width=320)]
        deliver(app, ready(toy["id"], width=500, height=400, variants=variants))
        (image,) = api.call("GET", f"/toys/{toy['id']}").json_body["images"]
        assert (image["width"], image["height"]) == (500, 400)
        assert image["variants"] == [{"url": "/files/fil_1-320.webp", "width": 320}]

    def test_image_that_an_earlier_release_stored_is_shown(self, api: Any, app: Any) -> None:
        toy = created(api)
        deliver(app, ready(toy["id"]))
        client_of("dynamodb").update_item(
            TableName=app.settings.table_name,
            Key={"id": {"S": toy["id"]}},
            UpdateExpression="SET images = :images",
            ExpressionAttributeValues={
                ":images": {"S": '[{"id":"fil_1","url":"/files/fil_1","alt":"A train"}]'}
            },
        )
        (image,) = api.call("GET", f"/toys/{toy['id']}").json_body["images"]
        assert (image["width"], image["height"], image["variants"]) == (None, None, [])

    def test_images_are_listed_with_the_result_of_their_check(
        self, api: Any, app: Any, file_manager: FakeDownstream
    ) -> None:
        toy = created(api)
        for file_id in ("fil_1", "fil_2"):
            deliver(app, ready(toy["id"], file_id))
        api.call("DELETE", f"/toys/{toy['id']}/images/fil_2")
        # GIVEN that file_manager has not deleted the removed image yet
        listed = [
            checked("fil_4", "pending"),
            checked("fil_3", "rejected", reason="It is damaged."),
            checked("fil_2", "ready"),
            checked("fil_1", "ready", width=50, height=40),
        ]
        file_manager.answers["listImages"] = lambda _: files.ImagePage(items=listed, last=None)
        answer = api.call("GET", f"/images/{toy['id']}")
        page = answer.json_body
        assert (answer.status_code, page["next_cursor"]) == (200, None)
        assert [(one["id"], one["status"], one["reason"]) for one in page["items"]] == [
            ("fil_4", "pending", None),
            ("fil_3", "rejected", "It is damaged."),
            ("fil_1", "ready", None),
        ]
        assert page["items"][-1] == {
            "id": "fil_1", "status": "ready", "reason": None, "url": "/files/fil_1",
            "alt": "A train", "width": 50, "height": 40, "variants": [],
            "created_at": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        assert file_manager.calls[-1].query == files.ImageQuery(subject=toy["id"], limit=20)

    def test_cursor_of_images_is_signed_and_belongs_to_its_toy(
        self, api: Any, file_manager: FakeDownstream
    ) -> None:
        toy, other = created(api), created(api)
        path = f"/images/{toy['id']}"
        file_manager.answers["listImages"] = lambda _: files.ImagePage(
            items=[checked("fil_9", "pending")], last="fil_9"
        )
        cursor = api.call("GET", f"{path}?limit=1").json_body["next_cursor"]
        assert api.call("GET", f"{path}?limit=5&cursor={cursor}").status_code == 200
        assert file_manager.calls[-1].query == files.ImageQuery(
            subject=toy["id"], limit=5, after="fil_9"
        )
        for wrong in (f"{path}?cursor=x{cursor}", f"/images/{other['id']}?cursor={cursor}"):
            assert pointers(api.call("GET", wrong)) == ["/cursor"]
        for query in ("limit=0", "limit=101", "status=ready"):
            assert api.call("GET", f"{path}?{query}").status_code == 400
        assert api.call("GET", "/images/toy_none").status_code == 404

    def test_redelivered_event_does_not_restore_a_removed_image(
        self, api: Any, app: Any, file_manager: FakeDownstream
    ) -> None:
        toy = created(api)
        path = f"/toys/{toy['id']}"
        deliver(app, ready(toy["id"]))
        assert api.call("DELETE", f"{path}/images/fil_1").status_code == 204
        assert file_manager.pop_operations() == ["deleteFile"]
        # WHEN the event is delivered again, before and after the toy is replaced
        deliver(app, ready(toy["id"]))
        api.call("PUT", path, DRAFT, {"If-Match": '"3"'})
        deliver(app, ready(toy["id"]))
        # THEN the toy still does not have the image
        now = api.call("GET", path).json_body
        assert (now["images"], now["version"]) == ([], 4)
        assert api.call("DELETE", f"{path}/images/fil_1").status_code == 404

    def test_concurrent_change_does_not_lose_the_image(self, api: Any, app: Any) -> None:
        # GIVEN another writer that changes the toy between the consumer's read and write
        toy = created(api)
        store = app.components.toys._store
        read = store.get

        def get_then_change(toy_id: str) -> Any:
            stored = read(toy_id)
            store.get = read
            api.call("PATCH", f"/toys/{toy_id}", {"name": "Renamed"}, {"If-Match": '"1"'})
            return stored

        store.get = get_then_change
        deliver(app, ready(toy["id"]))
        now = api.call("GET", f"/toys/{toy['id']}").json_body
        assert (now["name"], len(now["images"]), now["version"]) == ("Renamed", 1, 3)

    def test_image_beyond_the_limit_is_refused_and_its_file_deleted(
        self, api: Any, app: Any, file_manager: FakeDownstream, logged: Logged
    ) -> None:
        toy = created(api)
        for number in range(20):
            deliver(app, ready(toy["id"], f"fil_{number}"))
        assert api.call("POST", f"/toys/{toy['id']}/images", IMAGE).status_code == 409
        assert file_manager.calls == []
        # WHEN an image that was announced earlier becomes ready
        deliver(app, ready(toy["id"], "fil_late"))
        # THEN it is not added, and its file is deleted
        assert len(api.call("GET", f"/toys/{toy['id']}").json_body["images"]) == 20
        assert file_manager.calls[0].path == {"file_id": "fil_late"}
        (line,) = logged("image limit exceeded")
        assert (line["level"], line["toy_id"], line["file_id"]) == (
            "WARNING",
            toy["id"],
            "fil_late",
        )

    def test_failed_deletion_fails_the_invocation_so_that_it_is_retried(
        self, app: Any, file_manager: FakeDownstream
    ) -> None:
        file_manager.answers["deleteFile"] = ServiceUnavailable("down")
        with pytest.raises(ServiceUnavailable):
            deliver(app, ready("toy_gone"))

    def test_file_of_a_deleted_toy_is_deleted(
        self, api: Any, app: Any, file_manager: FakeDownstream, logged: Logged
    ) -> None:
        deliver(app, ready("toy_gone"))
        assert file_manager.calls[0].path == {"file_id": "fil_1"}
        (line,) = logged("image for an unknown toy")
        assert (line["toy_id"], line["file_id"]) == ("toy_gone", "fil_1")
        assert parked("toyshop-local-toys-images-dead-letters") == []

    def test_malformed_event_is_parked_and_other_types_are_ignored(
        self, api: Any, app: Any
    ) -> None:
        poison = ready("toy_1")
        message = json.loads(poison["Records"][0]["Sns"]["Message"])
        del message["data"]["subject"]
        deliver(app, sns(json.dumps(message)))
        other = message | {"type": "shop.file.rejected.v1"}
        deliver(app, sns(json.dumps(other)))
        messages = parked("toyshop-local-toys-images-dead-letters")
        assert [item["body"]["id"] for item in messages] == [message["id"]]
        assert messages[0]["reason"].startswith("poison")

    def test_failed_event_is_retried_from_the_retry_queue(self, api: Any, app: Any) -> None:
        toy = created(api)
        sqs = client_of("sqs")
        url = app.settings.images_retry_url
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"requestPayload": ready(toy["id"])}))
        message = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"][0]
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
        }
        store = app.components.toys._store
        working = store.get

        def broken(_: str) -> Any:
            raise TimeoutError

        store.get = broken
        assert app.images_retry({"Records": [record]}, None) == {
            "batchItemFailures": [{"itemIdentifier": record["messageId"]}]
        }
        store.get = working
        assert app.images_retry({"Records": [record]}, None) == {"batchItemFailures": []}
        assert len(api.call("GET", f"/toys/{toy['id']}").json_body["images"]) == 1
