"""Whether bytes are the picture that they say they are."""

import tracemalloc
import zlib
from io import BytesIO

import pytest
from PIL import GifImagePlugin, Image

from chalicelib.file_manager import pictures
from chalicelib.file_manager.pictures import flaw_in_picture

TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}


def picture(content_type: str = "image/png", size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a picture with enough detail that cutting it off shows."""
    image = Image.effect_noise(size, 80).convert("RGB")
    buffer = BytesIO()
    image.save(buffer, TYPES[content_type])
    return buffer.getvalue()


@pytest.mark.parametrize("content_type", TYPES)
def test_a_whole_picture_has_no_flaw(content_type: str) -> None:
    assert flaw_in_picture(picture(content_type), content_type) is None


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("said", TYPES)
def test_a_picture_of_another_type_is_one(content_type: str, said: str) -> None:
    flaw = flaw_in_picture(picture(content_type), said)
    assert (flaw is None) == (content_type == said)


@pytest.mark.parametrize("content_type", TYPES)
def test_a_picture_that_is_cut_off_is_one(content_type: str) -> None:
    whole = picture(content_type)
    flaw = flaw_in_picture(whole[: len(whole) // 2], content_type)
    assert flaw == f"The content is not a whole picture of the type {content_type}"


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
def test_a_signature_is_not_enough(content: bytes, content_type: str) -> None:
    assert flaw_in_picture(content, content_type) is not None


def test_a_huge_picture_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1_000_000)
    monkeypatch.setattr(
        "PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("it was decoded"), raising=True
    )
    content = _blank((1001, 1000))
    assert flaw_in_picture(content, "image/png") == "The picture has more than 1 megapixels"


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "megapixels" in (flaw_in_picture(_blank((100, 100)), "image/png") or "")


@pytest.mark.parametrize("chunk", [b"zTXt", b"iTXt", b"iCCP"])
def test_what_is_packed_beside_the_pixels_is_not_unpacked_without_end(chunk: bytes) -> None:
    # GIVEN a small picture with a text or a colour profile that unpacks to 64 MB
    packed = zlib.compress(bytes(64 * 1024 * 1024), 9)
    head = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[chunk]
    data = chunk + head + packed
    whole = picture()
    at = whole.index(b"IDAT") - 4
    length, check = len(data[4:]).to_bytes(4, "big"), zlib.crc32(data).to_bytes(4, "big")
    tracemalloc.start()
    flaw_in_picture(whole[:at] + length + data + check + whole[at:], "image/png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_an_animation_is_not_decoded_frame_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    seek = GifImagePlugin.GifImageFile.seek
    monkeypatch.setattr(
        GifImagePlugin.GifImageFile, "seek", lambda self, at: (seen.append(at), seek(self, at))
    )
    frames = [Image.new("P", (8, 8), colour) for colour in range(200)]
    buffer = BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    seen.clear()
    assert flaw_in_picture(buffer.getvalue(), "image/gif") is None
    assert set(seen) <= {0}


def _blank(size: tuple[int, int]) -> bytes:
    buffer = BytesIO()
    Image.new("1", size).save(buffer, "PNG")
    return buffer.getvalue()
