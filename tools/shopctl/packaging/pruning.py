"""Which files of the dependencies are shipped, and under which names.

Libraries are shipped as byte-code without their source, at the place where Python looks for a
module without a source. Our own code keeps its source, so that stack traces show its lines.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_BOTOCORE_MODEL = re.compile(r"(?:botocore|boto3)/data/([^/]+)/")
_BYTE_CODE = re.compile(r"(?P<directory>.*/|)__pycache__/(?P<module>[^/]+)\.[^./]+\.pyc")

_UNUSED = re.compile(
    "|".join(
        (
            # read by type checkers and compilers
            r".*\.(pyi|pxd|c|h)",
            r"(.*/)?py\.typed",
            r"(.*/)?tests?/.*",
            # email-validator imports dnspython to look a domain up, which the shop never does
            r"dns/.*",
            # time zones by name; botocore uses only UTC, offsets and the local zone
            r"dateutil/(zoneinfo/.*|rrule\.py)",
            # types of parameters, and the classes of events that only Stripe's API v2 sends
            r"stripe/(params|events)/.*",
            # Pillow: AVIF, text and Tk, with the libraries that only they use. The formats that
            # file_manager accepts need no other plugin; Pillow skips those that are missing.
            r"PIL/_(avif|imagingft|imagingtk)\..*",
            r"pillow\.libs/lib(avif|brotli\w*|freetype|harfbuzz|png\d*)-.*",
            r"PIL/(?!(Bmp|Gif|Jpeg|Mpo|Png|Ppm|Tiff|WebP)ImagePlugin)\w+(ImagePlugin|ImageFile)\.py",
            r"PIL/(FontFile|ImageDraw2?|ImageFont|ImageGrab|ImageQt|ImageShow|ImageText|ImageTk"
            r"|ImageWin|PSDraw|PdfParser)\.py",
        )
    )
)
"""Files that no service uses, by the name of a module's source."""


def delete_unused(tree: Path) -> None:
    """Delete the installed files that no service uses, before they are compiled."""
    for path in tree.rglob("*"):
        if path.is_file() and _UNUSED.fullmatch(path.relative_to(tree).as_posix()):
            path.unlink()


def shipped(files: Iterable[tuple[str, Path]], aws: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """Yield the name in the package and the path of each file that is shipped.

    Parameters
    ----------
    files
        Name and path of each file of the installed dependencies.
    aws
        Names of the AWS services whose API descriptions are used; empty for all.
    """
    found = dict(files)
    compiled = {name: source for name in found if (source := _source_of(name))}
    sources = set(compiled.values())
    for name, path in found.items():
        model = _BOTOCORE_MODEL.match(name)
        if name in sources or (model and aws and model.group(1) not in aws):
            continue
        yield (f"{compiled[name]}c" if name in compiled else name), path


def _source_of(name: str) -> str | None:
    """Return the name of the source of a file with byte-code; None if it is another file."""
    found = _BYTE_CODE.fullmatch(name)
    return found and f"{found['directory']}{found['module']}.py"
