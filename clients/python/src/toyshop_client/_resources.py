"""A shop and its users, asynchronously."""

from collections.abc import Mapping, Sequence
from typing import Any

from toyshop_client import _operations as operations
from toyshop_client._catalogue import AsyncToys
from toyshop_client._core import Core
from toyshop_client._orders import AsyncOrders
from toyshop_client.models import (
    CodeRequest,
    Confirmation,
    Country,
    NewSession,
    NewUser,
    PasswordReset,
    ProfileChange,
    Session,
    ShopHealth,
    User,
)


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
        """Send a new code to confirm an address, if its account is not confirmed yet."""
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
        self._core.sign_out()

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
