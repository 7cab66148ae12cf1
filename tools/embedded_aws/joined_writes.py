"""Sends the head and body of each response together, so that its client wakes only once."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):  # type: ignore[misc]
    """uvicorn's protocol, which by default writes head and body of a response separately."""

    def connection_made(self, transport: Any) -> None:
        """Join what is written to the connection during one pass of the event loop."""
        super().connection_made(_JoiningTransport(transport))


class _JoiningTransport:
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, part: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(part)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))
