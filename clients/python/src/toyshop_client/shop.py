"""The client of a shop, blocking and asynchronous."""

from types import TracebackType
from typing import Self

import httpx

from toyshop_client._core import USER_AGENT, Core
from toyshop_client._io import AsyncIO, BlockingIO
from toyshop_client._resources import AsyncShop
from toyshop_client._sync import Shop
from toyshop_client.models import Session
from toyshop_client.retries import Retries


class ToyShop(Shop):
    """The client of a shop; threads may share it.

    Parameters
    ----------
    origin
        The shop's URL, such as ``https://shop.example``.
    session
        The session of a user who signed in earlier.
    retries
        Rules for retries.
    timeout
        How long to wait for a connection, and for each part of a response, in seconds.
    transport
        Sends the requests, for example through a proxy; by default, a pool of connections.
    """

    def __init__(
        self,
        origin: str,
        *,
        session: Session | None = None,
        retries: Retries = Retries(),  # noqa: B008 - it cannot be changed
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        http = httpx.Client(
            headers={"User-Agent": USER_AGENT}, timeout=timeout, transport=transport
        )
        super().__init__(AsyncShop(Core(BlockingIO(http), origin, retries, session)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncToyShop(AsyncShop):
    """The client of a shop for asyncio; tasks of one event loop may share it.

    Parameters
    ----------
    origin
        The shop's URL, such as ``https://shop.example``.
    session
        The session of a user who signed in earlier.
    retries
        Rules for retries.
    timeout
        How long to wait for a connection, and for each part of a response, in seconds.
    transport
        Sends the requests, for example through a proxy; by default, a pool of connections.
    """

    def __init__(
        self,
        origin: str,
        *,
        session: Session | None = None,
        retries: Retries = Retries(),  # noqa: B008 - it cannot be changed
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        http = httpx.AsyncClient(
            headers={"User-Agent": USER_AGENT}, timeout=timeout, transport=transport
        )
        super().__init__(Core(AsyncIO(http), origin, retries, session))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
