"""Product pages, which the edge serves at `/toys/…`."""

from chalice.app import Response

from chalicelib.storefront_api.bootstrap import Components
from chassis.api import ServiceBlueprint

routes: ServiceBlueprint[Components] = ServiceBlueprint(__name__)


@routes.serves_document("/pages/toys/{name}", "productPage")
def product_page(name: str) -> Response:
    """Return the product page of a toy."""
    page = routes.components.product_pages.find(name)
    headers: dict[str, str | list[str]] = {
        "Cache-Control": page.caching,
        # replaced by the edge's at `/toys/…`; below `/api`, the document loads and runs nothing
        "Content-Security-Policy": "default-src 'none'",
    }
    if page.location:
        headers["Location"] = page.location
    else:
        headers["Content-Type"] = "text/html; charset=utf-8"
        headers["ETag"] = page.etag
    return Response(page.body, headers, page.status)
