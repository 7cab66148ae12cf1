"""Product pages and the sitemap, which the edge serves at `/toys/…` and `/sitemap.xml`."""

from chalice.app import Response

from chalicelib.storefront_api.bootstrap import Components
from chalicelib.storefront_api.product_pages import Page
from chassis.api import ServiceBlueprint

routes: ServiceBlueprint[Components] = ServiceBlueprint(__name__)


@routes.serves_document("/pages/toys/{name}", "productPage")
def product_page(name: str) -> Response:
    """Return the product page of a toy."""
    return _response(routes.components.product_pages.find(name), "text/html")


@routes.serves_document("/pages/sitemap.xml", "sitemap")
def sitemap() -> Response:
    """Return the index of the sitemap."""
    return _response(routes.components.sitemap.index(), "application/xml")


@routes.serves_document("/pages/sitemaps/{name}", "sitemapFile")
def sitemap_file(name: str) -> Response:
    """Return a file of the sitemap."""
    return _response(routes.components.sitemap.find(name), "application/xml")


def _response(page: Page, media_type: str) -> Response:
    headers: dict[str, str | list[str]] = {
        "Cache-Control": page.caching,
        # replaced by the edge's policy; below `/api`, the document loads and runs nothing
        "Content-Security-Policy": "default-src 'none'",
    }
    if page.location:
        headers["Location"] = page.location
    else:
        headers["Content-Type"] = f"{media_type}; charset=utf-8"
        headers["ETag"] = page.etag
    return Response(page.body, headers, page.status)
