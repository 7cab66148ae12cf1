"""The addresses of the page at CloudFront and at the local edge."""

from urllib.robotparser import RobotFileParser

import pytest

from local_edge import distribution
from shopctl.deploying import page
from shopctl.project import stages
from shopctl.project.layout import Layout
from support.edge_functions import EDGE, code, requested, run

INDEX, DOCS = "/index.html", "/docs/index.html"
TOY = "toy_01KB5Z8V4Q3M2N1P0R9S8T7W6X"
PAGES = [
    "/",
    "/c/puzzles",
    "/c/Board%20games",
    "/c/Arts%2FCrafts",
    "/c/%E7%A9%8D%E6%9C%A8",
    "/c/1.5-year-olds",
    "/search",
    f"/toys/wooden-train-{TOY}",
    f"/toys/{TOY}",
    f"/toys/Old-Name-{TOY}",
    "/toys/toy_1",
    f"/toys/a%5Cb-{TOY}",
    f"/toys/a%252Fb-{TOY}",
    f"/toys/..-{TOY}",
    f"/toys/%2e%2e-{TOY}",
    f"/toys/{'x' * 7_000}-{TOY}",
    "/basket",
    "/checkout",
    "/orders",
    "/orders/ord_01KB5Z8V4Q3M2N1P0R9S8T7W6X",
    "/account",
    "/account/password",
    "/staff",
    "/staff/orders/ord_1",
    f"/staff/toys/{TOY}/edit",
    "/journey/ord_01KB5Z8V4Q3M2N1P0R9S8T7W6X",
]
UNKNOWN = [
    "/nothing",
    "/Basket",
    "/c",
    "/c/",
    "/c/a/b",
    "/toys",
    "/toys/",
    "/toys/wooden-train",
    f"/toys/wooden/train-{TOY}",
    f"/toys/{TOY}/more",
    "/orders/1",
    "/journey",
    "/journey/1",
    "/account/a/b",
    "/docs/nothing",
    "//",
    "//evil.example/",
    "//basket",
    "/basket//more",
    "/basket%2F",
    "/basket\\",
    "/staff//orders",
    "/wp-login.php",
    "/.env",
    "/.git/config",
    # malformed
    "/c/%",
    "/c/%4",
    "/c/%zz",
    "/c/%ff",
    "/c/%C3%28",
    "/c/%ED%A0%80",
    "/c/a%00b",
    "/c/a%0d%0aSet-Cookie:x",
    "/c/%7F",
    # API Gateway would match no route for an escaped slash
    f"/toys/a%2Fb-{TOY}",
    f"/toys/a%2fb-{TOY}",
    f"/toys/..%2F-{TOY}",
    f"/toys/%C0%80-{TOY}",
    f"/toys/a%00b-{TOY}",
    f"/toys/%-{TOY}",
    "/toys/%C0%80",
    "/orders/%",
    "/%2e%2e/index.html",
    # no file has escaped characters in its path
    "/%69ndex.html",
    "/index%2Ehtml",
    "/docs%2Findex.html",
    "/docs/%69ndex.html",
    "/docs/..%2Findex.html",
    "/assets/%2e%2e/index.html",
]
MOVED = {
    "/docs": "/docs/",
    "/basket/": "/basket",
    "/basket//": "/basket",
    "/c/puzzles/": "/c/puzzles",
    f"/toys/train-{TOY}/": f"/toys/train-{TOY}",
    "/staff/orders/": "/staff/orders",
}


@pytest.mark.parametrize("path", PAGES)
def test_address_of_the_page_returns_its_document(path: str) -> None:
    is_toy = path.startswith("/toys/")
    # the storefront returns the document of a product page
    assert requested(path)["uri"] == (path if is_toy else INDEX)
    assert distribution.target(path) == (200, INDEX)
    assert distribution.is_page_of_toy(path) == is_toy


@pytest.mark.parametrize("path", UNKNOWN)
def test_any_other_address_is_not_found(path: str) -> None:
    of_toys = path.startswith("/toys/")
    assert requested(path)["uri"] == ("/toys/unknown" if of_toys else "/not-found.html")
    assert not distribution.is_page_of_toy(path)
    # the local edge looks for a file first
    assert distribution.target(path) in (None, (404, INDEX))


@pytest.mark.parametrize(("path", "to"), MOVED.items())
def test_address_with_an_extra_slash_is_redirected(path: str, to: str) -> None:
    answer = requested(path)
    assert (answer["statusCode"], answer["headers"]["location"]["value"]) == (301, to)
    assert distribution.target(path) == (301, to)


def test_document_of_the_portal_has_a_directory_of_its_own() -> None:
    assert requested("/docs/")["uri"] == DOCS
    assert distribution.target("/docs/") == (200, DOCS)


@pytest.mark.parametrize("path", ["//evil.example/basket/", "/\\evil.example/", "//basket/"])
def test_redirect_never_leaves_the_shop(path: str) -> None:
    assert "statusCode" not in requested(path)
    assert distribution.target(path) in (None, (404, INDEX))


def test_personal_pages_are_excluded_from_crawling() -> None:
    answer = requested("/robots.txt")
    assert (answer["statusCode"], answer["body"]) == (
        200,
        distribution.robots("https://shop.example"),
    )
    assert answer["headers"] == {
        "content-type": {"value": "text/plain; charset=utf-8"},
        "cache-control": {"value": distribution.ROBOTS_CACHING},
    }
    rules = RobotFileParser()
    rules.parse(answer["body"].splitlines())
    assert rules.site_maps() == ["https://shop.example/sitemap.xml"]
    for path in ("/", "/c/puzzles", f"/toys/train-{TOY}", "/search", "/files/fil_1", "/docs/"):
        assert rules.can_fetch("Any", path)
    # AND a crawler that runs the page's scripts may read what they show
    for path in ("/api/toys?facets=category", f"/api/toys/{TOY}"):
        assert rules.can_fetch("Any", path)
    for path in (
        "/api/pages/toys/toy_1",
        "/account/password",
        "/basket",
        "/checkout",
        "/journey/ord_1",
        "/orders/ord_1",
        "/staff",
    ):
        assert not rules.can_fetch("Any", path)


def test_redirect_keeps_the_query() -> None:
    query = {
        "q": {"value": "a%20b"},
        "age": {"value": "3", "multiValue": [{"value": "3"}, {"value": "4"}]},
    }
    answer = requested("/search/", query)
    assert answer["headers"]["location"]["value"] == "/search?q=a%20b&age=3&age=4"


def test_every_published_file_is_read_from_the_bucket() -> None:
    layout = Layout.find()
    stage = stages.load(layout.stages, "local")
    local = distribution.page_headers("http://127.0.0.1:4566")["Cache-Control"]
    for one in page.read(layout, stage).objects:
        assert requested(f"/{one.key}")["uri"] == f"/{one.key}"
        # those whose addresses do not change have the caching of the local edge
        assert one.cache_control == local or one.key.startswith("assets/")


def test_document_for_unknown_addresses_has_status_404() -> None:
    headers = {"content-type": {"value": "text/html"}}
    found = {"statusCode": 200, "headers": headers}
    assert run("NotFound", {"response": found})["statusCode"] == 200
    marked = {"statusCode": 200, "headers": {**headers, "x-amz-meta-status": {"value": "404"}}}
    assert run("NotFound", {"response": marked})["statusCode"] == 404
    # a browser that has the document cached gets a 304
    assert run("NotFound", {"response": {**marked, "statusCode": 304}})["statusCode"] == 304


def test_product_pages_are_served_by_the_storefront() -> None:
    config = EDGE["Distribution"]["Properties"]["DistributionConfig"]
    behavior = config["CacheBehaviors"][0]
    assert (behavior["PathPattern"], behavior["TargetOriginId"]) == ("/toys/*", "pages")
    assert behavior["FunctionAssociations"][0]["FunctionARN"] == {
        "Fn::GetAtt": ["Addresses", "FunctionARN"]
    }
    # product pages have the headers of the page, and are compressed
    page = config["DefaultCacheBehavior"]
    for name in ("ResponseHeadersPolicyId", "CachePolicyId", "Compress", "ViewerProtocolPolicy"):
        assert behavior[name] == page[name]
    origins = {one.pop("Id"): one for one in map(dict, config["Origins"])}
    assert origins["pages"] == {**origins["api"], "OriginPath": "/api/pages"}


def test_sitemap_is_answered_by_the_storefront() -> None:
    config = EDGE["Distribution"]["Properties"]["DistributionConfig"]
    pages, *others = config["CacheBehaviors"]
    behaviors = {one["PathPattern"]: one for one in others}
    for pattern in ("/sitemap.xml", "/sitemaps/*"):
        without = {**pages, "PathPattern": pattern}
        del without["FunctionAssociations"]
        assert behaviors[pattern] == without
        assert distribution.is_of_sitemap(pattern)
    for path in ("/sitemap.xml/", "/sitemaps", "/sitemap", "/c/sitemap.xml"):
        assert not distribution.is_of_sitemap(path)


def test_functions_belong_to_the_page_and_fit_cloudfront() -> None:
    behavior = EDGE["Distribution"]["Properties"]["DistributionConfig"]["DefaultCacheBehavior"]
    assert {
        one["EventType"]: one["FunctionARN"]["Fn::GetAtt"][0]
        for one in behavior["FunctionAssociations"]
    } == {"viewer-request": "Addresses", "viewer-response": "NotFound"}
    for name in ("Addresses", "NotFound"):
        assert len(code(name)) < 10_000
        assert EDGE[name]["Properties"]["AutoPublish"] is True
