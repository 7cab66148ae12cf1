"""What each kind of search and write of a toy uses of DynamoDB, whatever the catalogue's size.

Read and write units are computed from the sizes of the items by DynamoDB's rules, because moto
answers other figures.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ulid import ULID

from chalicelib.toys.index import Change, Document, SearchIndex
from contracts.toys import ToyQuery
from support.aws_calls import Original, Params, intercept
from support.downstream import FakeDownstream
from support.moto_aws import client_of
from support.world.usage import read_units, write_units

TABLE = "toyshop-local-toys"
SMALL, LARGE = 60, 6_000
"""Sizes of the catalogues; a hundred times as many toys, as from 1,000 to 100,000."""

KINDS = {
    "everything": "",
    "word": "q=zeppelin",
    "two words": "q=zeppelin+airship",
    "prefix": "q=zepp",
    "word of every toy": "q=toy",
    "typing error": "q=zepelin",
    "nothing": "q=xylophone",
    "category": "category=airships",
    "brand": "brand=Skyhook",
    "age": "age=1",
    "lowest price": "price_min=7000000",
    "highest price": "price_max=100000",
    "price range": "price_min=100&price_max=100000",
    "attribute": "attr.gas=helium",
    "by relevance": "q=toy&sort=relevance",
    "newest": "sort=newest",
    "by price": "sort=price",
    "by falling price": "sort=-price",
    "by name": "sort=name",
    "second page": "sort=name&limit=20",
    "facets of everything": "facets=category,brand,age,price",
    "facets of a word": "q=toy&facets=category,brand,age,price",
    "combination": "q=zepp+toy&category=airships&age=3&price_min=100&attr.gas=helium&sort=-price",
}


def documents(size: int) -> list[tuple[str, Document]]:
    """Return a catalogue in which 20 toys, evenly spread, differ from all others."""
    found = []
    for number in range(size):
        special = number % (size // 20) == 0
        document = Document(
            name=f"Zeppelin Airship {number}" if special else f"Puzzle {number}",
            description="A toy for children, with many parts. " * 12,
            category="airships" if special else "puzzles",
            brand="Skyhook" if special else f"Brand {number % 9}",
            amount=7_000_000 + number if special else 1000 + number,
            min_age=1 if special else 2 + number % 8,
            attributes={"gas": "helium"} if special else {"color": "red"},
            updated_on=739_000,
        )
        found.append((f"toy_{ULID.from_timestamp(1_700_000_000 + number)}", document))
    return found


def item_of(toy_id: str, document: Document) -> dict[str, Any]:
    texts = {
        "id": toy_id, "name": document.name, "description": document.description,
        "category": document.category, "brand": document.brand,
        "price": f'{{"amount":{document.amount},"currency":"AUD"}}',
        "attributes": "{}", "images": "[]", "seen_files": "[]",
        "created_at": "2026-11-29T00:00:00.000000+0000",
        "updated_at": "2026-11-29T00:00:00.000000+0000",
    }  # fmt: skip
    numbers = {"min_age": document.min_age, "version": 1, "sequence": 1}
    return {name: {"S": text} for name, text in texts.items()} | {
        name: {"N": str(number)} for name, number in numbers.items()
    }


class Meter:
    """Counts operations of DynamoDB and their units."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clear()

        def counted(original: Original, service: str, name: str, params: Params) -> Any:
            answer = original()
            if service != "dynamodb":
                return answer
            self.operations.append(name)
            if name == "GetItem":
                assert params["ConsistentRead"]
                self.read += read_units([answer.get("Item", {})], consistent=True)
            elif name == "BatchGetItem":
                (request,) = params["RequestItems"].values()
                assert request["ConsistentRead"]
                (items,) = answer["Responses"].values()
                missing: list[dict[str, Any]] = [{}] * (len(request["Keys"]) - len(items))
                self.read += sum(read_units([item], consistent=True) for item in items + missing)
            elif name == "TransactWriteItems":
                writes = [write for item in params["TransactItems"] for write in item.values()]
                # DynamoDB bills transactions double
                self.written += sum(2 * write_units(None, write.get("Item")) for write in writes)
            return answer

        intercept(monkeypatch, counted)

    def clear(self) -> None:
        self.operations: list[str] = []
        self.read = self.written = 0.0


@pytest.fixture
def app(load_app: Callable[..., ModuleType]) -> Any:
    module: Any = load_app("toys")
    module.components = module.build(module.settings, FakeDownstream(deleteFile=lambda _: None))
    return module


def fill(app: Any, size: int) -> None:
    """Give the service a catalogue; the table has only the toys of the pages that are read."""
    toys = dict(documents(size))
    index = SearchIndex.empty()
    index.apply(Change(number, *toy) for number, toy in enumerate(toys.items(), start=1))
    put = client_of("dynamodb").put_item
    put(TableName=TABLE, Item={"id": {"S": "changes"}, "sequence": {"N": str(size)}})
    app.components.catalogue_index()._index = index
    shown: set[str] = set()
    for kind in KINDS:
        query, after = query_of(kind), None
        for _ in range(2):
            page = index.search(query, after)
            shown |= {*page.ids}
            after = page.last
            if after is None:
                break
    for toy_id in shown:
        put(TableName=TABLE, Item=item_of(toy_id, toys[toy_id]))


def query_of(kind: str) -> ToyQuery:
    from chassis.queries import parse_query

    pairs = [pair.split("=") for pair in KINDS[kind].split("&") if pair]
    return parse_query({name: value.replace("+", " ") for name, value in pairs}, ToyQuery)


def test_units_of_a_search_do_not_grow_with_the_catalogue(
    app: Any, api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter, api = Meter(monkeypatch), api_of(app)
    used: dict[int, dict[str, float]] = {}
    for size in (SMALL, LARGE):
        fill(app, size)
        used[size] = {}
        for kind, query in KINDS.items():
            path = f"/toys?{query}"
            if kind == "second page":
                path += f"&cursor={api.call('GET', path).json_body['next_cursor']}"
            meter.clear()
            answer = api.call("GET", path)
            assert answer.status_code == 200, answer.body
            items = answer.json_body["items"]
            used[size][kind] = meter.read
            # the log's end is one unit, and so is each toy
            assert meter.read == 1 + len(items), kind
            assert meter.operations == ["GetItem", *["BatchGetItem"] * bool(items)], kind
            assert len(items) == (0 if kind == "nothing" else 20), kind
    assert used[LARGE] == used[SMALL]


def test_suggestions_cost_one_unit(app: Any, api_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(app, SMALL)
    meter = Meter(monkeypatch)
    assert api_of(app).call("GET", "/suggestions?q=zepp").json_body["items"]
    assert (meter.operations, meter.read) == (["GetItem"], 1)


def test_list_of_the_catalogue_costs_one_unit(
    app: Any, api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter, api = Meter(monkeypatch), api_of(app)
    for size in (SMALL, LARGE):
        fill(app, size)
        meter.clear()
        parts = api.call("GET", "/catalogue").json_body["parts"]
        assert (meter.operations, meter.read) == (["GetItem"], 1)
        listed: list[str] = []
        for number in range(1, len(parts) + 1):
            meter.clear()
            items = api.call("GET", f"/catalogue/parts?number={number}").json_body["items"]
            assert (meter.operations, meter.read) == (["GetItem"], 1)
            listed += [item["id"] for item in items]
        assert len({*listed}) == size
        assert listed == sorted(listed)


def test_index_that_is_behind_reads_the_entries_and_their_toys(
    app: Any, api_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(app, SMALL)
    api = api_of(app)
    draft = {
        "name": "Kite", "description": "", "category": "outdoor", "brand": "Sky",
        "price": {"amount": 100, "currency": "AUD"}, "min_age": 3,
    }  # fmt: skip
    meter = Meter(monkeypatch)
    toy = api.call("POST", "/toys", draft).json_body
    # 2 units for the toy, 2 for its entry and 2 for the log's end
    assert (meter.operations, meter.read, meter.written) == (
        ["GetItem", "TransactWriteItems"], 1, 6
    )  # fmt: skip
    api.call("PATCH", f"/toys/{toy['id']}", {"min_age": 4}, {"If-Match": '"1"'})
    meter.clear()
    api.call("GET", "/toys?q=kite")
    # the log's end, two entries, their toy, the page
    assert (meter.operations, meter.read) == (["GetItem", *["BatchGetItem"] * 3], 1 + 2 + 1 + 1)
