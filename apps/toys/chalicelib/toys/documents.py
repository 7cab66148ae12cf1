"""The documents of the index's rows, compressed: they are needed only when a toy changes."""

import zlib
from bisect import bisect_right
from itertools import accumulate, compress

import msgspec

_BLOCK = 64


class Document(msgspec.Struct, array_like=True, frozen=True):
    """What the index knows of a toy.

    ``amount`` is its price in minor units, ``updated_on`` the day of its last change as the number
    that ``date.toordinal`` returns.
    """

    name: str
    description: str
    category: str
    brand: str
    amount: int
    min_age: int
    attributes: dict[str, str]
    updated_on: int


class StoredDocuments(msgspec.Struct, array_like=True):
    """Documents in a snapshot: compressed blocks, and the number of documents in each."""

    blocks: list[bytes]
    sizes: list[int]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Document])


def _pack(documents: list[Document]) -> bytes:
    return zlib.compress(_encoder.encode(documents), 6)


def _unpack(block: bytes) -> list[Document]:
    return _decoder.decode(zlib.decompress(block))


class Documents:
    """A document for each row."""

    def __init__(self, stored: StoredDocuments | None = None) -> None:
        self._stored = stored or StoredDocuments([], [])
        self._starts = list(accumulate(self._stored.sizes, initial=0))
        self._added: list[Document] = []

    def __len__(self) -> int:
        return self._starts[-1] + len(self._added)

    @property
    def added(self) -> int:
        """The number of documents that are not in a block."""
        return len(self._added)

    def stored(self) -> StoredDocuments:
        """Return the documents as they are after a compaction."""
        return self._stored

    def append(self, document: Document) -> None:
        """Add the document of a new row."""
        self._added.append(document)

    def is_added(self, row: int) -> bool:
        """Return whether a row was added after the last compaction."""
        return row >= self._starts[-1]

    def get(self, row: int) -> Document:
        """Return the document of a row."""
        if self.is_added(row):
            return self._added[row - self._starts[-1]]
        block = bisect_right(self._starts, row) - 1
        return _unpack(self._stored.blocks[block])[row - self._starts[block]]

    def compact(self, present: bytes | None = None) -> None:
        """Compress the added documents.

        Parameters
        ----------
        present
            For each row 1, or 0 if its document is dropped; by default, none is.
        """
        present = present or b"\1" * len(self)
        blocks: list[bytes] = []
        sizes: list[int] = []
        waiting: list[Document] = []

        def write(least: int) -> None:
            while len(waiting) >= least:
                part = waiting[:_BLOCK]
                del waiting[:_BLOCK]
                blocks.append(_pack(part))
                sizes.append(len(part))

        start = 0
        for block, size in zip(self._stored.blocks, self._stored.sizes, strict=True):
            flags = present[start : start + size]
            start += size
            if size >= _BLOCK // 2 and 0 not in flags:
                write(_BLOCK // 2)
                if not waiting:
                    blocks.append(block)
                    sizes.append(size)
                    continue
            waiting += compress(_unpack(block), flags)
            write(_BLOCK)
        waiting += compress(self._added, present[start:])
        write(1)
        self.__init__(StoredDocuments(blocks, sizes))  # type: ignore[misc]
