"""Reads the documents that are attached to emails by their presigned URLs."""

import hashlib
import re
from urllib.parse import urlsplit

import urllib3

from chassis.connections import Http
from contracts.notifications import MAX_ATTACHMENT_BYTES

_S3 = re.compile(r"s3\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?")
_TIMEOUT = urllib3.Timeout(connect=1.0, read=5.0)


class DocumentUnavailableError(Exception):
    """A document could not be read, or is not the announced one; the text says why."""


class Documents:
    """Reads documents in S3.

    Parameters
    ----------
    http
        The connections.
    endpoint
        URL of the embedded AWS; empty on AWS.
    """

    def __init__(self, http: Http, endpoint: str) -> None:
        self._http = http
        self._endpoint = urlsplit(endpoint)

    def accepts(self, url: str) -> bool:
        """Return whether a URL is one of S3; no other host is ever called."""
        parts = urlsplit(url)
        if self._endpoint.netloc:
            return (parts.scheme, parts.netloc) == (self._endpoint.scheme, self._endpoint.netloc)
        return parts.scheme == "https" and _S3.fullmatch(parts.netloc) is not None

    def read(self, url: str, sha256: str) -> bytes:
        """Return a document.

        Parameters
        ----------
        url
            A URL that ``accepts`` accepts.
        sha256
            The digest that the document must have.

        Raises
        ------
        DocumentUnavailableError
            If it cannot be read: the URL has expired, for example. Or if it is another document.
        """
        try:
            answer = self._http.request("GET", url, body=b"", headers={}, timeout=_TIMEOUT)
        except urllib3.exceptions.HTTPError as error:
            raise DocumentUnavailableError(type(error).__name__) from None
        if answer.status != 200:
            raise DocumentUnavailableError(f"status {answer.status}")
        content = answer.data
        if len(content) > MAX_ATTACHMENT_BYTES or hashlib.sha256(content).hexdigest() != sha256:
            raise DocumentUnavailableError("not the announced content")
        return content
