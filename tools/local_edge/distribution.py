"""Addresses and headers of the page, from the distribution's template.

So the local edge and CloudFront use the same ones.
"""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

INDEX = "/index.html"
ROBOTS_CACHING = "public, max-age=86400"
_TEMPLATE = Path(__file__).resolve().parents[2] / "infra" / "edge.yaml"
_BUCKET = "toyshop-local-file-manager-private"
_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@functools.cache
def _resources() -> Mapping[str, Any]:
    resources: Mapping[str, Any] = yaml.safe_load(_TEMPLATE.read_text(encoding="utf-8"))[
        "Resources"
    ]
    return resources


@functools.cache
def _pages() -> re.Pattern[str]:
    _, lists = _resources()["Addresses"]["Properties"]["FunctionCode"]["Fn::Sub"]
    separator, patterns = lists["Pages"]["Fn::Join"]
    return re.compile(separator.join(patterns))


def robots(origin: str) -> str:
    """Return the text of ``/robots.txt``, which names the sitemap of an origin."""
    _, lists = _resources()["Addresses"]["Properties"]["FunctionCode"]["Fn::Sub"]
    _, hidden = lists["Hidden"]["Fn::Join"]
    rules = "".join(f"Disallow: {prefix}\n" for prefix in hidden)
    return f"User-agent: *\n{rules}\nSitemap: {origin}/sitemap.xml\n"


def target(path: str) -> tuple[int, str] | None:
    """Return the status and target of a path of the page, or ``None`` to serve a file.

    Parameters
    ----------
    path
        The path as it was sent, without a query.

    Returns
    -------
    tuple of int and str, or None
        A status and a path: 200 or 404 and the path of a document, or 301 and another address.
    """
    if path == "/docs":
        return 301, "/docs/"
    if not _is_well_formed(path):
        return 404, INDEX
    bare = path.rstrip("/")
    if bare != path and _pages().fullmatch(bare):
        return 301, bare
    if _pages().fullmatch(path):
        # API Gateway would match no route for a toy whose name contains a slash
        is_unknown = path.startswith("/toys/") and "%2f" in path.lower()
        return 404 if is_unknown else 200, INDEX
    if path == "/docs/":
        return 200, "/docs/index.html"
    # no file has escaped characters in its path
    return (404, INDEX) if "%" in path else None


def is_page_of_toy(path: str) -> bool:
    """Return whether the storefront serves a path of the page: a product page."""
    return path.startswith("/toys/") and target(path) == (200, INDEX)


def is_of_sitemap(path: str) -> bool:
    """Return whether the storefront serves a path: a file of the sitemap."""
    return path == "/sitemap.xml" or path.startswith("/sitemaps/")


def _is_well_formed(path: str) -> bool:
    """Return whether the escapes of a path are UTF-8 without control characters."""
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    return path.isascii() and not _NO_ESCAPE.search(path) and not _CONTROL.search(path)


@functools.cache
def page_headers(uploads: str) -> Mapping[str, str]:
    """Return the headers of the page and its files.

    Parameters
    ----------
    uploads
        The origin of presigned URLs.
    """
    return _headers("PageHeaders", f"{uploads}/{_BUCKET}")


@functools.cache
def file_headers() -> Mapping[str, str]:
    """Return the headers of public files."""
    return _headers("FileHeaders", "")


def _headers(policy: str, storage: str) -> Mapping[str, str]:
    config = _resources()[policy]["Properties"]["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    headers = {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]}
    sources = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    headers["Content-Security-Policy"] = _local(sources, storage)
    if "ContentTypeOptions" in security:
        headers["X-Content-Type-Options"] = "nosniff"
    if "FrameOptions" in security:
        headers["X-Frame-Options"] = security["FrameOptions"]["FrameOption"]
    if "ReferrerPolicy" in security:
        headers["Referrer-Policy"] = security["ReferrerPolicy"]["ReferrerPolicy"]
    return headers


def _local(sources: Any, storage: str) -> str:
    """Return the text of a policy for a stage without Stripe, whose uploads go to `storage`."""
    if isinstance(sources, str):
        return sources
    text, values = sources["Fn::Sub"]
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", storage if name == "Storage" else value["Fn::If"][2])
    return str(text)
