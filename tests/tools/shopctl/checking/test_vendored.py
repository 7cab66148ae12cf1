"""Faults planted in the page's third-party files."""

from pathlib import Path

import pytest

from shopctl.checking.rules import vendored
from support.checkout_copy import CheckoutCopy

LIST = "web/vendor/vendor.toml"
LIBRARY = "vendor/lit-html/lit-html.js"


@pytest.mark.parametrize("name", [LIBRARY, "fonts/fredoka-600.woff2"])
def test_modified_file_is_reported(checkout: CheckoutCopy, name: str) -> None:
    file = checkout.root / "web" / name
    file.write_bytes(file.read_bytes() + b"\n")
    found = checkout.only(vendored)
    assert (found.path, found.line) == (Path(LIST), checkout.line_of(LIST, f'"{name}"'))
    assert f"web/{name} is not the file of" in found.what


def test_missing_file_is_reported(checkout: CheckoutCopy) -> None:
    (checkout.root / "web" / LIBRARY).unlink()
    assert f"web/{LIBRARY} is not the file of lit-html" in checkout.only(vendored).what


@pytest.mark.parametrize("name", ["web/vendor/lit-html/directive.js", "web/fonts/other.woff2"])
def test_unlisted_file_is_reported(checkout: CheckoutCopy, name: str) -> None:
    (checkout.root / name).write_text("")
    found = checkout.only(vendored)
    assert (found.path, found.what) == (Path(name), f"The origin of {name} is unknown.")


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ('license = "BSD-3-Clause"\n', "", "license"),
        ('version = "3.3.3"', 'version = ""', "version"),
    ],
)
def test_package_without_license_or_version_is_reported(
    checkout: CheckoutCopy, old: str, new: str, missing: str
) -> None:
    checkout.replace(LIST, old, new)
    found = checkout.only(vendored)
    assert found.line == checkout.line_of(LIST, '"lit-html"')
    assert found.what == f"The package lit-html has no {missing}."


def test_package_without_its_license_file_is_reported(checkout: CheckoutCopy) -> None:
    (checkout.root / "web/vendor/lit-html/LICENSE").unlink()
    line = checkout.line_of(LIST, "lit-html/LICENSE") - 1
    text = (checkout.root / LIST).read_text().splitlines(keepends=True)
    (checkout.root / LIST).write_text("".join(text[:line] + text[line + 1 :]))
    assert checkout.only(vendored).what == "The package lit-html has no LICENSE file."


@pytest.mark.parametrize("text", ["[[package", None])
def test_unreadable_list_is_reported(checkout: CheckoutCopy, text: str | None) -> None:
    if text is None:
        (checkout.root / LIST).unlink()
    else:
        checkout.append(LIST, text)
    assert checkout.only(vendored).path == Path(LIST)
