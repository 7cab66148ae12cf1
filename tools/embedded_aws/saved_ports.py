"""Moves a saved state to other ports: it contains URLs of queues, APIs and the gateway."""

import re
from collections.abc import Mapping

# what customers and staff have stored is not rewritten
_DATA = {"dynamodb.json", "pending.json"}
_URL = re.compile(r"(http://127\.0\.0\.1:)(\d+)\b")


class Moved:
    """Rewrites the URLs in the files of a snapshot whose ports differ from the present ones.

    By itself ministack looks for a queue under the URL with its present port, and so reads none
    of the queues that it has saved with another port.

    Parameters
    ----------
    previous
        The snapshot's ports on loopback by process name.
    present
        The present ones: ``aws`` and, where functions call them, ``gateway`` and ``edge``.
    """

    def __init__(self, previous: Mapping[str, int], present: Mapping[str, int]) -> None:
        self._moved = {
            str(port): str(present[name])
            for name, port in previous.items()
            if name in present and present[name] != port
        }

    def __call__(self, name: str, text: str) -> str:
        """Return the text of a file with the present ports."""
        if not self._moved or name in _DATA:
            return text
        # all ports at once: two processes may have swapped theirs
        return _URL.sub(lambda url: url[1] + self._moved.get(url[2], url[2]), text)
