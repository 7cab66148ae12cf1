"""The base of all models."""

from typing import ClassVar

import msgspec


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the API; ``repr`` hides the values of secret fields.

    Unknown fields of an answer are ignored.
    """

    _secrets: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        fields = (
            f"{name}=***" if name in self._secrets else f"{name}={getattr(self, name)!r}"
            for name in self.__struct_fields__
        )
        return f"{type(self).__name__}({', '.join(fields)})"
