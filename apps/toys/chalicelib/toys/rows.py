"""Sets of rows as numbers with a bit for each row, and conversions from and to them."""

from collections.abc import Iterator, Sequence
from itertools import compress

_DIGITS = b"0" + b"1" * 255
_FLAGS = bytes(byte == ord("1") for byte in range(256))


def bits_of(rows: Sequence[int], size: int) -> int:
    """Return a number in which the bits of the rows are set.

    Parameters
    ----------
    size
        The number of bits.
    """
    if len(rows) > size // 16:
        flags = bytearray(size)
        for row in rows:
            flags[row] = 1
        return bits_of_flags(flags)
    bits = bytearray(size // 8 + 1)
    for row in rows:
        bits[row >> 3] |= 1 << (row & 7)
    return int.from_bytes(bits, "little")


def bits_of_flags(flags: bytes | bytearray) -> int:
    """Return a number in which the bits of the bytes that are not zero are set."""
    return int(flags[::-1].translate(_DIGITS), 2) if flags else 0


def flags_of(bits: int, size: int) -> bytes:
    """Return a byte for each bit, 1 or 0."""
    return bin(bits)[:1:-1].encode().translate(_FLAGS).ljust(size, b"\0")


def rows_of(bits: int, size: int) -> Iterator[int]:
    """Yield the rows whose bits are set, in ascending order."""
    return compress(range(size), flags_of(bits, size))
