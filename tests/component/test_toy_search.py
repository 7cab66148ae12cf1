"""The search of the toys service: its change log, its snapshots, and what a search costs."""

import importlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from chalicelib.toys import catalogue_index, change_log, snapshots
from chalicelib.toys.index import FORMAT
from chassis import clock
from contracts.money import Money
from contracts.toys import Toy
from support.aws_calls import Original, Params, intercept
from support.downstream import FakeDownstream
from support.log_lines import Logged
from support.moto_aws import StreamOf, client_of
from support.paths import APPS, ROOT
from support.races import BeforeWrite

TABLE = "toyshop-local-toys"
BUCKET = "toyshop-local-toys-snapshots"
KEY = f"snapshots/{FORMAT}"
DRAFT: dict[str, Any] = {
    "name": "Wooden Train",
    "description": "Runs on every track",
    "category": "vehicles",
    "brand": "Brio",
    "price": {"amount": 4999, "currency": "AUD"},
    "min_age": 3,
    "attributes": {"color": "red"},
}


@pytest.fixture
def app(load_app: Callable[..., ModuleType]) -> Any:
    module: Any = load_app("toys", SNAPSHOT_CHANGES="3")
    restart(module)
    return module


@pytest.fixture
def api(app: ModuleType, api_of: Any) -> Any:
    return api_of(app)


def restart(app: Any) -> None:
    """Replace the components of the app, as in another instance of the function."""
    app.components = app.build(app.settings, FakeDownstream(deleteFile=lambda _: None))


def created(api: Any, **changes: Any) -> dict[str, Any]:
    answer = api.call("POST", "/toys", DRAFT | changes)
    assert answer.status_code == 201, answer.body
    toy: dict[str, Any] = answer.json_body
    return toy


def names(api: Any, query: str = "sort=name") -> list[str]:
    answer = api.call("GET", f"/toys?{query}")
    assert answer.status_code == 200, answer.body
    return [item["name"] for item in answer.json_body["items"]]


def store_as_earlier_release(toy: dict[str, Any], **changes: Any) -> None:
    """Write a toy like the release before the change log, which knows only its own attributes."""
    key = {"id": {"S": toy["id"]}}
    item = client_of("dynamodb").get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]
    del item["sequence"]
    item |= changes
    item["version"] = {"N": str(int(item["version"]["N"]) + 1)}
    client_of("dynamodb").put_item(TableName=TABLE, Item=item)


def delete_as_earlier_release(toy: dict[str, Any]) -> None:
    client_of("dynamodb").delete_item(TableName=TABLE, Key={"id": {"S": toy["id"]}})


def save_snapshot(app: Any) -> bool:
    saved: bool = app.save_snapshot({"version": "0"} | dict.fromkeys(
        ("account", "region", "detail", "detail-type", "source", "time", "id", "resources"), ""
    ), None)  # fmt: skip
    return saved


def log_end() -> int:
    item = client_of("dynamodb").get_item(
        TableName=TABLE, Key={"id": {"S": "changes"}}, ConsistentRead=True
    )["Item"]
    return int(item["sequence"]["N"])


@pytest.fixture
def aws_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the calls of AWS that follow."""
    calls: list[str] = []

    def counted(original: Original, _service: str, name: str, arguments: Params) -> Any:
        calls.append(name)
        return original()

    intercept(monkeypatch, counted)
    return calls


class TestVisibility:
    """A write is visible to the next search, in whatever instance of the function."""

    def test_each_kind_of_write_is_visible_to_the_next_search(self, api: Any) -> None:
        train, kite = created(api), created(api, name="Kite")
        assert names(api) == ["Kite", "Wooden Train"]
        path = f"/toys/{train['id']}"
        api.call("PUT", path, DRAFT | {"name": "Steel Train"}, {"If-Match": '"1"'})
        assert names(api, "q=steel") == ["Steel Train"]
        assert names(api, "q=wooden") == []
        api.call("PATCH", path, {"category": "trains"}, {"If-Match": '"2"'})
        assert names(api, "category=trains") == ["Steel Train"]
        api.call("DELETE", f"/toys/{kite['id']}", headers={"If-Match": '"1"'})
        assert names(api) == ["Steel Train"]

    def test_write_of_one_instance_is_visible_in_all(self, app: Any, api: Any) -> None:
        created(api, name="A")
        first = app.components
        assert names(api) == ["A"]
        restart(app)
        second = app.components
        assert names(api) == ["A"]
        toy = created(api, name="B")
        for components, expected in ((first, ["A", "B"]), (second, ["A", "B"])):
            app.components = components
            assert names(api) == expected
        app.components = first
        api.call("DELETE", f"/toys/{toy['id']}", headers={"If-Match": '"1"'})
        app.components = second
        assert names(api) == ["A"]

    def test_two_writers_at_once_are_both_visible(
        self, api: Any, before_write: BeforeWrite
    ) -> None:
        assert names(api) == []
        before_write(lambda: created(api, name="Faster"))
        created(api, name="Slower")
        assert names(api) == ["Faster", "Slower"]
        assert log_end() == 2

    def test_writer_that_always_loses_gives_up(
        self, app: Any, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr(app.components.toys._store._log, "_sleep", waits.append)

        def conflict(original: Original, _service: str, name: str, arguments: Params) -> Any:
            if name != "TransactWriteItems":
                return original()
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}, {"Code": "None"}]
            raise ClientError(
                {"Error": {"Code": "TransactionCanceledException", "Message": ""},
                 "CancellationReasons": reasons}, name,
            )  # fmt: skip

        intercept(monkeypatch, conflict)
        answer = api.call("POST", "/toys", DRAFT)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert len(waits) == 20
        assert sum(waits) < 20

    def test_refused_write_is_in_no_log(self, api: Any) -> None:
        toy = created(api)
        assert api.call("PATCH", f"/toys/{toy['id']}", {"name": "A"}, {"If-Match": '"9"'})
        assert log_end() == 1

    def test_lost_response_does_not_write_twice(
        self, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # GIVEN a network that loses the response of the transaction, and a client that repeats it

        def twice(original: Original, _service: str, name: str, arguments: Params) -> Any:
            answer = original()
            if name == "TransactWriteItems":
                assert arguments["ClientRequestToken"]
                answer = original()
            return answer

        intercept(monkeypatch, twice)
        created(api)
        assert names(api) == ["Wooden Train"]
        assert log_end() == 1

    @pytest.mark.parametrize("stored", [False, True])
    def test_crash_during_a_write_leaves_the_index_right(
        self, app: Any, api: Any, monkeypatch: pytest.MonkeyPatch, stored: bool
    ) -> None:
        created(api, name="A")
        assert names(api) == ["A"]

        class CrashError(Exception):
            pass

        def crash(original: Original, _service: str, name: str, _params: Params) -> Any:
            if name != "TransactWriteItems":
                return original()
            if stored:
                original()
            raise CrashError

        with monkeypatch.context() as patch:
            intercept(patch, crash)
            assert api.call("POST", "/toys", DRAFT | {"name": "B"}).status_code == 500
        expected = ["A", "B"] if stored else ["A"]
        assert names(api) == expected
        restart(app)
        assert names(api) == expected
        created(api, name="C")
        assert names(api) == [*expected, "C"]

    def test_failed_refresh_is_repeated_by_the_next_search(self, app: Any, api: Any) -> None:
        created(api, name="A")
        assert names(api) == ["A"]
        created(api, name="B")
        store = app.components.catalogue_index()._store
        working = store.get_many

        def broken(_: Any) -> Any:
            raise TimeoutError

        store.get_many = broken
        assert api.call("GET", "/toys").status_code == 500
        store.get_many = working
        assert names(api) == ["A", "B"]


class TestEarlierRelease:
    """During a gradual release, the release before writes toys without the log."""

    @pytest.fixture
    def stream(self) -> Callable[[Any], Any]:
        source = StreamOf(TABLE)
        return lambda app: app.log_bypassed(source.records(), None)

    def test_writes_of_the_earlier_release_reach_the_index(
        self, app: Any, api: Any, stream: Callable[[Any], Any]
    ) -> None:
        train, kite = created(api), created(api, name="Kite")
        stream(app)
        end = log_end()
        assert names(api) == ["Kite", "Wooden Train"]
        # WHEN it changes one toy and deletes another
        store_as_earlier_release(train, name={"S": "Tin Train"})
        delete_as_earlier_release(kite)
        assert stream(app) == {"batchItemFailures": []}
        # THEN they are in the log, and found as they are now
        assert log_end() == end + 2
        assert names(api, "q=tin") == ["Tin Train"]
        assert names(api) == ["Tin Train"]

    def test_later_write_of_this_release_is_not_undone(
        self, app: Any, api: Any, stream: Callable[[Any], Any]
    ) -> None:
        train = created(api)
        stream(app)
        assert names(api) == ["Wooden Train"]
        store_as_earlier_release(train, name={"S": "Tin Train"})
        api.call("PATCH", f"/toys/{train['id']}", {"name": "Gold Train"}, {"If-Match": '"2"'})
        stream(app)
        assert names(api) == ["Gold Train"]

    def test_own_writes_are_not_logged_again(
        self, app: Any, api: Any, stream: Callable[[Any], Any]
    ) -> None:
        train = created(api)
        stream(app)
        api.call("PATCH", f"/toys/{train['id']}", {"name": "Gold Train"}, {"If-Match": '"1"'})
        stream(app)
        assert log_end() == 2

    def test_record_that_cannot_be_logged_is_delivered_again(
        self, app: Any, api: Any, logged: Logged, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        train = created(api)
        source = StreamOf(TABLE)
        source.records()
        store_as_earlier_release(train)
        records = source.records()

        def broken(_: str) -> bool:
            raise TimeoutError

        monkeypatch.setattr(app.components.bypassed_writes._store, "log_if_bypassed", broken)
        assert app.log_bypassed(records, None) == {
            "batchItemFailures": [
                {"itemIdentifier": records["Records"][0]["dynamodb"]["SequenceNumber"]}
            ]
        }
        assert logged("write not added to the change log")

    def test_toys_from_before_the_log_are_found(self, app: Any, api: Any) -> None:
        # GIVEN a table that only the earlier release has written
        store_as_earlier_release(created(api))
        for key in ("changes", "change#000000000001"):
            client_of("dynamodb").delete_item(TableName=TABLE, Key={"id": {"S": key}})
        assert names(api) == ["Wooden Train"]
        # WHEN this release writes
        created(api, name="Kite")
        # THEN all instances find both
        assert names(api) == ["Kite", "Wooden Train"]
        restart(app)
        assert names(api) == ["Kite", "Wooden Train"]

    def test_earlier_release_finds_the_toys_of_the_release_between(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # GIVEN the release before the index `by_listing` was removed
        shutil.copytree(
            APPS / "toys", tmp_path / "apps/toys", ignore=shutil.ignore_patterns("vendor")
        )
        patch = ROOT / "docs/migrations/toys-change-log/contract.patch"
        subprocess.run(
            ["git", "apply", "-R", str(patch)],
            cwd=tmp_path,
            # git must not patch a repository that contains the tests' directory
            env={"GIT_CEILING_DIRECTORIES": str(tmp_path.parent), "PATH": "/usr/bin:/bin"},
            check=True,
        )
        monkeypatch.syspath_prepend(tmp_path / "apps/toys")
        store = importlib.import_module("chalicelib.toys.listing_entry")
        # THEN it stores what the release before the change log reads
        now = clock.now()
        toy = Toy(
            id="toy_1", images=[], version=1, created_at=now, updated_at=now,
            **DRAFT | {"price": Money(amount=4999, currency="AUD")},
        )  # fmt: skip
        entry = json.loads(store.listing_entry(toy))
        assert entry[:4] == ["toy_1", "wooden train", " wooden train",
                             " runs on every track brio vehicles red"]  # fmt: skip
        assert entry[4:] == ["vehicles", "Brio", 4999, 3, {"color": "red"}]


class TestSnapshots:
    @pytest.fixture(autouse=True)
    def toys(self, app: Any, api: Any) -> list[dict[str, Any]]:
        return [created(api, name=f"Toy {mark}") for mark in "ABC"]

    def test_snapshot_is_saved_when_enough_has_changed(self, app: Any, api: Any) -> None:
        assert save_snapshot(app)
        assert not save_snapshot(app)
        for mark in "DE":
            created(api, name=f"Toy {mark}")
        assert not save_snapshot(app)
        created(api, name="Toy F")
        assert save_snapshot(app)

    def test_snapshot_is_built_from_the_table_before_it_is_too_old(
        self, app: Any, api: Any, monkeypatch: pytest.MonkeyPatch, toys: list[dict[str, Any]]
    ) -> None:
        # GIVEN a write that reached neither the log nor the index
        assert save_snapshot(app)
        delete_as_earlier_release(toys[0])
        assert not save_snapshot(app)
        # WHEN half a day has passed
        later = snapshots.LONGEST_AGE / 2
        index = app.components.catalogue_index()
        monkeypatch.setattr(index, "_now", lambda: clock.now() + later)
        assert save_snapshot(app)
        restart(app)
        assert names(api) == ["Toy B", "Toy C"]

    def test_snapshot_that_is_too_old_is_not_read(
        self, app: Any, api: Any, logged: Logged, toys: list[dict[str, Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        # GIVEN a service that was rolled back for longer than its table's stream keeps records
        save_snapshot(app)
        store_as_earlier_release(toys[0], name={"S": "Toy Z"})
        restart(app)
        store = app.components.catalogue_index()._snapshots
        monkeypatch.setattr(store, "_now", lambda: clock.now() + snapshots.LONGEST_AGE)
        assert names(api) == ["Toy B", "Toy C", "Toy Z"]
        assert logged("snapshot too old")
        # THEN no index can be as old as the log's entries
        assert snapshots.LONGEST_AGE < change_log.KEPT

    def test_cold_search_applies_what_is_newer_than_the_snapshot(
        self, app: Any, api: Any, toys: list[dict[str, Any]], aws_calls: list[str]
    ) -> None:
        save_snapshot(app)
        created(api, name="Toy D")
        api.call("DELETE", f"/toys/{toys[0]['id']}", headers={"If-Match": '"1"'})
        api.call("PATCH", f"/toys/{toys[1]['id']}", {"name": "Toy X"}, {"If-Match": '"1"'})
        api.call("PATCH", f"/toys/{toys[1]['id']}", {"name": "Toy Y"}, {"If-Match": '"2"'})
        restart(app)
        aws_calls.clear()
        assert names(api) == ["Toy C", "Toy D", "Toy Y"]
        # the end of the log, the snapshot, the entries, their toys, the page
        assert aws_calls == ["GetItem", "GetObject", *["BatchGetItem"] * 3]

    @pytest.mark.parametrize("damage", ["lost", "unreadable", "newer format", "S3 is down"])
    def test_index_is_built_from_the_table_without_a_snapshot(
        self, app: Any, api: Any, damage: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save_snapshot(app)
        s3 = client_of("s3")
        if damage == "lost":
            s3.delete_object(Bucket=BUCKET, Key=KEY)
        elif damage == "S3 is down":
            _fail(monkeypatch, "GetObject", ConnectTimeoutError(endpoint_url="s3"))
        else:
            body = b"?" * 9 if damage == "unreadable" else b"newer"
            s3.put_object(Bucket=BUCKET, Key=KEY, Body=body, Metadata={"sequence": "3"})
        restart(app)
        assert names(api) == ["Toy A", "Toy B", "Toy C"]

    def test_build_that_takes_longer_than_a_request_is_continued(
        self, app: Any, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # GIVEN a build that has time for one toy in each request
        monkeypatch.setattr(catalogue_index, "_RESERVED_SECONDS", float("inf"))
        for _ in range(2):
            answer = api.call("GET", "/toys")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        # WHEN a toy is added and one is changed before it ends
        toy = created(api, name="Toy D")
        api.call("PATCH", f"/toys/{toy['id']}", {"name": "Toy E"}, {"If-Match": '"1"'})
        monkeypatch.setattr(catalogue_index, "_RESERVED_SECONDS", 2.0)
        # THEN the search finds the toys as they are
        assert names(api) == ["Toy A", "Toy B", "Toy C", "Toy E"]

    def test_build_that_fails_is_not_continued(
        self, app: Any, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = app.components.catalogue_index()._store
        working = store.all

        def broken() -> Any:
            yield next(working())
            raise TimeoutError

        store.all = broken
        assert api.call("GET", "/toys").status_code == 500
        store.all = working
        assert names(api) == ["Toy A", "Toy B", "Toy C"]

    def test_newer_release_saves_under_another_key(
        self, app: Any, api: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save_snapshot(app)
        store = app.components.catalogue_index()._snapshots
        monkeypatch.setattr(store, "_key", f"snapshots/{FORMAT + 1}")
        assert save_snapshot(app)
        keys = client_of("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
        assert [item["Key"] for item in keys] == [KEY, f"snapshots/{FORMAT + 1}"]

    def test_gap_in_the_log_is_noticed(
        self, app: Any, api: Any, toys: list[dict[str, Any]], logged: Logged
    ) -> None:
        save_snapshot(app)
        api.call("DELETE", f"/toys/{toys[0]['id']}", headers={"If-Match": '"1"'})
        created(api, name="Toy D")
        client_of("dynamodb").delete_item(
            TableName=TABLE, Key={"id": {"S": f"change#{log_end() - 1:012}"}}
        )
        expected = ["Toy B", "Toy C", "Toy D"]
        assert names(api) == expected
        assert logged("change log has a gap")
        restart(app)
        assert names(api) == expected

    def test_snapshot_of_another_table_is_not_used(
        self, app: Any, api: Any, toys: list[dict[str, Any]]
    ) -> None:
        # GIVEN a table that was restored from a backup, which the snapshot is ahead of
        save_snapshot(app)
        delete_as_earlier_release(toys[2])
        client_of("dynamodb").put_item(
            TableName=TABLE, Item={"id": {"S": "changes"}, "sequence": {"N": "2"}}
        )
        client_of("dynamodb").delete_item(TableName=TABLE, Key={"id": {"S": "change#000000000003"}})
        restart(app)
        assert names(api) == ["Toy A", "Toy B"]
        assert api.call("GET", "/toys").json_body["total"] == 2
        # AND it is replaced
        assert save_snapshot(app)

    def test_snapshot_that_was_saved_during_the_search_is_used(
        self, app: Any, api: Any, aws_calls: list[str]
    ) -> None:
        index = app.components.catalogue_index()
        read = index._snapshots.read

        def saved_meanwhile() -> Any:
            index._snapshots.read = read
            created(api, name="Toy D")
            searching = app.components
            restart(app)
            save_snapshot(app)
            app.components = searching
            aws_calls.clear()
            return read()

        index._snapshots.read = saved_meanwhile
        assert names(api) == ["Toy A", "Toy B", "Toy C", "Toy D"]
        assert "Scan" not in aws_calls

    def test_index_that_is_far_behind_is_replaced_by_the_snapshot(
        self, app: Any, api: Any, aws_calls: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert names(api) == ["Toy A", "Toy B", "Toy C"]
        warm = app.components
        monkeypatch.setattr(catalogue_index, "FAR_BEHIND", 2)
        restart(app)
        for mark in "DEF":
            created(api, name=f"Toy {mark}")
        save_snapshot(app)
        app.components = warm
        aws_calls.clear()
        assert names(api)[-1] == "Toy F"
        assert aws_calls == ["GetItem", "GetObject", "BatchGetItem"]

    def test_failing_storage_fails_the_scheduled_run(
        self, app: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        error = ClientError({"Error": {"Code": "503", "Message": "Slow Down"}}, "HeadObject")
        _fail(monkeypatch, "HeadObject", error)
        with pytest.raises(ClientError):
            save_snapshot(app)


def _fail(monkeypatch: pytest.MonkeyPatch, operation: str, error: Exception) -> None:

    def failing(original: Original, _service: str, name: str, arguments: Params) -> Any:
        if name == operation:
            raise error
        return original()

    intercept(monkeypatch, failing)


class TestResults:
    @pytest.fixture(autouse=True)
    def toys(self, api: Any) -> None:
        created(api)
        created(api, name="Kite", category="outdoor", brand="Sky", min_age=8)
        created(api, name="Ball", category="outdoor", brand="Brio", min_age=3)

    def test_total_counts_all_pages(self, api: Any) -> None:
        page = api.call("GET", "/toys?limit=1").json_body
        assert (len(page["items"]), page["total"]) == (1, 3)
        page = api.call("GET", f"/toys?limit=1&cursor={page['next_cursor']}").json_body
        assert page["total"] == 3
        assert "facets" not in page

    def test_facet_is_counted_as_if_its_own_filter_were_absent(self, api: Any) -> None:
        page = api.call("GET", "/toys?category=outdoor&facets=category,brand,age,price").json_body
        assert page["total"] == 2
        assert page["facets"] == {
            "category": {"outdoor": 2, "vehicles": 1},
            "brand": {"Brio": 1, "Sky": 1},
            "age": {"3": 1, "8": 1},
            "price": {"2000-4999": 2},
        }

    def test_next_page_may_ask_for_other_facets(self, api: Any) -> None:
        page = api.call("GET", "/toys?limit=1&facets=brand").json_body
        page = api.call("GET", f"/toys?limit=1&cursor={page['next_cursor']}").json_body
        assert len(page["items"]) == 1

    def test_suggestions_continue_a_query(self, api: Any) -> None:
        for query, expected in {
            "q=woo": ["Wooden Train"],
            "q=b": ["Brio", "Ball"],
            "q=b&limit=1": ["Brio"],
            "q=": [],
            "": [],
            "q=%21": [],
        }.items():
            answer = api.call("GET", f"/suggestions?{query}")
            assert answer.status_code == 200
            assert [item["text"] for item in answer.json_body["items"]] == expected, query

    def test_catalogue_is_listed_with_the_days_of_changes(self, app: Any, api: Any) -> None:
        save_snapshot(app)
        restart(app)
        changed = created(api, name="Toy D", category="art")
        api.call("PATCH", f"/toys/{changed['id']}", {"name": "Toy E"}, {"If-Match": '"1"'})
        outline = api.call("GET", "/catalogue").json_body
        items = api.call("GET", "/catalogue/parts?number=1").json_body["items"]
        toys = api.call("GET", "/toys").json_body["items"][::-1]
        assert items == [
            {"id": toy["id"], "name": toy["name"], "updated_on": toy["updated_at"][:10]}
            for toy in toys
        ]
        assert outline == {
            "parts": [items[-1]["updated_on"]],
            "categories": sorted({toy["category"] for toy in toys}),
        }
        assert api.call("GET", "/catalogue/parts?number=2").status_code == 404
        for query in ("number=0", "number=1000001", "number=x", "part=1"):
            assert api.call("GET", f"/catalogue/parts?{query}").status_code == 400

    def test_catalogue_is_not_read_from_the_table(
        self, app: Any, api: Any, aws_calls: list[str]
    ) -> None:
        for path in ("/catalogue", "/catalogue/parts"):
            answer = api.call("GET", path)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "Scan" not in aws_calls
        # WHEN there is a snapshot
        save_snapshot(app)
        restart(app)
        aws_calls.clear()
        # THEN it is read
        for path in ("/catalogue", "/catalogue/parts"):
            assert api.call("GET", path).status_code == 200
        assert aws_calls == ["GetItem", "GetObject", "GetItem"]

    @pytest.mark.parametrize("query", ["limit=0", "limit=21", "x=1", "q=" + "a" * 201])
    def test_wrong_suggestion_parameter_is_named(self, api: Any, query: str) -> None:
        answer = api.call("GET", f"/suggestions?{query}")
        assert answer.status_code == 400
        assert answer.json_body["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"
