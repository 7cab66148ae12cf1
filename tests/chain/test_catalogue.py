"""The catalog and its images at the public origin."""

import io
from collections import Counter
from html import escape
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from PIL import Image

from support.http import Answer, http
from support.images import announce, new_toy, png, upload
from support.running_shop import Shop
from support.waiting import eventually

LOCATION = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


def all_pages(shop: Shop, query: str) -> list[dict[str, Any]]:
    toys, cursor = [], ""
    while True:
        answer = shop.api("GET", f"/toys?{query}{cursor}")
        assert answer.status == 200, answer.body
        page = answer.json
        toys += page["items"]
        if page["next_cursor"] is None:
            return toys
        cursor = f"&cursor={page['next_cursor']}"


def test_pages_of_the_catalog_contain_each_toy_once(shop: Shop) -> None:
    toys = all_pages(shop, "limit=17")
    assert len(toys) >= 200
    assert max(Counter(toy["id"] for toy in toys).values()) == 1
    assert len({toy["category"] for toy in toys}) >= 12
    prices = [toy["price"]["amount"] for toy in all_pages(shop, "limit=40&sort=price")]
    assert prices == sorted(prices)
    assert len(prices) == len(toys)


def test_search_matches_word_prefixes_in_any_order_and_case(shop: Shop) -> None:
    toy = shop.toys[5]
    words = [word for word in toy["name"].split() if word.isalpha()][:2]
    query = "%20".join(word[:4].upper() for word in reversed(words))
    found = all_pages(shop, f"q={query}&limit=100")
    assert toy["id"] in [other["id"] for other in found]
    assert len(found) < 100
    assert all_pages(shop, "q=zzzzqqq") == []


def test_suggestions_find_toys(shop: Shop) -> None:
    # GIVEN the beginning of a brand, WHEN it is continued
    brand = shop.toys[5]["brand"]
    answer = shop.api("GET", f"/toys/suggestions?q={quote(brand[:3].lower())}&limit=20")
    texts = [item["text"] for item in answer.json["items"]]
    # THEN the brand is suggested, and each suggestion finds toys
    assert brand in texts
    for text in texts[:3]:
        assert shop.api("GET", f"/toys?q={quote(text)}").json["total"] > 0


def test_page_of_a_toy_describes_it_and_an_unknown_one_is_a_404(shop: Shop) -> None:
    toy = shop.toys[5]
    moved = http("GET", f"{shop.origin}/toys/{toy['id']}")
    assert moved.status == 301
    page = http("GET", shop.origin + moved.headers["Location"])
    assert page.status == 200
    assert f"<title>{escape(toy['name'])} ·" in page.body.decode()
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    unknown = http("GET", f"{shop.origin}/toys/kite-toy_{'0' * 26}")
    assert unknown.status == 404
    assert b"<title>The Toy Shop</title>" in unknown.body


def test_sitemap_lists_the_pages_of_all_toys(shop: Shop) -> None:
    def sitemap(path: str) -> Answer | None:
        answer = http("GET", shop.origin + path)
        if answer.status == 503:
            # there is no snapshot yet; the first search of a process makes an index
            shop.api("GET", "/toys?limit=1")
            return None
        return answer

    def addresses(path: str) -> list[str]:
        answer = eventually(lambda: sitemap(path))
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
        return [str(found.text) for found in ElementTree.fromstring(answer.body).iter(LOCATION)]

    robots = http("GET", f"{shop.origin}/robots.txt").body.decode()
    index = robots.partition("\nSitemap: ")[2].strip()
    files = addresses(index.removeprefix(shop.origin))
    pages = [page for file in files for page in addresses(file.removeprefix(shop.origin))]
    assert f"{shop.origin}/" in pages
    toy = shop.toys[5]
    assert f"{shop.origin}/c/{quote(toy['category'])}" in pages
    (page,) = (page for page in pages if page.endswith(f"-{toy['id']}"))
    assert http("GET", page).status == 200


def test_total_and_facets_count_the_whole_result(shop: Shop) -> None:
    page = shop.api("GET", "/toys?limit=1&facets=category").json
    assert page["total"] == len(all_pages(shop, "limit=100"))
    assert sum(page["facets"]["category"].values()) == page["total"]


def test_every_seeded_toy_has_an_image(shop: Shop) -> None:
    toys = [toy for toy in all_pages(shop, "limit=100") if "Chain" not in toy["brand"]]
    assert [toy["name"] for toy in toys if not toy["images"]] == []
    image = http("GET", shop.origin + toys[0]["images"][0]["url"])
    assert image.status == 200
    assert image.headers["Content-Type"].startswith("image/")
    assert "immutable" in image.headers["Cache-Control"]
    Image.open(io.BytesIO(image.body)).verify()


def test_image_appears_after_its_check_and_can_be_removed(shop: Shop, staff: str) -> None:
    toy = new_toy(shop, staff, "Robot with an Image")
    content = png(width=400)
    ticket = announce(shop, staff, toy["id"], len(content))
    url = shop.origin + ticket["image"]["url"]
    assert http("GET", url).status == 404
    assert upload(ticket, content, "image/png") in (200, 201, 204)

    def images() -> Any:
        return shop.api("GET", f"/toys/{toy['id']}").json["images"]

    (image,) = eventually(images)
    assert image.items() >= ticket["image"].items()
    shown = Image.open(io.BytesIO(http("GET", url).body))
    assert (image["width"], image["height"]) == shown.size == (400, 20)
    (variant,) = image["variants"]
    copy = http("GET", shop.origin + variant["url"])
    assert copy.headers["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(copy.body)).size == (320, 16)
    listed = shop.api("GET", f"/toys/{toy['id']}/images", token=staff).json["items"]
    assert [(one["id"], one["status"]) for one in listed] == [(image["id"], "ready")]
    removed = shop.api("DELETE", f"/toys/{toy['id']}/images/{ticket['image']['id']}", token=staff)
    assert removed.status == 204
    assert images() == []
    for path in (ticket["image"]["url"], variant["url"]):
        assert http("GET", shop.origin + path).status == 404


def test_upload_of_another_content_type_is_never_public(shop: Shop, staff: str) -> None:
    toy = new_toy(shop, staff, "Robot without an Image")
    content = b"<script>alert(1)</script>" * 10
    ticket = announce(shop, staff, toy["id"], len(content))
    upload(ticket, content, "image/png")

    file_id = ticket["image"]["id"]
    eventually(lambda: shop.items("file-manager")[file_id]["status"]["S"] == "rejected")
    assert http("GET", shop.origin + ticket["image"]["url"]).status == 404
    assert shop.api("GET", f"/toys/{toy['id']}").json["images"] == []
    (listed,) = shop.api("GET", f"/toys/{toy['id']}/images", token=staff).json["items"]
    assert (listed["id"], listed["status"]) == (file_id, "rejected")
    assert "not a picture" in listed["reason"]


def test_web_page_and_openapi_document_are_served(shop: Shop) -> None:
    page = http("GET", shop.origin + "/")
    assert page.status == 200
    assert "text/html" in page.headers["Content-Type"]
    document = shop.api("GET", "/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert "/orders/{order_id}/receipt" in document["paths"]
