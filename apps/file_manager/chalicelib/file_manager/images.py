"""Checks that the content of an upload is a complete image of the announced type."""

from io import BytesIO

MAX_PIXELS = 40_000_000
"""Most pixels of an image: decoded, it fits in the function's memory several times."""

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}


def image_error(content: bytes, content_type: str) -> str | None:
    """Return why content is not a complete image of a type, or ``None`` if it is one.

    The content is decoded: a correct signature alone proves nothing.

    Parameters
    ----------
    content
        The bytes that were uploaded.
    content_type
        The announced media type.
    """
    # Imported only where an upload is checked, to keep the cold start of the API short.
    from PIL import Image

    formats = [_FORMATS[content_type]]
    try:
        with Image.open(BytesIO(content), formats=formats) as image:
            if image.width * image.height > MAX_PIXELS:
                return f"The image has more than {MAX_PIXELS // 1_000_000} megapixels"
            image.verify()
        # Opened twice: verify() checks the checksums only, and load() decodes the pixels only.
        with Image.open(BytesIO(content), formats=formats) as image:
            image.load()
    except Image.DecompressionBombError:
        return f"The image has more than {MAX_PIXELS // 1_000_000} megapixels"
    except Exception:
        # Decoders raise many types of exceptions, and all of them mean the same.
        return f"The content is not a complete image of the type {content_type}"
    return None
