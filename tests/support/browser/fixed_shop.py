"""Fixed responses to the page's requests, from the seed catalogue.

Views that are compared with reference pictures must not depend on ids, times or other tests.
Other requests go to the running shop.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from playwright.sync_api import Page, Route

import seed_catalogue
from chalicelib.storefront_api.hops import drawn
from chalicelib.storefront_api.traces import spans_of
from support.browser.checkout import ADDRESS
from support.order_traces import Recording, paid_again, placed_and_declined

Json = dict[str, Any]

NOW = "2026-05-03T04:00:00Z"
CUSTOMER = {"id": "usr_1", "email": "robin@example.com", "name": "Robin Example"}
PAID = "ord_paid0000000000000000000000"
DECLINED = "ord_declined000000000000000000"
TO_CONFIRM = "ord_toconfirm00000000000000000"
_BANDS = [(0, 1999), (2000, 4999), (5000, 9999), (10000, 19999), (20000, 49999), (50000, 99999)]
_SORTS: dict[str, Callable[[Json], Any]] = {
    "price": lambda toy: toy["price"]["amount"],
    "-price": lambda toy: -toy["price"]["amount"],
    "name": lambda toy: toy["name"],
}


def _toys() -> tuple[list[Json], dict[str, bytes]]:
    toys, files = [], {}
    for seed in seed_catalogue.load():
        images = []
        for picture in seed_catalogue.pictures(seed):
            url = f"/files/{picture.filename}"
            files[url] = picture.content
            images.append(
                {"id": picture.filename, "url": url, "alt": picture.alt, "variants": []}
                | {"width": 800, "height": 800}
            )
        fields = msgspec.to_builtins(seed)
        key = fields.pop("key")
        digest = base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()[:26]
        toys.append(
            fields
            | {"id": f"toy_{digest}", "images": images, "version": 2}
            | {"created_at": NOW, "updated_at": NOW}
        )
    # mix the categories, as in a list of new arrivals
    return sorted(toys, key=lambda toy: toy["id"]), files


_EMAIL = {"subject": "Your order", "text": "Hello Alice,\n\nthis is what we sent you.\n"}


def _journey(order_id: str) -> Json:
    """Return the journey of an order that was paid after a decline and a failed attempt."""
    recording = Recording(order_id, datetime.fromisoformat(NOW).timestamp())
    placed_and_declined(recording, "msg_1")
    paid_again(recording, "msg_2")
    spans = [span for one in recording.documents.values() for span in spans_of(one)]
    drawing = drawn(order_id, spans)
    templates = {"msg_1": "payment_declined", "msg_2": "payment_succeeded"}
    journey: Json = msgspec.to_builtins(drawing._asdict())
    return journey | {
        "order_id": order_id,
        "emails": [
            {"id": id_, "hop": hop, "to": CUSTOMER["email"], "template": templates[id_]}
            | {"status": "sent", "sent_at": NOW, "content": _EMAIL}
            for id_, hop in drawing.emails.items()
        ],
        "receipt": True,
        "complete": True,
        "missing": None,
    }


def _token(group: str | None) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"cognito:groups": [group]}).encode()).decode()
    return f"e30.{claims.rstrip('=')}.c2ln"


class FixedShop:
    """Fixed responses; ``attach`` makes a page use them."""

    def __init__(self) -> None:
        self.toys, self._files = _toys()
        self._by_id = {toy["id"]: toy for toy in self.toys}
        orders = [self._order(DECLINED, 2, "declined"), self._order(PAID, 0, "succeeded")]
        self._orders = {order["id"]: order for order in orders}
        self._to_confirm = self._order(TO_CONFIRM, 4, "action_required")

    def named(self, name: str) -> Json:
        """Return the toy with a name."""
        return next(toy for toy in self.toys if toy["name"] == name)

    def attach(
        self, page: Page, *, signed_in: bool = False, staff: bool = False, delay: int = 0
    ) -> None:
        """Answer the requests of a page's browser context, with a session if wanted.

        Parameters
        ----------
        delay
            Delay of each response and picture, in ms.
        """

        def late(handler: Callable[[Route], None]) -> Callable[[Route], None]:
            def handle(route: Route) -> None:
                page.wait_for_timeout(delay)
                handler(route)

            return handle if delay else handler

        page.clock.set_fixed_time(NOW)
        page.context.route("**/api/**", late(self._answer))
        page.context.route("**/files/**", late(self._file))
        page.context.route("**/toys/*", self._document)
        if signed_in:
            session = {"access": _token("staff" if staff else None), "refresh": "r"}
            session |= {"email": CUSTOMER["email"], "isStaff": staff}
            store(page, "session", session)

    def _answer(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        path = address.path.removeprefix("/api")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        answer = self._find(path, query) if route.request.method == "GET" else None
        if answer is None:
            route.continue_()
        else:
            route.fulfill(json=answer, headers={"ETag": '"2"'})

    def _document(self, route: Route) -> None:
        """Return the document of a product page, since the running shop does not have the toy."""
        address = urlsplit(route.request.url)
        if route.request.resource_type == "document":
            route.fulfill(response=route.fetch(url=f"{address.scheme}://{address.netloc}/"))
        else:
            route.fallback()

    def _file(self, route: Route) -> None:
        content = self._files.get(urlsplit(route.request.url).path)
        if content is None:
            route.continue_()
        else:
            route.fulfill(body=content, content_type="image/webp")

    def _find(self, path: str, query: dict[str, str]) -> Json | None:
        match path.strip("/").split("/"):
            case ["toys"]:
                return self._list(query)
            case ["toys", id_] if id_ in self._by_id:
                return self._by_id[id_]
            case ["toys", id_, "images"] if id_ in self._by_id:
                images = self._by_id[id_]["images"]
                return {"items": [image | {"status": "ready", "reason": None} for image in images]}
            case ["orders"]:
                return {"items": list(self._orders.values()), "next_cursor": None}
            case ["orders", id_] if id_ in self._orders:
                return self._orders[id_]
            case ["orders", id_] if id_ == TO_CONFIRM:
                return self._to_confirm
            case ["orders", id_, "journey"]:
                return _journey(id_)
            case ["users", "me"]:
                return CUSTOMER
        return None

    def _list(self, query: dict[str, str]) -> Json:
        words = query.get("q", "").lower().split()
        tests: dict[str, Callable[[Json], bool]] = {
            "q": lambda toy: all(word in toy["name"].lower() for word in words),
            "category": lambda toy: toy["category"] == query.get("category", toy["category"]),
            "brand": lambda toy: toy["brand"] == query.get("brand", toy["brand"]),
            "age": lambda toy: toy["min_age"] <= int(query.get("age", "99")),
            "price": lambda toy: (
                int(query.get("price_min", "0"))
                <= toy["price"]["amount"]
                <= int(query.get("price_max", "999999"))
            ),
        }

        def found(leave_out: str = "") -> list[Json]:
            kept = [test for name, test in tests.items() if name != leave_out]
            return [toy for toy in self.toys if all(test(toy) for test in kept)]

        toys = found()
        if query.get("sort") in _SORTS:
            toys.sort(key=_SORTS[query["sort"]])
        limit = int(query.get("limit", "20"))
        more = "more" if len(toys) > limit else None
        page: Json = {"items": toys[:limit], "next_cursor": more, "total": len(toys)}
        if "facets" in query:
            page["facets"] = {
                name: dict(Counter(_value(toy, name) for toy in found(name)).most_common())
                for name in query["facets"].split(",")
            }
        return page

    def _order(self, id_: str, first: int, payment: str) -> Json:
        lines = [
            {"toy_id": toy["id"], "name": toy["name"], "quantity": 1}
            | {"unit_price": toy["price"], "line_total": toy["price"]}
            for toy in self.toys[first : first + 2]
        ]
        total = sum(line["line_total"]["amount"] for line in lines)
        paid = payment == "succeeded"
        return {
            "id": id_,
            "customer_id": CUSTOMER["id"],
            "contact": {"name": CUSTOMER["name"], "email": CUSTOMER["email"]},
            "status": "placed",
            "lines": lines,
            "total": {"amount": total, "currency": "AUD"},
            "shipping_address": ADDRESS,
            "version": 1,
            "placed_at": NOW,
            "payment": {
                "status": payment,
                "transaction_id": f"txn_{id_[4:]}",
                "decline_code": "insufficient_funds" if payment == "declined" else None,
                "action": {"client_secret": "secret"} if payment == "action_required" else None,
                "refunded_amount": {"amount": 0, "currency": "AUD"},
                "disputed": False,
                "dispute": None,
            },
            "receipt": paid,
        }


def _value(toy: Json, facet: str) -> str:
    if facet == "price":
        amount = toy["price"]["amount"]
        return next(f"{low}-{high}" for low, high in _BANDS if low <= amount <= high)
    return str(toy["min_age" if facet == "age" else facet])


def store(page: Page, name: str, value: Any) -> None:
    """Store a value in the browser before the page's scripts run, once per tab."""
    text = json.dumps(value)
    page.add_init_script(
        f"sessionStorage.getItem('stored.{name}') || (sessionStorage.setItem('stored.{name}', 1), "
        f"localStorage.setItem('toyshop.{name}', {json.dumps(text)}));"
    )


def basket_of(*toys: Json) -> list[Json]:
    """Return the stored form of a basket with toys."""
    return [
        {"id": toy["id"], "name": toy["name"], "price": toy["price"], "quantity": 1}
        | {"image": toy["images"][0] if toy["images"] else None}
        for toy in toys
    ]
