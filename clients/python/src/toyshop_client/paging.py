"""Lists that request their pages during iteration."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from toyshop_client._io import iterated

Item_co = TypeVar("Item_co", covariant=True)
Item = TypeVar("Item")


class Page(Protocol[Item_co]):
    """A page of a list."""

    @property
    def items(self) -> Sequence[Item_co]:
        """The items of this page."""

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page; ``None`` on the last page."""


P = TypeVar("P", bound=Page[object])


class AsyncItems(Generic[Item, P]):
    """A list to iterate over with ``async for``; each iteration starts from the beginning.

    Parameters
    ----------
    fetch
        Returns the page that a cursor selects; ``None`` selects the first page.
    """

    def __init__(self, fetch: Callable[[str | None], Awaitable[P]]) -> None:
        self._fetch = fetch

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page.items:
                yield item  # type: ignore[misc]

    async def pages(self) -> AsyncIterator[P]:
        """Yield whole pages, with members such as ``total``."""
        cursor: str | None = None
        while True:
            page = await self._fetch(cursor)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return


class Items(Generic[Item, P]):
    """A list to iterate over with ``for``; each iteration starts from the beginning.

    Parameters
    ----------
    items
        The list over an IO that blocks.
    """

    def __init__(self, items: AsyncItems[Item, P]) -> None:
        self._async = items

    def __iter__(self) -> Iterator[Item]:
        return iterated(aiter(self._async))

    def pages(self) -> Iterator[P]:
        """Yield whole pages, with members such as ``total``."""
        return iterated(self._async.pages())
