"""Reproducible zip files: the same content gives the same bytes."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

# the earliest time a zip can hold
_TIME = (1980, 1, 1, 0, 0, 0)


def write(target: Path, content: Iterable[tuple[str, Path]], *, level: int = 6) -> None:
    """Write files to a zip sorted by name, without times or owners.

    Parameters
    ----------
    target
        Path of the zip; it is created only when it is complete.
    content
        Name in the zip and path of each file; a later file replaces one of the same name.
    level
        Compression level, 1 to 9.
    """
    unfinished = target.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name, path in sorted(dict(content).items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o755 << 16 if path.suffix == ".so" else 0o644 << 16
            archive.writestr(entry, path.read_bytes(), compresslevel=level)
    unfinished.rename(target)


def tree(directory: Path) -> Iterable[tuple[str, Path]]:
    """Yield the name and path of every file under a directory."""
    for path in directory.rglob("*"):
        if path.is_file():
            yield path.relative_to(directory).as_posix(), path
