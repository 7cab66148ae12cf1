"""Toys and their images, added through the API as staff do."""

import io
from typing import Any

from PIL import Image

from support.http import http
from support.running_shop import Shop


def png(width: int = 20) -> bytes:
    """Return the bytes of a PNG image that is 20 pixels high."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, 20), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def upload(ticket: dict[str, Any], content: bytes, content_type: str) -> int:
    boundary = "a-boundary-of-the-tests"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in ticket["upload"]["fields"].items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n'
        f"Content-Type: {content_type}\r\n\r\n".encode()
        + content
        + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    headers |= ticket["upload"]["headers"]
    answer = http(ticket["upload"]["method"], ticket["upload"]["url"], b"".join(parts), headers)
    return answer.status


def new_toy(shop: Shop, staff: str, name: str) -> dict[str, Any]:
    draft = {
        "name": name,
        "description": "",
        "category": "robots",
        "brand": "Chain",
        "price": {"amount": 500, "currency": "AUD"},
        "min_age": 3,
        "attributes": {},
    }
    answer = shop.api("POST", "/toys", draft, staff)
    assert answer.status == 201, answer.body
    toy: dict[str, Any] = answer.json
    return toy


def announce(shop: Shop, staff: str, toy_id: str, size: int) -> dict[str, Any]:
    body = {"content_type": "image/png", "size": size, "alt": "An image"}
    answer = shop.api("POST", f"/toys/{toy_id}/images", body, staff)
    assert answer.status == 201, answer.body
    ticket: dict[str, Any] = answer.json
    return ticket
