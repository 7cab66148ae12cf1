"""Product pages: the head, redirects and faults."""

import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from chalicelib.storefront_api.catalogue import Catalogue
from chalicelib.storefront_api.product_pages import ProductPages, Shell
from chalicelib.storefront_api.slugs import slug
from chassis.problems import ServiceUnavailable
from contracts.money import Money
from contracts.toys import Toy, ToyImage
from support.downstream import FakeDownstream
from support.page_scripts import PageScripts
from support.paths import ROOT
from support.storefront import Toys, toy

ORIGIN = "https://shop.example"
SHELL = (ROOT / "web" / "index.html").read_text()
HOSTILE = "</title></script><script>alert(\"1\")</script><!-- &amp; \u2028 'x'"


class Bucket:
    """S3 with the document of the page."""

    def __init__(self, text: str = SHELL) -> None:
        self.text, self.reads, self.fails = text, 0, False

    def get_object(self, **_: str) -> dict[str, Any]:
        self.reads += 1
        if self.fails:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
        return {"Body": io.BytesIO(self.text.encode())}


class Head(HTMLParser):
    """What a crawler reads in the head of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title, self.meta, self.links = "", {}, {}
        self.data: list[Any] = []
        self.scripts: list[dict[str, str | None]] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._in = tag
        if tag == "meta" and (name := found.get("name") or found.get("property")):
            assert name not in self.meta or name == "theme-color"
            self.meta[name] = found["content"]
        if tag == "link":
            self.links[found["rel"]] = found["href"]
        if tag == "script":
            self.scripts.append(found)

    def handle_data(self, data: str) -> None:
        if self._in == "title":
            self.title += data
        if self._in == "script" and data.strip():
            self.data.append(json.loads(data))

    def handle_endtag(self, _: str) -> None:
        self._in = ""


def pages(*shelf: Toy, origin: str = ORIGIN, bucket: Bucket | None = None) -> ProductPages:
    toys = Toys()
    toys.shelf = {each.id: each for each in shelf}
    stored = bucket or Bucket()
    return ProductPages(Catalogue(toys), Shell(lambda: stored, "page"), origin)


TRAIN = replace(
    toy("toy_1", 123450),
    name="Wooden Train",
    description="Runs on\nevery  track.",
    images=[ToyImage(id="fil_1", url="/files/fil_1", alt="A train")],
)


def test_head_describes_the_toy() -> None:
    page = pages(TRAIN).find("wooden-train-toy_1")
    assert page.status == 200
    head = Head(page.body)
    assert head.title == "Wooden Train · The Toy Shop"
    address = f"{ORIGIN}/toys/wooden-train-toy_1"
    assert head.links["canonical"] == address
    assert head.meta["description"] == "Runs on every track."
    assert (
        head.meta.items()
        >= {
            "og:title": "Wooden Train",
            "og:description": "Runs on every track.",
            "og:type": "product",
            "og:url": address,
            "og:image": f"{ORIGIN}/files/fil_1",
            "og:site_name": "The Toy Shop",
            "product:price:amount": "1234.50",
            "product:price:currency": "AUD",
            "twitter:card": "summary_large_image",
        }.items()
    )
    (data,) = head.data
    assert data["@type"] == "Product"
    assert (data["name"], data["brand"]["name"], data["image"]) == (
        "Wooden Train",
        "Windy",
        [f"{ORIGIN}/files/fil_1"],
    )
    assert (
        data["offers"].items()
        >= {
            "url": address,
            "price": "1234.50",
            "priceCurrency": "AUD",
            "availability": "https://schema.org/InStock",
        }.items()
    )


def test_rest_of_the_document_is_unchanged() -> None:
    body = pages(TRAIN).find("wooden-train-toy_1").body
    assert body.partition("</head>")[2] == SHELL.partition("</head>")[2]
    for line in SHELL.partition("</head>")[0].splitlines():
        assert line in body or "<title>" in line or 'name="description"' in line


@pytest.mark.parametrize("field", ["name", "description", "brand", "category"])
def test_texts_of_a_toy_are_escaped(field: str) -> None:
    hostile = replace(TRAIN, **{field: HOSTILE})
    found = pages(hostile)
    path = found.find("toy_1").location.removeprefix("/toys/") or "toy_1"
    head = Head(found.find(path).body)
    assert head.scripts == [*Head(SHELL).scripts, {"type": "application/ld+json"}]
    (data,) = head.data
    texts = {"name": data["name"], "description": data["description"]}
    texts |= {"brand": data["brand"]["name"], "category": data["category"]}
    assert texts[field] == HOSTILE
    if field == "name":
        assert head.meta["og:title"] == HOSTILE
        assert head.title == f"{HOSTILE} · The Toy Shop"


@pytest.fixture(scope="module")
def page_scripts() -> PageScripts:
    """Return the scripts of the product page."""
    scripts = PageScripts(
        """
        const document = { documentElement: {} };
        const location = { origin: "https://shop.example" };
        class URL { constructor(path, origin) { this.href = origin + path; } }
        for (const name of ["api", "basket", "router"]) modules[`../lib/${name}.js`] = {};
        modules["../lib/storage.js"] = { Stored: class {} };
        modules["./page.js"] = modules["../parts/page.js"] = modules["../texts/shop.js"] = {};
        modules["../vendor/lit-html/lit-html.js"] = {};
        """
    )
    scripts.load("lib/format.js")
    scripts.run('modules["../lib/format.js"] = modules["./format.js"];')
    scripts.load("parts/toy.js")
    scripts.run('modules["../parts/toy.js"] = modules["./toy.js"];')
    scripts.load("views/toy.js")
    return scripts


@pytest.mark.parametrize(
    "toy",
    [
        TRAIN,
        replace(TRAIN, category="ride-ons", min_age=0, images=[]),
        replace(TRAIN, name=HOSTILE, description=HOSTILE, brand=HOSTILE),
        replace(TRAIN, description=""),
        replace(TRAIN, description=" word,  " * 100),
        replace(TRAIN, description="木" * 200),
        replace(TRAIN, description="🚀" * 80 + " " + "🚀" * 80),
        replace(TRAIN, description="a" * 158 + ". " + "b" * 20),
        replace(TRAIN, description="a" * 160),
        replace(TRAIN, price=Money(amount=1500, currency="JPY")),
        replace(TRAIN, price=Money(amount=5, currency="AUD")),
    ],
)
def test_page_describes_a_toy_in_the_same_way(page_scripts: PageScripts, toy: Toy) -> None:
    name = f"{slug(toy.name)}-{toy.id}"
    head = Head(pages(toy).find(name).body)
    sent = msgspec.json.encode(toy).decode()
    found = page_scripts.run(f'return modules["./toy.js"].headOf({sent});')
    assert found["title"] == head.meta["og:title"]
    assert found["description"] == head.meta["description"] == head.meta["og:description"]
    assert ORIGIN + found["canonical"] == head.links["canonical"]
    image = found.get("image")
    assert (image and ORIGIN + image) == head.meta.get("og:image")
    assert found["price"] == {
        "amount": head.meta["product:price:amount"],
        "currency": head.meta["product:price:currency"],
    }
    assert [found["data"]] == head.data


def test_description_of_a_link_is_short() -> None:
    long = replace(TRAIN, description="word, " * 100)
    text = Head(pages(long).find("wooden-train-toy_1").body).meta["description"]
    assert text is not None
    assert re.fullmatch(r"(word, )+word…", text)
    assert len(text) <= 160


def test_description_without_spaces_is_cut() -> None:
    japanese = replace(TRAIN, description="木" * 200)
    text = Head(pages(japanese).find("wooden-train-toy_1").body).meta["description"]
    assert text == "木" * 159 + "…"


def test_currency_without_minor_units() -> None:
    yen = replace(TRAIN, price=Money(amount=1500, currency="JPY"))
    (data,) = Head(pages(yen).find("wooden-train-toy_1").body).data
    assert data["offers"]["price"] == "1500"


@pytest.mark.parametrize("name", ["toy_1", "old-name-toy_1", "Wooden-Train-toy_1", "ü toy_1-toy_1"])
def test_other_address_of_a_toy_is_redirected(name: str) -> None:
    page = pages(TRAIN).find(name)
    assert (page.status, page.location) == (301, "/toys/wooden-train-toy_1")


@pytest.mark.parametrize("name", ["toy_2", "wooden-train-toy_2", "unknown", "toy_", "toy_1/x", ""])
def test_unknown_toy_is_a_404_with_the_page(name: str) -> None:
    page = pages(TRAIN).find(name)
    assert (page.status, page.body, page.caching) == (404, SHELL, "no-store")


def test_document_is_unchanged_while_the_catalogue_is_down() -> None:
    def fail(_: Any) -> Any:
        raise ServiceUnavailable("toys did not answer")

    down = FakeDownstream(getToy=fail)
    page = ProductPages(Catalogue(down), Shell(Bucket, "page"), ORIGIN).find("wooden-train-toy_1")
    assert (page.status, page.body, page.caching) == (503, SHELL, "no-store")


def test_without_an_origin_no_address_is_absolute() -> None:
    head = Head(pages(TRAIN, origin="").find("wooden-train-toy_1").body)
    assert "canonical" not in head.links
    assert {"og:url", "og:image"}.isdisjoint(head.meta)


def test_document_is_refreshed_and_kept_after_failures() -> None:
    bucket, seconds = Bucket("one"), [0.0]
    shell = Shell(lambda: bucket, "page", lambda: seconds[0])
    assert [shell.text(), shell.text()] == ["one", "one"]
    assert bucket.reads == 1
    bucket.text = "two"
    seconds[0] += 16
    assert shell.text() == "two"
    bucket.fails = True
    seconds[0] += 16
    assert shell.text() == "two"
    assert bucket.reads == 3


def test_missing_document_is_unavailable() -> None:
    bucket = Bucket()
    bucket.fails = True
    with pytest.raises(ServiceUnavailable):
        pages(TRAIN, bucket=bucket).find("wooden-train-toy_1")


def test_page_reads_the_toy_once_and_the_document_rarely() -> None:
    toys, bucket = Toys(), Bucket()
    toys.shelf = {TRAIN.id: TRAIN}
    found = ProductPages(Catalogue(toys), Shell(lambda: bucket, "page"), ORIGIN)
    for name in ("wooden-train-toy_1", "toy_1", "wooden-train-toy_1"):
        found.find(name)
        assert toys.pop_operations() == ["getToy"]
    assert bucket.reads == 1
    # AND an address without a toy's id causes no read
    found.find("unknown")
    assert toys.pop_operations() == []
