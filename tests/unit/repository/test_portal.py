"""The portal of the API: its pages work under a strict policy, and its renderer is unmodified."""

import hashlib
import json
import re
import tomllib
from html.parser import HTMLParser

import pytest

from contracts.events import EVENT_TYPES
from support.paths import ROOT

WEB = ROOT / "web"
PAGES = ("docs/index.html", "docs/events.html", "problems.html")


class Page(HTMLParser):
    """The tags and the text of scripts and styles of a page."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._last = ""
        self.feed((WEB / name).read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._last = tag
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self._last in ("script", "style"):
            self.inline += data.strip()

    def values(self, *names: str) -> list[str]:
        return [str(attrs[name]) for _, attrs in self.tags for name in names if name in attrs]


@pytest.mark.parametrize("name", PAGES)
def test_page_has_nothing_inline_and_nothing_from_other_hosts(name: str) -> None:
    page = Page(name)
    names = {attribute for _, attrs in page.tags for attribute in attrs}
    assert not page.inline
    assert not [attribute for attribute in names if attribute.startswith("on")]
    assert "style" not in names
    assert not [value for value in page.values("href", "src") if "//" in value]


def test_password_is_in_no_address_before_the_script_runs() -> None:
    (form,) = (attrs for tag, attrs in Page("docs/index.html").tags if tag == "form")
    assert form["method"] == "post"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_and_file_of_a_page_exists(name: str) -> None:
    page = Page(name)
    for reference in page.values("href", "src"):
        path, _, anchor = reference.partition("#")
        if path.startswith("/api/") or path in ("/", "./"):
            continue
        target = path.removeprefix("/") or name
        target += "index.html" if target.endswith("/") else ""
        assert (WEB / target).is_file(), reference
        if anchor:
            assert anchor in Page(target).values("id"), reference


def test_page_of_the_events_shows_each_type_with_an_example() -> None:
    text = (WEB / "docs/events.html").read_text(encoding="utf-8")
    for name in EVENT_TYPES:
        section = text.split(f'<section class="message" id="{name}">')[1].split("</section>")[0]
        assert "<summary>Example</summary>" in section
    assert json.loads((WEB / "docs/asyncapi.json").read_text()) == json.loads(
        (ROOT / "docs/asyncapi.json").read_text()
    )


def test_renderer_is_unmodified() -> None:
    listed = tomllib.loads((WEB / "vendor/vendor.toml").read_text(encoding="utf-8"))["package"]
    (package,) = (one for one in listed if one["name"] == "swagger-ui-dist")
    present = {path.relative_to(WEB).as_posix() for path in WEB.glob("vendor/swagger-ui/*")}
    assert package["files"].keys() == present
    for name, digest in package["files"].items():
        assert hashlib.sha256((WEB / name).read_bytes()).hexdigest() == digest


def test_portal_reads_the_document_of_its_own_shop() -> None:
    script = (WEB / "docs/portal.js").read_text(encoding="utf-8")
    assert 'const api = "/api";' in script
    assert "url: `${api}/openapi.json`" in script
    assert not re.search(r"https?:", script)
