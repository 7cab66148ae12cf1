"""Whether bytes are the picture that they say they are."""

from io import BytesIO

MAX_PIXELS = 40_000_000
"""Largest picture: decoded, it still fits the function's memory several times."""

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}


def flaw_in_picture(content: bytes, content_type: str) -> str | None:
    """Return why bytes are no whole picture of a type, or ``None`` if they are one.

    They are decoded, not just recognised: a signature is easily put in front of anything.
    """
    # Imported where an upload is checked: the API's cold start need not pay for it.
    from PIL import Image

    formats = [_FORMATS[content_type]]
    try:
        with Image.open(BytesIO(content), formats=formats) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels"
            picture.verify()
        # Checksums are verified without decoding, pixels decoded without verifying: hence twice.
        with Image.open(BytesIO(content), formats=formats) as picture:
            picture.load()
    except Image.DecompressionBombError:
        return f"The picture has more than {MAX_PIXELS // 1_000_000} megapixels"
    except Exception:
        # Decoders fail in many ways, and each of them means the same.
        return f"The content is not a whole picture of the type {content_type}"
    return None
