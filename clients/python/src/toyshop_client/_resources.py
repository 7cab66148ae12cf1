"""What a shop offers, asynchronously; ``_sync`` is generated from this module."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from toyshop_client import _operations as operations
from toyshop_client._core import Core
from toyshop_client.errors import (
    PaymentActionRequired,
    PaymentCancelled,
    PaymentDeclined,
    PaymentPending,
)
from toyshop_client.models import (
    CodeRequest,
    Confirmation,
    Country,
    DraftLine,
    ExpectedMoney,
    Image,
    Money,
    NewAddress,
    NewOrder,
    NewPayment,
    NewSession,
    NewToyImage,
    NewUser,
    OrderChange,
    PasswordReset,
    ProfileChange,
    Session,
    ShopHealth,
    ShopOrder,
    ShopOrderPage,
    Toy,
    ToyDraft,
    ToyPage,
    ToyPatch,
    ToyReplacement,
    UploadedImage,
    UploadedImagePage,
    User,
)
from toyshop_client.paging import AsyncItems

Facet = Literal["category", "brand", "age", "price"]
Sort = Literal["relevance", "newest", "price", "-price", "name"]
ImageType = Literal["image/gif", "image/jpeg", "image/png", "image/webp"]
_FIRST_POLL = 0.2
_LONGEST_POLL = 2.0


class AsyncToys:
    """The catalogue."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list(
        self,
        *,
        q: str | None = None,
        category: str | None = None,
        brand: str | None = None,
        age: int | None = None,
        price_min: int | None = None,
        price_max: int | None = None,
        attributes: Mapping[str, str] | None = None,
        sort: Sort | None = None,
        facets: Sequence[Facet] = (),
        page_size: int | None = None,
    ) -> AsyncItems[Toy, ToyPage]:
        """Search the catalogue.

        Parameters
        ----------
        q
            Words to search for.
        category, brand
            Return only toys with exactly this value.
        age
            Return only toys for this age in years.
        price_min, price_max
            Limits of the price, in minor units.
        attributes
            Return only toys whose attributes have exactly these values.
        facets
            What to count the toys of the whole result by; the counts are in each page.
        page_size
            How many toys a request returns, from 1 to 100.
        """

        async def fetch(cursor: str | None) -> ToyPage:
            return await self._core.call(
                operations.search_toys(
                    q=q,
                    category=category,
                    brand=brand,
                    age=age,
                    price_min=price_min,
                    price_max=price_max,
                    attr=attributes,
                    sort=sort,
                    limit=page_size,
                    cursor=cursor,
                    facets=",".join(facets) or None,
                )
            )

        return AsyncItems(fetch)

    async def suggestions(self, q: str, *, limit: int | None = None) -> Sequence[str]:
        """Return queries that complete what has been typed."""
        found = await self._core.call(operations.suggest_toys(q=q, limit=limit))
        return [one.text for one in found.items]

    async def get(self, toy_id: str) -> Toy:
        """Return a toy."""
        return await self._core.call(operations.get_toy(toy_id))

    async def create(self, draft: ToyDraft) -> Toy:
        """Add a toy; for staff."""
        return await self._core.call(operations.create_toy(draft))

    async def replace(self, toy: Toy, replacement: ToyReplacement) -> Toy:
        """Replace a toy, unless it has changed since it was read; for staff.

        Raises
        ------
        PreconditionFailed
            If it has changed.
        """
        return await self._core.call(
            operations.replace_toy(toy.id, replacement, if_match=_etag(toy))
        )

    async def update(self, toy: Toy, changes: ToyPatch) -> Toy:
        """Change fields of a toy, unless it has changed since it was read; for staff.

        Parameters
        ----------
        changes
            The new values; an attribute that is ``None`` is removed.

        Raises
        ------
        PreconditionFailed
            If it has changed.
        """
        return await self._core.call(operations.patch_toy(toy.id, changes, if_match=_etag(toy)))

    async def delete(self, toy: Toy) -> None:
        """Delete a toy, unless it has changed since it was read; for staff.

        Raises
        ------
        PreconditionFailed
            If it has changed.
        """
        await self._core.call(operations.delete_toy(toy.id, if_match=_etag(toy)))

    async def add_image(
        self, toy_id: str, content: bytes, *, content_type: ImageType, alt: str
    ) -> Image:
        """Upload an image of a toy; for staff.

        The image is listed with the toy after the shop has checked it (``images``).

        Parameters
        ----------
        content
            The file.
        alt
            What the image shows, for people who do not see it.
        """
        new = NewToyImage(content_type=content_type, size=len(content), alt=alt)
        ticket = await self._core.call(operations.add_toy_image(toy_id, new))
        await self._core.upload(ticket.upload, content, content_type)
        return ticket.image

    def images(
        self, toy_id: str, *, page_size: int | None = None
    ) -> AsyncItems[UploadedImage, UploadedImagePage]:
        """List the images of a toy with the result of their check, newest first; for staff."""

        async def fetch(cursor: str | None) -> UploadedImagePage:
            return await self._core.call(
                operations.list_toy_images(toy_id, limit=page_size, cursor=cursor)
            )

        return AsyncItems(fetch)

    async def remove_image(self, toy_id: str, image_id: str) -> None:
        """Remove an image of a toy; for staff."""
        await self._core.call(operations.remove_toy_image(toy_id, image_id))


class AsyncOrders:
    """Orders of the user who is signed in; staff see everyone's."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def place(
        self,
        *,
        lines: Sequence[DraftLine],
        shipping_address: NewAddress,
        payment_method: str,
        expected_total: Money | None = None,
        idempotency_key: str | None = None,
    ) -> ShopOrder:
        """Place an order.

        Parameters
        ----------
        payment_method
            A payment method token of the payment gateway.
        expected_total
            The total that the customer has seen.
        idempotency_key
            The same key places the same order; by default, each call has a new one.

        Raises
        ------
        PriceChanged
            If the total is not the expected one; then nothing is placed.
        """
        expected = None
        if expected_total:
            expected = ExpectedMoney(amount=expected_total.amount, currency=expected_total.currency)
        order = NewOrder(
            lines=[*lines],
            shipping_address=shipping_address,
            payment_method=payment_method,
            expected_total=expected,
        )
        return await self._core.call(
            operations.place_order(order, idempotency_key=idempotency_key or _new_key())
        )

    def list(self, *, page_size: int | None = None) -> AsyncItems[ShopOrder, ShopOrderPage]:
        """List orders, newest first."""

        async def fetch(cursor: str | None) -> ShopOrderPage:
            return await self._core.call(operations.list_orders(limit=page_size, cursor=cursor))

        return AsyncItems(fetch)

    async def get(self, order_id: str) -> ShopOrder:
        """Return an order with its payment."""
        return await self._core.call(operations.get_order(order_id))

    async def wait_until_paid(self, order_id: str, *, timeout: float = 60.0) -> ShopOrder:
        """Wait until an order is paid, and return it.

        Parameters
        ----------
        timeout
            How long to wait, in seconds.

        Raises
        ------
        PaymentDeclined
            If the payment was declined.
        PaymentActionRequired
            If the shopper has to confirm the payment.
        PaymentCancelled
            If the order was cancelled or refunded.
        PaymentPending
            If the time is over.
        """
        end = self._core.io.now() + timeout
        pause = _FIRST_POLL
        while True:
            order = await self.get(order_id)
            match order.payment.status:
                case "succeeded":
                    return order
                case "declined":
                    raise PaymentDeclined(order)
                case "action_required":
                    raise PaymentActionRequired(order)
                case "cancelled" | "refunded":
                    raise PaymentCancelled(order)
            left = end - self._core.io.now()
            if left <= 0:
                raise PaymentPending(order)
            await self._core.io.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_POLL)

    async def pay_again(
        self, order_id: str, payment_method: str, *, idempotency_key: str | None = None
    ) -> ShopOrder:
        """Pay an order with another payment method, after a decline.

        Parameters
        ----------
        idempotency_key
            The same key pays once; by default, each call has a new one.

        Raises
        ------
        Conflict
            If the payment is neither declined nor waits for the shopper.
        """
        return await self._core.call(
            operations.pay_again(
                order_id,
                NewPayment(payment_method=payment_method),
                idempotency_key=idempotency_key or _new_key(),
            )
        )

    async def change_address(self, order: ShopOrder, shipping_address: NewAddress) -> ShopOrder:
        """Change the shipping address, unless the order has changed since it was read.

        Raises
        ------
        PreconditionFailed
            If it has changed.
        Conflict
            If it is cancelled.
        """
        return await self._core.call(
            operations.change_order(
                order.id, OrderChange(shipping_address=shipping_address), if_match=_etag(order)
            )
        )

    async def cancel(self, order_id: str) -> ShopOrder:
        """Cancel an order; what was charged is refunded."""
        return await self._core.call(operations.cancel_order(order_id))

    async def receipt(self, order_id: str) -> bytes:
        """Return the receipt of a paid order, a PDF.

        Raises
        ------
        NotFound
            If there is none yet.
        """
        answer = await self._core.respond(operations.get_receipt(order_id))
        # the access token stays here: the receipt is in the storage
        return await self._core.download(str(answer.url.join(answer.headers["Location"])))


class AsyncUsers:
    """Accounts."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def sign_up(self, *, email: str, password: str, name: str) -> User:
        """Create an account; the shop may email a code to confirm the address.

        Raises
        ------
        Conflict
            If the address has an account.
        """
        return await self._core.call(
            operations.sign_up(NewUser(email=email, password=password, name=name))
        )

    async def confirm(self, *, email: str, code: str) -> None:
        """Confirm an address with the code that was emailed to it."""
        await self._core.call(operations.confirm_user(Confirmation(email=email, code=code)))

    async def resend_code(self, email: str) -> None:
        """Send a new code to confirm an address, if it has an account that needs one."""
        await self._core.call(operations.resend_code(CodeRequest(email=email)))

    async def request_password_reset(self, email: str) -> None:
        """Send a code to set a new password, if the address has an account."""
        await self._core.call(operations.request_password_reset(CodeRequest(email=email)))

    async def reset_password(self, *, email: str, code: str, password: str) -> None:
        """Set a new password with the code, and end all sessions of the user."""
        await self._core.call(
            operations.reset_password(PasswordReset(email=email, code=code, password=password))
        )

    async def me(self) -> User:
        """Return the profile of the user who is signed in."""
        return await self._core.call(operations.get_profile())

    async def rename(self, name: str) -> User:
        """Change the name of the user who is signed in."""
        return await self._core.call(operations.change_profile(ProfileChange(name=name)))


class AsyncShop:
    """A shop.

    Attributes
    ----------
    toys
        The catalogue.
    orders
        Orders of the user who is signed in.
    users
        Accounts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self.toys = AsyncToys(core)
        self.orders = AsyncOrders(core)
        self.users = AsyncUsers(core)

    @property
    def session(self) -> Session | None:
        """The session of the user who is signed in."""
        return self._core.session

    async def sign_in(self, email: str, password: str) -> Session:
        """Sign in; the session is used for all calls from now on, and refreshed when it expires.

        Raises
        ------
        Unauthorized
            If the credentials are wrong.
        """
        return await self._core.sign_in(NewSession(email=email, password=password))

    def sign_out(self) -> None:
        """Forget the session."""
        self._core.session = None

    async def countries(self) -> Sequence[Country]:
        """Return the countries that the shop ships to, and what an address needs in each."""
        found = await self._core.call(operations.list_countries())
        return found.items

    async def health(self, *, deep: bool = False) -> ShopHealth:
        """Return whether the shop is available.

        Parameters
        ----------
        deep
            Whether to ask the private services, too.
        """
        return await self._core.call(operations.get_health(deep=1 if deep else None))

    async def openapi(self) -> Mapping[str, Any]:
        """Return the OpenAPI document of the API."""
        return await self._core.call(operations.get_open_api())

    async def close(self) -> None:
        """Close all connections."""
        await self._core.io.close()


def _etag(entity: Toy | ShopOrder) -> str:
    return f'"{entity.version}"'


def _new_key() -> str:
    return str(uuid.uuid4())
