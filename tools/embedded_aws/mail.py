"""Writes every email that SES accepts to a file at once, so that it survives a kill."""

import base64
import contextvars
import json
import time
from pathlib import Path
from typing import Any

from ministack.services import ses, ses_v2

_SEND_PATH = "/v2/email/outbound-emails"
_is_raw = contextvars.ContextVar("is_raw", default=False)


def install(directory: Path) -> None:
    """Write each message to ``directory/<nanoseconds>.eml``."""
    directory.mkdir(parents=True, exist_ok=True)

    def store(source: str, recipients: list[str], message: str | bytes) -> None:
        content = message.encode() if isinstance(message, str) else message
        envelope = f"X-Envelope-From: {source}\r\nX-Envelope-To: {', '.join(recipients)}\r\n"
        path = directory / f"{time.time_ns()}.eml"
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(envelope.encode() + content)
        unfinished.rename(path)

    def relay(source: str, recipients: list[str], message: str) -> None:
        # ministack rebuilds a raw message from the parts it understands; the original is stored
        if not _is_raw.get():
            store(source, recipients, message)

    handle = ses_v2.handle_request

    async def handle_request(
        method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> Any:
        raw = _raw_message(body) if method == "POST" and path.rstrip("/") == _SEND_PATH else None
        token = _is_raw.set(raw is not None)
        try:
            response = await handle(method, path, headers, body, query_params)
        finally:
            _is_raw.reset(token)
        if raw and response[0] == 200:
            sent = json.loads(body)
            recipients = sent.get("Destination", {}).get("ToAddresses", [])
            store(sent.get("FromEmailAddress", ""), recipients, raw)
        return response

    # where ministack would relay to an SMTP server
    ses._smtp_relay = ses_v2._smtp_relay = relay
    # it parses and rebuilds raw messages, which takes longer than composing them
    ses_v2._parse_raw_mime = lambda _: {}
    ses_v2._build_mime_message = _unless_raw(ses_v2._build_mime_message)
    ses_v2.handle_request = handle_request


def _unless_raw(build: Any) -> Any:
    return lambda *parts: "" if _is_raw.get() else build(*parts)


def _raw_message(body: bytes) -> bytes | None:
    data = json.loads(body or b"{}").get("Content", {}).get("Raw", {}).get("Data")
    return base64.b64decode(data) if data else None
