"""The check of uploads, and the images that are published for them."""

import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from PIL import GifImagePlugin, Image, ImageCms, PngImagePlugin

from chalicelib.file_manager import images
from chalicelib.file_manager.images import (
    RejectedImageError,
    published_image,
    size_of,
    variants_of,
)

TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
SECRET = b"41.40338,2.17403"
"""What must not become public, such as a GPS position."""
WIDTHS = (320, 640, 1280)


def encoded(image: Image.Image, content_type: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, TYPES[content_type], **options)
    return buffer.getvalue()


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return an image with so much detail that truncating it is noticed."""
    return Image.effect_noise(size, 80).convert("RGB")


def image_bytes(content_type: str = "image/png", size: tuple[int, int] = (64, 48)) -> bytes:
    return encoded(noise(size), content_type)


def decoded(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content)) as image:
        image.load()
        return image


def pixel(content: bytes, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    found = decoded(content).convert("RGBA").getpixel(at)
    assert isinstance(found, tuple)
    return tuple(int(channel) for channel in found)


def is_close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(abs(a - b) <= 4 for a, b in zip(one, other, strict=True))


def chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + check


def raw_png(
    size: tuple[int, int], depth: int, color: int, row: bytes, *further: tuple[bytes, bytes]
) -> bytes:
    """Return a PNG of equal rows, with further chunks before its pixels."""
    head = struct.pack(">IIBBBBB", *size, depth, color, 0, 0, 0)
    rows = zlib.compress((b"\0" + row) * size[1])
    chunks = ((b"IHDR", head), *further, (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def rejection(content: bytes, content_type: str) -> str:
    with pytest.raises(RejectedImageError) as rejected:
        published_image(content, content_type)
    return str(rejected.value)


class TestCheck:
    """Only complete images of the announced type are published."""

    @pytest.mark.parametrize("content_type", TYPES)
    @pytest.mark.parametrize("announced", TYPES)
    def test_type_must_be_as_announced(self, content_type: str, announced: str) -> None:
        content = image_bytes(content_type)
        if content_type == announced:
            published = published_image(content, announced)
            assert decoded(published).format == TYPES[announced]
        else:
            reason = rejection(content, announced)
            kinds = [TYPES[one].replace("WEBP", "WebP") for one in (content_type, announced)]
            assert f"is a {kinds[0]} picture, but was announced as {kinds[1]}" in reason

    @pytest.mark.parametrize("content_type", TYPES)
    def test_truncated_image_is_rejected(self, content_type: str) -> None:
        whole = image_bytes(content_type)
        assert "damaged or incomplete" in rejection(whole[: len(whole) // 2], content_type)

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
    def test_correct_signature_alone_is_rejected(self, content: bytes, content_type: str) -> None:
        assert rejection(content, content_type)

    def test_wrong_checksum_is_rejected(self) -> None:
        content = bytearray(image_bytes())
        content[content.index(b"IEND") - 5] ^= 1
        assert "damaged" in rejection(bytes(content), "image/png")

    def test_huge_image_is_rejected_without_decoding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(images, "MAX_PIXELS", 1_000_000)
        forbid_decoding(monkeypatch)
        content = encoded(Image.new("1", (1001, 1000)), "image/png")
        assert "more than 1 megapixels" in rejection(content, "image/png")

    @pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "image/gif"])
    def test_decompression_bomb_is_rejected_without_decoding(
        self, monkeypatch: pytest.MonkeyPatch, content_type: str
    ) -> None:
        # 65,000 by 65,000 pixels in a few hundred bytes: only the header matters
        forbid_decoding(monkeypatch)
        content = {
            "image/png": raw_png((65_000, 65_000), 1, 0, b"")[:200],
            "image/jpeg": image_bytes("image/jpeg"),
            "image/gif": b"GIF89a" + struct.pack("<HH", 65_000, 65_000) + bytes(3)
            + b"," + struct.pack("<HHHH", 0, 0, 65_000, 65_000) + b"\0\2",
        }[content_type]  # fmt: skip
        if content_type == "image/jpeg":
            at = content.index(b"\xff\xc0") + 5
            content = content[:at] + struct.pack(">HH", 65_000, 65_000) + content[at + 4 :]
        assert "megapixels" in rejection(content, content_type)

    def test_very_long_image_is_rejected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(images, "MAX_SIDE", 99)
        assert "100 pixels long; at most 99" in rejection(image_bytes(size=(1, 100)), "image/png")
        assert published_image(image_bytes(size=(99, 1)), "image/png")

    def test_jpeg_with_countless_scans_is_rejected_without_decoding(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = encoded(noise(), "image/jpeg", progressive=True)
        assert published_image(content, "image/jpeg")
        at = content.rindex(b"\xff\xda")
        forbid_decoding(monkeypatch)
        assert "damaged" in rejection(content[:at] + content[at:-2] * 100, "image/jpeg")

    @pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
    def test_compressed_metadata_is_not_expanded_without_limit(self, kind: bytes) -> None:
        # GIVEN a small image with a text or a color profile that expands to 64 MB
        packed = zlib.compress(bytes(64 * 1024 * 1024), 9)
        head = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[kind]
        content = raw_png((2, 2), 8, 0, b"\0\0", (kind, head + packed))
        tracemalloc.start()
        with suppress(RejectedImageError):
            published_image(content, "image/png")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 * 1024 * 1024

    def test_failure_to_encode_is_not_blamed_on_the_file(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = image_bytes()
        monkeypatch.setattr(images, "_ENCODING", {**images._ENCODING, "PNG": {"pnginfo": 1}})
        with pytest.raises(AttributeError):
            published_image(content, "image/png")


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: Any) -> None:
        pytest.fail("the image was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)


def jpeg_with_metadata() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()  # description
    exif.get_ifd(0x8825)[1] = SECRET.decode()  # GPS
    thumbnail = encoded(Image.new("RGB", (16, 16), "red"), "image/jpeg", comment=SECRET)
    content = encoded(
        noise(),
        "image/jpeg",
        exif=exif,
        xmp=b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>",
        comment=SECRET,
        icc_profile=profile_with_secret(),
    )
    iptc = b"Photoshop 3.0\0008BIM\x04\x04\0\0" + SECRET + thumbnail
    return (
        content[:2]
        + b"\xff\xed"
        + (len(iptc) + 2).to_bytes(2, "big")
        + iptc
        + content[2:]
        + thumbnail
        + SECRET
    )


def png_with_metadata() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Location", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    texts.add(b"prVt", SECRET)
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    return encoded(noise(), "image/png", pnginfo=texts, exif=exif, dpi=(72, 72)) + SECRET


def webp_with_metadata() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    return encoded(noise(), "image/webp", exif=exif, xmp=SECRET, icc_profile=profile_with_secret())


def gif_with_metadata() -> bytes:
    frames = [noise(), Image.new("RGB", (64, 48))]
    return encoded(
        frames[0], "image/gif", comment=SECRET, save_all=True, append_images=frames[1:]
    ) + SECRET  # fmt: skip


def profile_with_secret() -> bytes:
    """Return a usable profile whose unused end names something secret."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + SECRET


class TestMetadata:
    """Nothing of the upload but its pixels is published."""

    @pytest.mark.parametrize(
        ("content_type", "build"),
        [
            ("image/jpeg", jpeg_with_metadata),
            ("image/png", png_with_metadata),
            ("image/webp", webp_with_metadata),
            ("image/gif", gif_with_metadata),
        ],
        ids=["jpeg", "png", "webp", "gif"],
    )
    def test_published_image_contains_pixels_only(
        self, content_type: str, build: Callable[[], bytes]
    ) -> None:
        content = build()
        assert SECRET in content
        published = published_image(content, content_type)
        everything = [published, *(v.content for v in variants_of(published, (32,)))]
        for public in everything:
            assert SECRET not in public
            assert parts_of(public) <= {
                "APP0", "SOF2", "DQT", "DHT", "SOS", "EOI",
                "IHDR", "IDAT", "IEND",
                "VP8 ", "GIF",
            }  # fmt: skip
        assert len(everything) == 2
        assert is_close(decoded(published).size, (64, 48))

    def test_hidden_colors_of_transparent_pixels_are_removed(self) -> None:
        image = Image.new("RGBA", (4, 1), (1, 2, 3, 0))
        image.putpixel((3, 0), (200, 100, 50, 128))
        published = published_image(encoded(image, "image/png"), "image/png")
        assert pixel(published, (0, 0)) == (0, 0, 0, 0)
        assert pixel(published, (3, 0)) == (200, 100, 50, 128)

    @pytest.mark.parametrize("content_type", TYPES)
    def test_only_the_first_frame_of_an_animation_is_published(self, content_type: str) -> None:
        colors = ("red", "green", "blue")
        frames = [Image.new("RGB", (40, 40), color) for color in colors]
        if content_type == "image/jpeg":
            buffer = BytesIO()
            frames[0].save(buffer, "MPO", save_all=True, append_images=frames[1:])
            content = buffer.getvalue()
        else:
            content = encoded(
                frames[0], content_type, save_all=True, append_images=frames[1:], duration=50
            )
        published = published_image(content, content_type)
        assert getattr(decoded(published), "n_frames", 1) == 1
        assert is_close(pixel(published), (255, 0, 0, 255))

    def test_only_the_first_frame_of_an_animation_is_decoded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[int] = []
        seek = GifImagePlugin.GifImageFile.seek
        monkeypatch.setattr(
            GifImagePlugin.GifImageFile,
            "seek",
            lambda self, at: (seen.append(at), seek(self, at)),
        )
        frames = [Image.new("P", (8, 8), color) for color in range(200)]
        content = encoded(frames[0], "image/gif", save_all=True, append_images=frames[1:])
        seen.clear()
        assert published_image(content, "image/gif")
        assert set(seen) <= {0}


def parts_of(content: bytes) -> set[str]:
    """Return the kinds of the segments or chunks of an image file."""
    if content.startswith(b"\xff\xd8"):
        markers = {0xE0: "APP0", 0xC2: "SOF2", 0xC4: "DHT", 0xDB: "DQT", 0xDA: "SOS", 0xD9: "EOI"}
        found = {two[1] for two in pairwise(content) if two[0] == 0xFF} - {0x00, 0xD8, 0xFF}
        return {markers.get(one, f"{one:02x}") for one in found}
    if content.startswith(b"GIF"):
        return {"GIF"} | ({"comment"} if b"\x21\xfe" in content else set())
    big = content.startswith(b"\x89PNG")
    at, kinds = (8 if big else 12), set()
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        if not big:
            kind = content[at : at + 4]
            length = int.from_bytes(content[at + 4 : at + 8], "little")
            length += length % 2
        kinds.add(kind.decode())
        at += length + (12 if big else 8)
    return kinds


class TestOrientation:
    @pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp"])
    @pytest.mark.parametrize(
        ("orientation", "corner"),
        [(1, 0), (2, 1), (3, 2), (4, 3), (5, 0), (6, 3), (7, 2), (8, 1)],
    )
    def test_orientation_of_the_camera_is_applied(
        self, content_type: str, orientation: int, corner: int
    ) -> None:
        # GIVEN four colored corners, clockwise from the top left
        colors = ("red", "lime", "blue", "white")
        image = Image.new("RGB", (96, 64))
        for color, at in zip(colors, ((0, 0), (48, 0), (48, 32), (0, 32)), strict=True):
            image.paste(color, (*at, at[0] + 48, at[1] + 32))
        exif = Image.Exif()
        exif[0x0112] = orientation
        published = published_image(encoded(image, content_type, exif=exif), content_type)
        # THEN the top left corner is the one that the camera says
        assert size_of(published) == ((96, 64) if orientation < 5 else (64, 96))
        expected = Image.new("RGBA", (1, 1), colors[corner]).getpixel((0, 0))
        assert isinstance(expected, tuple)
        assert is_close(pixel(published, (10, 10)), expected)

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_unknown_orientation_is_ignored(self, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encoded(noise(), "image/jpeg", exif=exif)
        assert size_of(published_image(content, "image/jpeg")) == (64, 48)

    @pytest.mark.parametrize(
        "exif",
        [
            b"nonsense",
            b"II*\0\xff\xff\xff\x7f",
            # an orientation that is the text "x"
            b"II*\0\x08\0\0\0" + struct.pack("<HHHI4sI", 1, 0x0112, 2, 2, b"x\0\0\0", 0),
        ],
        ids=["no header", "truncated", "text"],
    )
    def test_unreadable_exif_data_are_ignored(self, exif: bytes) -> None:
        content = encoded(noise(), "image/jpeg", exif=b"Exif\0\0" + exif)
        assert size_of(published_image(content, "image/jpeg")) == (64, 48)


class TestColors:
    """Published images have 8 bits per channel in sRGB."""

    @pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp"])
    def test_wide_gamut_is_converted_to_srgb(self, content_type: str) -> None:
        # a profile whose red and green are swapped makes the conversion visible
        swapped = swapped_profile()
        image = Image.new("RGB", (16, 16), (250, 20, 20))
        published = published_image(encoded(image, content_type, icc_profile=swapped), content_type)
        red, green, _, _ = pixel(published)
        assert green > 200 > 100 > red
        assert "icc_profile" not in decoded(published).info

    def test_alpha_survives_the_conversion(self) -> None:
        image = Image.new("RGBA", (2, 2), (250, 20, 20, 77))
        content = encoded(image, "image/png", icc_profile=swapped_profile())
        red, green, _, alpha = pixel(published_image(content, "image/png"))
        assert (green > 200 > red, alpha) == (True, 77)

    @pytest.mark.parametrize("profile", [b"x", b"\0" * 128, bytes(range(256)) * 3])
    def test_unusable_profile_is_ignored(self, profile: bytes) -> None:
        content = encoded(Image.new("RGB", (2, 2), "teal"), "image/png", icc_profile=profile)
        assert pixel(published_image(content, "image/png")) == (0, 128, 128, 255)

    def test_profile_of_other_channels_is_ignored(self) -> None:
        gray = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        content = encoded(Image.new("RGB", (2, 2), "teal"), "image/png", icc_profile=gray)
        assert pixel(published_image(content, "image/png")) == (0, 128, 128, 255)

    def test_cmyk_becomes_rgb(self) -> None:
        content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "image/jpeg")
        published = published_image(content, "image/jpeg")
        assert decoded(published).mode == "RGB"
        assert is_close(pixel(published), (255, 0, 0, 255))

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (raw_png((1, 1), 16, 0, b"\x80\x80"), (128, 128, 128, 255)),
            (raw_png((1, 1), 16, 4, b"\x80\x80\x40\x40"), (128, 128, 128, 64)),
            (raw_png((1, 1), 16, 2, b"\xff\xff\x80\x80\0\0"), (255, 128, 0, 255)),
            (raw_png((1, 1), 16, 6, b"\xff\xff\x80\x80\0\0\x40\x40"), (255, 128, 0, 64)),
            (raw_png((1, 1), 16, 0, b"\x80\1", (b"tRNS", b"\x80\1")), (0, 0, 0, 0)),
            (raw_png((1, 1), 16, 0, b"\x80\x80", (b"tRNS", b"\x80\x81")), (128, 128, 128, 255)),
            (raw_png((1, 1), 16, 2, b"\x80\1" * 3, (b"tRNS", b"\x80\1" * 3)), (0, 0, 0, 0)),
            (raw_png((1, 1), 1, 0, b"\x80"), (255, 255, 255, 255)),
            (raw_png((1, 1), 1, 0, b"\x80", (b"tRNS", b"\0\1")), (0, 0, 0, 0)),
            (raw_png((1, 1), 1, 0, b"\x80", (b"tRNS", b"\0\0")), (255, 255, 255, 255)),
            (raw_png((1, 1), 4, 0, b"\x80", (b"tRNS", b"\0\x08")), (0, 0, 0, 0)),
            (raw_png((1, 1), 8, 0, b"\x80", (b"tRNS", b"\0\x80")), (0, 0, 0, 0)),
            (raw_png((1, 1), 8, 2, b"\1\2\3", (b"tRNS", b"\0\1\0\2\0\3")), (0, 0, 0, 0)),
            (
                raw_png((1, 1), 8, 3, b"\1", (b"PLTE", b"abcdef"), (b"tRNS", b"\xff\x40")),
                (*b"def", 64),
            ),
            (raw_png((1, 1), 2, 3, b"\x40", (b"PLTE", b"abcdef")), (*b"def", 255)),
        ],
        ids=[
            "gray 16", "gray 16 with alpha", "RGB 16", "RGBA 16", "transparent gray 16",
            "other transparent gray 16", "transparent RGB 16", "gray 1", "transparent white",
            "transparent black", "transparent gray 4", "transparent gray 8", "transparent RGB",
            "palette with alpha", "palette of four",
        ],
    )  # fmt: skip
    def test_png_of_any_depth_keeps_its_colors(
        self, content: bytes, expected: tuple[int, ...]
    ) -> None:
        assert pixel(published_image(content, "image/png")) == expected

    @pytest.mark.parametrize("transparent", [False, True])
    def test_gif_keeps_its_colors_and_transparency(self, transparent: bool) -> None:
        image = Image.new("P", (40, 30), 1)
        image.putpalette([255, 0, 0, 0, 128, 255])
        options = {"transparency": 1} if transparent else {}
        published = published_image(encoded(image, "image/gif", **options), "image/gif")
        assert pixel(published)[3] == (0 if transparent else 255)
        assert transparent or pixel(published) == (0, 128, 255, 255)
        (variant,) = variants_of(published, (20,))
        assert pixel(variant.content)[3] == (0 if transparent else 255)


def swapped_profile() -> bytes:
    """Return sRGB's profile with red and green swapped."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


def test_pillow_is_imported_only_when_an_upload_is_checked() -> None:
    # GIVEN a process of its own, since this one has imported Pillow
    script = (
        "import sys;"
        "from chalicelib.file_manager import bootstrap, images;"
        "assert 'PIL' not in sys.modules, 'imported early';"
        "print(images.size_of(sys.stdin.buffer.read()), 'PIL' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=image_bytes(),
        capture_output=True,
        env=environment,
        check=True,
    )
    assert done.stdout.decode().strip() == "(64, 48) True"


class TestSizes:
    @pytest.mark.parametrize(
        ("size", "published_size", "widths"),
        [
            ((1, 1), (1, 1), []),
            ((319, 5), (319, 5), []),
            ((320, 5), (320, 5), [320]),
            ((1279, 5), (1279, 5), [320, 640]),
            ((2048, 4), (2048, 4), [320, 640, 1280]),
            ((4096, 8), (2048, 4), [320, 640, 1280]),
            ((8, 4096), (4, 2048), []),
            ((5000, 1), (2048, 1), [320, 640, 1280]),
        ],
    )
    @pytest.mark.parametrize("content_type", ["image/png", "image/jpeg"])
    def test_images_are_reduced_and_never_enlarged(
        self,
        content_type: str,
        size: tuple[int, int],
        published_size: tuple[int, int],
        widths: list[int],
    ) -> None:
        content = encoded(Image.new("RGB", size, "teal"), content_type)
        published = published_image(content, content_type)
        assert size_of(published) == published_size
        assert is_close(pixel(published), (0, 128, 128, 255))
        variants = list(variants_of(published, WIDTHS))
        assert [variant.width for variant in variants] == widths
        for variant in variants:
            image = decoded(variant.content)
            assert (image.format, image.size) == ("WEBP", (variant.width, variant.height))
            assert is_close(pixel(variant.content), (0, 128, 128, 255))

    @pytest.mark.parametrize("content_type", TYPES)
    def test_large_image_of_each_type_is_reduced(self, content_type: str) -> None:
        content = encoded(Image.new("RGB", (4200, 30), "teal"), content_type)
        published = published_image(content, content_type)
        assert size_of(published) == (2048, 15)
        assert is_close(pixel(published), (0, 128, 128, 255))

    def test_large_jpeg_is_decoded_at_a_fraction_of_its_size(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        decoded_sizes = []
        resize = Image.Image.resize

        def spy(image: Image.Image, *args: Any, **options: Any) -> Image.Image:
            decoded_sizes.append(image.size)
            return resize(image, *args, **options)

        monkeypatch.setattr(Image.Image, "resize", spy)
        content = image_bytes("image/jpeg", (4200, 40))
        assert size_of(published_image(content, "image/jpeg")) == (2048, 20)
        assert decoded_sizes[0] == (2100, 20)

    def test_variants_keep_the_proportions(self) -> None:
        published = published_image(image_bytes(size=(900, 600)), "image/png")
        variants = list(variants_of(published, WIDTHS))
        assert [(one.width, one.height) for one in variants] == [(320, 213), (640, 427)]
        assert len(variants[0].content) < len(variants[1].content) < len(published)

    def test_same_upload_gives_the_same_bytes(self) -> None:
        content = image_bytes("image/jpeg", (700, 500))
        first, second = (published_image(content, "image/jpeg") for _ in range(2))
        assert first == second
        assert list(variants_of(first, WIDTHS)) == list(variants_of(second, WIDTHS))
