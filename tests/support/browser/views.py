"""Every view of the page, with the state in which it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from support.browser.checkout import ADDRESS
from support.browser.fixed_shop import (
    CUSTOMER,
    DECLINED,
    PAID,
    TO_CONFIRM,
    FixedShop,
    basket_of,
    store,
)

TOY = "Junior Robotics Lab"
IN_BASKET = ("Tin Wind-Up Robot", "Hydraulic Robot Arm")
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}
# options of a browser context
SCREENS: dict[str, dict[str, Any]] = {
    "wide": {"viewport": WIDE},
    "narrow": {"viewport": NARROW, "is_mobile": True, "has_touch": True},
}


@dataclass(frozen=True)
class View:
    """A view: its address, the user who opens it, and their basket."""

    name: str
    address: str
    signed_in: bool = False
    staff: bool = False
    basket: bool = False
    # further steps once it is loaded
    prepare: Callable[[Page], Any] | None = None
    # whether the page's requests get fixed responses, at a fixed time
    fixed: bool = True
    screens: tuple[str, ...] = ("wide", "narrow")
    # status of the document
    status: int = 200

    def __str__(self) -> str:
        return self.name

    def open(self, page: Page, shop: FixedShop, *, delay: int = 0) -> None:
        """Open the view with fixed responses, and wait until it is complete.

        Parameters
        ----------
        delay
            Delay of each response and picture, in ms.
        """
        if self.fixed:
            shop.attach(page, signed_in=self.signed_in, staff=self.staff, delay=delay)
        if self.basket:
            store(page, "basket", basket_of(*map(shop.named, IN_BASKET)))
        if self.signed_in:
            store(page, "address", {"email": CUSTOMER["email"], "address": ADDRESS})
        answer = page.goto(self.address.format(toy=shop.named(TOY)["id"]))
        assert answer
        assert answer.status == self.status
        settle(page)
        if self.prepare:
            self.prepare(page)
            settle(page)


def settle(page: Page) -> None:
    """Wait until the network is idle and what is visible is loaded, with its fonts and pictures."""
    page.wait_for_load_state("networkidle")
    # on a busy machine, the network can be idle before the page has sent its first request
    page.wait_for_function(
        """() => {
            const main = document.querySelector("main");
            if (!main) return true;  // as in Swagger UI
            const isVisible = (element) => {
                const { top, bottom } = element.getBoundingClientRect();
                return bottom > 0 && top < innerHeight;
            };
            const skeletons = [...main.querySelectorAll(".skeleton")];
            return main.childElementCount > 0 && !skeletons.some(isVisible);
        }"""
    )
    page.evaluate(
        """async () => {
            await document.fonts.ready;
            // a picture that is loaded lazily and hidden is never loaded
            const seen = [...document.images].filter((image) => image.loading !== "lazy"
                || (image.checkVisibility() && image.getBoundingClientRect().top < innerHeight));
            await Promise.all(seen.map((image) => image.decode().catch(() => {})));
        }"""
    )


def _open_basket(page: Page) -> None:
    page.get_by_role("link", name="Cart,").click()
    page.get_by_role("dialog").get_by_role("heading").first.wait_for()


def _open_zoom(page: Page) -> None:
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("dialog").wait_for()


def _open_filters(page: Page) -> None:
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("dialog").wait_for()


def _pay_old_price(page: Page) -> None:
    first, *_ = page.evaluate("JSON.parse(localStorage.getItem('toyshop.basket'))")
    price = first["price"] | {"amount": first["price"]["amount"] + 500}
    line = {"toy_id": first["id"], "name": first["name"], "quantity": 1}
    problem = {
        "type": "/problems.html#price-changed",
        "title": "The price has changed",
        "status": 409,
        "detail": "The order comes to another total now.",
        "lines": [line | {"unit_price": price, "line_total": price}],
        "total": price,
    }
    page.route(
        "**/api/orders",
        lambda route: route.fulfill(
            status=409, json=problem, content_type="application/problem+json"
        ),
    )
    page.get_by_role("button", name="Pay").click()
    page.get_by_role("heading", name="The price changed").wait_for()


def _open_operation(page: Page) -> None:
    page.get_by_role("button", name="GET /toys/{toy_id} Return a toy", exact=True).click()
    page.get_by_role("heading", name="Parameters").wait_for()


VIEWS = [
    View("home", "/"),
    View("list", "/c/robots"),
    View("filters", "/c/robots", screens=("narrow",), prepare=_open_filters),
    View("search", "/search?q=robot"),
    View("nothing-found", "/search?q=zzz"),
    View("product", "/toys/junior-robotics-lab-{toy}"),
    View("zoom", "/toys/junior-robotics-lab-{toy}", prepare=_open_zoom),
    View("drawer", "/", basket=True, prepare=_open_basket),
    View("basket", "/basket", basket=True),
    View("empty-basket", "/basket"),
    View("checkout-contact", "/checkout", basket=True),
    View("checkout-delivery", "/checkout?step=delivery", signed_in=True, basket=True),
    View("checkout-payment", "/checkout?step=payment", signed_in=True, basket=True),
    View(
        "checkout-price-changed",
        "/checkout?step=payment",
        signed_in=True,
        basket=True,
        prepare=_pay_old_price,
    ),
    View("order", f"/orders/{PAID}", signed_in=True),
    View("declined-order", f"/orders/{DECLINED}", signed_in=True),
    View("order-to-confirm", f"/orders/{TO_CONFIRM}", signed_in=True),
    View("orders", "/orders", signed_in=True),
    View("sign-in", "/account"),
    View("sign-up", "/account/create"),
    View("confirm-email", "/account/confirm"),
    View("forgotten-password", "/account/forgot"),
    View("reset-password", "/account/reset"),
    View("account", "/account", signed_in=True),
    View("staff-orders", "/staff/orders", signed_in=True, staff=True),
    View("staff-order", f"/staff/orders/{PAID}", signed_in=True, staff=True),
    View("journey", f"/journey/{PAID}", signed_in=True, staff=True),
    View("staff-toys", "/staff/toys", signed_in=True, staff=True),
    View("staff-toy", "/staff/toys/{toy}", signed_in=True, staff=True),
    View("staff-new-toy", "/staff/toys/new", signed_in=True, staff=True),
    View("not-found", "/nowhere", status=404),
    View("docs", "/docs/", prepare=_open_operation, fixed=False),
    View("docs-events", "/docs/events.html", fixed=False),
    View("docs-problems", "/problems.html", fixed=False),
]
FIRST_VIEWS = [view for view in VIEWS if view.name in ("home", "list", "search", "product")]
