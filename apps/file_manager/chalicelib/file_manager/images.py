"""The check of uploaded images, and their conversion into the images that the shop publishes.

A published image consists of new pixels only: it is encoded again, so nothing else of the upload
(metadata, thumbnails, further frames, bytes after the end) becomes public.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 40_000_000
"""Most pixels of an image: decoded, it fits in the function's memory several times."""

MAX_SIDE = 30_000
"""Longest side of an image in pixels: decoders need memory for each row."""

MAX_SCANS = 100
"""Most scans of a JPEG; each one may take as long as decoding the image once."""

PUBLISHED_SIDE = 2048
"""Longest side of a published image in pixels."""

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
_NAMES = {"PNG": "PNG", "JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WebP", "GIF": "GIF"}
_START_OF_SCAN = b"\xff\xda"
_ORIENTATION = 0x0112
_BIT_DEPTH_AT = 24
"""Position of the bit depth in a PNG: its signature and its first chunk have fixed sizes."""

_ENCODING: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 88, "progressive": True, "optimize": True},
    "PNG": {},
    # Higher methods save a tenth of the bytes and take more than twice as long.
    "WEBP": {"quality": 90, "method": 2},
    "GIF": {},
}
VARIANT_TYPE = "image/webp"
_VARIANT_ENCODING = {"quality": 80, "method": 2}
_DAMAGED = "The file is damaged or incomplete. Open it, save it as a new file, and upload that."
_MODES_OF_PROFILE = {"GRAY": ("L",), "RGB": ("L", "RGB"), "CMYK": ("CMYK",)}


class RejectedImageError(Exception):
    """The content cannot be published; the message is a text for staff."""


class Picture(Struct, frozen=True):
    """An encoded image.

    Attributes
    ----------
    content
        The bytes of the file.
    width, height
        Size in pixels.
    """

    content: bytes
    width: int
    height: int


def published_image(content: bytes, content_type: str) -> bytes:
    """Return the image to publish for an upload.

    It stands upright, is in sRGB, and no side is longer than 2,048 pixels. Of an animation, it is
    the first frame.

    Parameters
    ----------
    content
        The bytes that were uploaded.
    content_type
        The announced media type, which the published image has too.

    Raises
    ------
    RejectedImageError
        If the content is not a complete image of the announced type, or too large to decode.
    """
    announced = _FORMATS[content_type]
    with _rejecting_what_decoders_refuse():
        _check_before_decoding(content, announced)
        image, profile, orientation = _decoded(content, announced)
    return _encoded(
        _upright(_in_srgb(image, profile), orientation), announced, _ENCODING[announced]
    )


def size_of(content: bytes) -> tuple[int, int]:
    """Return the width and height in pixels of a published image."""
    # Imported only where an upload is checked, to keep the cold start of the API short.
    from PIL import Image

    with Image.open(BytesIO(content)) as image:
        return image.size


def variants_of(content: bytes, widths: tuple[int, ...]) -> Iterator[Picture]:
    """Yield smaller copies of a published image in WebP.

    Parameters
    ----------
    content
        The published image.
    widths
        Widths of the copies in pixels. An image is never enlarged: widths above its own are left
        out.
    """
    from PIL import Image

    with Image.open(BytesIO(content)) as published:
        published.load()
        image = _in_full_color(published)
    for width in widths:
        if width <= image.width:
            size = (width, max(1, round(image.height * width / image.width)))
            smaller = image.resize(size, Image.Resampling.LANCZOS)
            yield Picture(_encoded(smaller, "WEBP", _VARIANT_ENCODING), *size)


@contextmanager
def _rejecting_what_decoders_refuse() -> Iterator[None]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except RejectedImageError:
        raise
    except Image.DecompressionBombError:
        raise RejectedImageError(_too_many_pixels()) from None
    except Exception as error:
        # Decoders raise many types of exceptions, and all of them mean the same.
        raise RejectedImageError(_DAMAGED) from error


def _check_before_decoding(content: bytes, announced: str) -> None:
    """Check what the file's header says, without decoding a pixel."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(BytesIO(content), formats=list(_ENCODING))
    except UnidentifiedImageError:
        raise RejectedImageError(
            "The file is not a picture that can be read. Upload a complete JPEG, PNG, WebP or GIF."
        ) from None
    with image:
        found, expected = _NAMES[image.format or ""], _NAMES[announced]
        if found != expected:
            raise RejectedImageError(
                f"The file is a {found} picture, but was announced as {expected}. "
                "Upload it again with its own type."
            )
        if image.width * image.height > MAX_PIXELS:
            raise RejectedImageError(_too_many_pixels())
        if max(image.size) > MAX_SIDE:
            raise RejectedImageError(
                f"The picture is {max(image.size)} pixels long; at most {MAX_SIDE} are possible. "
                "Make it smaller and upload it again."
            )
        if announced == "JPEG" and content.count(_START_OF_SCAN) > MAX_SCANS:
            raise RejectedImageError(_DAMAGED)
        # Checks the checksums of a PNG, which decoding does not.
        image.verify()


def _too_many_pixels() -> str:
    return (
        f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels. "
        "Make it smaller and upload it again."
    )


def _decoded(content: bytes, announced: str) -> "tuple[Image.Image, bytes, int]":
    """Return the first frame in its published size, its color profile and its orientation."""
    from PIL import Image

    # Opened again: nothing can be read from an image after verify().
    with Image.open(BytesIO(content), formats=[announced]) as image:
        size = _published_size(*image.size)
        # A large JPEG is decoded at a half, a quarter or an eighth of its size.
        image.draft(None, size)
        image.load()
        if announced == "PNG":
            _scale_transparent_color(image, depth=content[_BIT_DEPTH_AT])
        profile = image.info.get("icc_profile") or b""
        orientation = _orientation(image)
        decoded = _in_full_color(image)
    # A WebP decoder keeps three images of the original size.
    del image
    if decoded.size != size:
        decoded = decoded.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return decoded, profile, orientation


def _scale_transparent_color(image: "Image.Image", depth: int) -> None:
    """Scale the color that a PNG makes transparent to 8 bits, as its pixels are.

    Parameters
    ----------
    depth
        Bits per channel in the file.
    """
    color = image.info.get("transparency")
    if image.mode == "RGB" and depth == 16 and isinstance(color, tuple):
        image.info["transparency"] = tuple(channel >> 8 for channel in color)
    elif image.mode == "L" and isinstance(color, int):
        image.info["transparency"] = color * 255 // (2**depth - 1)


def _published_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, PUBLISHED_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _orientation(image: "Image.Image") -> int:
    # Browsers ignore Exif data that cannot be read, too.
    with suppress(Exception):
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def _in_full_color(image: "Image.Image") -> "Image.Image":
    """Return an image with 8 bits per channel and no palette, in L, LA, RGB, RGBA or CMYK."""
    if image.mode.startswith("I"):
        return _in_8_bits(image)
    if image.has_transparency_data:
        mode = "LA" if image.mode in ("1", "L", "LA") else "RGBA"
    elif image.mode in ("L", "RGB", "CMYK"):
        mode = image.mode
    else:
        mode = "L" if image.mode == "1" else "RGB"
    # convert() returns a copy even of the same mode, and a copy of a large image is large.
    return image if image.mode == mode else image.convert(mode)


def _in_8_bits(image: "Image.Image") -> "Image.Image":
    """Return an image of 16 bits per pixel in L, or in LA if one of its grays is transparent."""
    from PIL import ImageChops

    wide = image.convert("I")
    gray = wide.point(lambda value: value * (1 / 257)).convert("L")
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        # convert() clips negative values, so the sum is 0 only where the gray is the same.
        lighter = wide.point(lambda value: value * 1 - transparent).convert("L")
        darker = wide.point(lambda value: value * -1 + transparent).convert("L")
        gray.putalpha(ImageChops.add(lighter, darker).point([0] + [255] * 255))
    return gray


def _in_srgb(image: "Image.Image", profile: bytes) -> "Image.Image":
    """Return an image in the color space that browsers assume, so that it needs no profile.

    A profile may name the device and its owner. One that cannot be used is ignored.
    """
    from PIL import ImageCms

    alpha = image.getchannel("A") if image.mode.endswith("A") else None
    opaque = image.convert(image.mode.removesuffix("A")) if alpha else image
    converted = None
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if opaque.mode in _MODES_OF_PROFILE.get(space, ()):
            converted = ImageCms.profileToProfile(
                opaque if space != "RGB" else opaque.convert("RGB"),
                source,
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
    if converted is None:
        converted = opaque.convert("RGB") if opaque.mode == "CMYK" else opaque
    return _with_alpha(converted, alpha) if alpha else converted


def _with_alpha(image: "Image.Image", alpha: "Image.Image") -> "Image.Image":
    """Return an image with transparent parts, black where nothing can be seen."""
    image.putalpha(alpha)
    image.paste(0, mask=alpha.point([255] + [0] * 255))
    return image


def _upright(image: "Image.Image", orientation: int) -> "Image.Image":
    """Return an image as its camera was held, by the orientation of Exif (1 to 8)."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _encoded(image: "Image.Image", kind: str, options: dict[str, Any]) -> bytes:
    # Encoders write comments, profiles and more of what they find here.
    image.info.clear()
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
