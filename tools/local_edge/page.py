"""Serves the web page from a directory."""

from pathlib import Path
from urllib.parse import unquote

from aiohttp import web

from local_edge.problems import problem
from local_edge.protocol import File

# the media types of the page's files; machines differ in the names of some
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


async def serve_page(request: web.Request, directory: Path, uploads: str) -> web.StreamResponse:
    """Answer GET and HEAD of a file in a directory; ``/`` is its ``index.html``.

    Parameters
    ----------
    uploads
        The origin of presigned URLs.
    """
    file = _file_of(unquote(request.raw_path.partition("?")[0]), directory.resolve())
    if file is None:
        return problem(404)
    if request.method not in ("GET", "HEAD"):
        return problem(405, {"Allow": "GET, HEAD"})
    headers = policy(uploads)
    if file.suffix in TYPES:
        headers["Content-Type"] = TYPES[file.suffix]
    return File(file, headers=headers)


def _file_of(path: str, root: Path) -> Path | None:
    """Return the file of a path, if there is one that may be shown."""
    name = path.removeprefix("/") or "index.html"
    if name.startswith("/") or name.endswith("/") or "//" in name:
        return None
    try:
        file = (root / name).resolve()
        hidden = any(part.startswith(".") for part in Path(name).parts)
        return file if not hidden and file.is_relative_to(root) and file.is_file() else None
    except (ValueError, OSError):
        # a null byte, or a name that is too long
        return None


def serve_settings(request: web.Request, gateway: str, uploads: str) -> web.StreamResponse:
    """Answer GET and HEAD of the page's settings, in place of the file for a deployed page.

    Parameters
    ----------
    gateway
        The URL of the gateway simulator, on whose bank page customers confirm payments.
    uploads
        The origin of presigned URLs.
    """
    if request.method not in ("GET", "HEAD"):
        return problem(405, {"Allow": "GET, HEAD"})
    settings = {"bank_page": f"{gateway}/bank/", "stripe_publishable_key": ""}
    return web.json_response(settings, headers=policy(uploads))


def policy(uploads: str) -> dict[str, str]:
    """Return the page's security headers, which let it connect to the origin of presigned URLs."""
    # images are uploaded to presigned URLs, and receipts are read from them
    sources = {
        "default-src": "'self'",
        # Stripe.js, for confirmations by a bank
        "script-src": "'self' https://js.stripe.com",
        "frame-src": "https://js.stripe.com https://hooks.stripe.com",
        "connect-src": f"'self' {uploads} https://api.stripe.com",
        "img-src": "'self' data: blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in sources.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
