"""Uploads the page's document for the storefront, as a deployment of the page does."""

from pathlib import Path

import aiohttp
from yarl import URL

from local_edge.files import signature

_SUCCESS = 200


class DocumentUpload:
    """Uploads the document to the storefront's bucket whenever it has changed.

    Parameters
    ----------
    file
        The document.
    url
        URL of its object.
    """

    def __init__(self, file: Path, url: str) -> None:
        self._file = file
        self._url = url
        self._uploaded = (0, 0)

    async def bring_up_to_date(self, client: aiohttp.ClientSession) -> None:
        """Upload the document if it has changed; after a failure, the next call tries again."""
        try:
            found = self._file.stat()
            version = (found.st_mtime_ns, found.st_size)
            if version == self._uploaded:
                return
            body = self._file.read_bytes()
        except OSError:
            return
        headers = signature("PUT", self._url, body)
        url = URL(self._url, encoded=True)
        async with client.put(url, data=body, headers=headers) as answer:
            if answer.status == _SUCCESS:
                self._uploaded = version
