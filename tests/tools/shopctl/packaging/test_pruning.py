"""Which files of the dependencies are in a package, and where."""

from pathlib import Path

import pytest

from shopctl.packaging.pruning import delete_unused, shipped

ALL = frozenset[str]()


def names(*files: str, aws: frozenset[str] = ALL) -> set[str]:
    return {name for name, _ in shipped(((file, Path(file)) for file in files), aws)}


def left(tree: Path, file: str) -> set[str]:
    """Return what is left of a tree with one file after unused ones are deleted."""
    (tree / file).parent.mkdir(parents=True)
    (tree / file).touch()
    delete_unused(tree)
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}


def test_module_is_shipped_as_byte_code_where_python_looks_without_a_source() -> None:
    files = ("a/b.py", "a/__pycache__/b.cpython-313.pyc", "c.py", "__pycache__/c.cpython-313.pyc")
    assert names(*files) == {"a/b.pyc", "c.pyc"}


def test_module_that_was_not_compiled_keeps_its_source() -> None:
    assert names("a/for_a_newer_python.py", "a/data.json", "a/native.so") == {
        "a/for_a_newer_python.py",
        "a/data.json",
        "a/native.so",
    }


def test_descriptions_of_unused_aws_services_are_left_out() -> None:
    files = ("botocore/data/s3/2006/service-2.json.gz", "botocore/data/ec2/2016/service-2.json.gz")
    assert names(*files, aws=frozenset({"s3"})) == {files[0]}
    assert names(*files) == set(files)


@pytest.mark.parametrize(
    "unused",
    [
        "msgspec/__init__.pyi",
        "msgspec/py.typed",
        "pynamodb/tests/test_model.py",
        "dns/resolver.py",
        "stripe/params/_charge_params.py",
        "PIL/_avif.cpython-313-x86_64-linux-gnu.so",
        "PIL/PsdImagePlugin.py",
        "PIL/ImageFont.py",
        "pillow.libs/libharfbuzz-fb49c9fc.so.0.61450.0",
    ],
)
def test_unused_file_is_deleted(tmp_path: Path, unused: str) -> None:
    assert left(tmp_path, unused) == set()


@pytest.mark.parametrize(
    "used",
    [
        "PIL/_imaging.cpython-313-x86_64-linux-gnu.so",
        "PIL/GifImagePlugin.py",
        "PIL/TiffImagePlugin.py",
        "PIL/Image.py",
        "pillow.libs/libjpeg-6dc8d115.so.62.4.0",
        "dateutil/tz/tz.py",
        "stripe/_charge.py",
        "dnspython-2.9.2.dist-info/METADATA",
    ],
)
def test_used_file_is_kept(tmp_path: Path, used: str) -> None:
    assert left(tmp_path, used) == {used}
    assert names(used) == {used}
