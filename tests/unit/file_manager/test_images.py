"""The check that content is a complete image of the announced type."""

import tracemalloc
import zlib
from io import BytesIO

import pytest
from PIL import GifImagePlugin, Image

from chalicelib.file_manager import images
from chalicelib.file_manager.images import image_error

TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}


def image_bytes(content_type: str = "image/png", size: tuple[int, int] = (64, 48)) -> bytes:
    """Return an image with so much detail that truncating it is noticed."""
    image = Image.effect_noise(size, 80).convert("RGB")
    buffer = BytesIO()
    image.save(buffer, TYPES[content_type])
    return buffer.getvalue()


@pytest.mark.parametrize("content_type", TYPES)
def test_complete_image_is_accepted(content_type: str) -> None:
    assert image_error(image_bytes(content_type), content_type) is None


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("announced", TYPES)
def test_image_of_another_type_is_rejected(content_type: str, announced: str) -> None:
    error = image_error(image_bytes(content_type), announced)
    assert (error is None) == (content_type == announced)


@pytest.mark.parametrize("content_type", TYPES)
def test_truncated_image_is_rejected(content_type: str) -> None:
    whole = image_bytes(content_type)
    error = image_error(whole[: len(whole) // 2], content_type)
    assert error == f"The content is not a complete image of the type {content_type}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html>",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
        b"GIF89a/*",
    ],
)
@pytest.mark.parametrize("content_type", TYPES)
def test_correct_signature_alone_is_rejected(content: bytes, content_type: str) -> None:
    assert image_error(content, content_type) is not None


def test_huge_image_is_rejected_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 1_000_000)
    monkeypatch.setattr(
        "PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("the image was decoded"), raising=True
    )
    content = _blank((1001, 1000))
    assert image_error(content, "image/png") == "The image has more than 1 megapixels"


def test_decompression_bomb_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "megapixels" in (image_error(_blank((100, 100)), "image/png") or "")


@pytest.mark.parametrize("chunk", [b"zTXt", b"iTXt", b"iCCP"])
def test_compressed_metadata_is_not_expanded_without_limit(chunk: bytes) -> None:
    # GIVEN a small image with a text or a color profile that expands to 64 MB
    packed = zlib.compress(bytes(64 * 1024 * 1024), 9)
    head = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[chunk]
    data = chunk + head + packed
    whole = image_bytes()
    at = whole.index(b"IDAT") - 4
    length, check = len(data[4:]).to_bytes(4, "big"), zlib.crc32(data).to_bytes(4, "big")
    tracemalloc.start()
    image_error(whole[:at] + length + data + check + whole[at:], "image/png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_only_the_first_frame_of_an_animation_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    seek = GifImagePlugin.GifImageFile.seek
    monkeypatch.setattr(
        GifImagePlugin.GifImageFile, "seek", lambda self, at: (seen.append(at), seek(self, at))
    )
    frames = [Image.new("P", (8, 8), color) for color in range(200)]
    buffer = BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    seen.clear()
    assert image_error(buffer.getvalue(), "image/gif") is None
    assert set(seen) <= {0}


def _blank(size: tuple[int, int]) -> bytes:
    buffer = BytesIO()
    Image.new("1", size).save(buffer, "PNG")
    return buffer.getvalue()
