"""The account's keys, which can be rolled as in the gateway's dashboard."""

import json
from pathlib import Path

from gateway_simulator.errors import Json, StripeError
from gateway_simulator.objects import new_id

FILE = "keys.json"
"""Name of the file in the simulator's state directory; the local shop is deployed with its keys."""
KINDS = ("api_key", "webhook_secret")
_PREFIXES = {"api_key": "sk_test", "webhook_secret": "whsec"}


class Keys:
    """The API key and the signing secret of the webhooks.

    Until a key is rolled, every API key that is not a live one is accepted, and webhooks are signed
    with the secret that the simulator was started with.

    Parameters
    ----------
    directory
        The simulator's state directory.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._rolled: dict[str, str] = {}
        if self._file.exists():
            self._rolled = json.loads(self._file.read_text())

    def get(self, kind: str) -> str:
        """Return a rolled key; empty if it was never rolled."""
        return self._rolled.get(kind, "")

    def roll(self, kind: str) -> str:
        """Replace a key by a new one; the old one is no longer valid."""
        rolled = {**self._rolled, kind: new_id(_PREFIXES[kind])}
        unfinished = self._file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(rolled))
        unfinished.rename(self._file)
        self._rolled = rolled
        return rolled[kind]

    def require(self, key: str) -> None:
        """Check the API key of a request.

        Raises
        ------
        StripeError
            401 if the key was replaced.
        """
        if self.get("api_key") not in ("", key):
            raise StripeError(401, "Expired API Key provided.", code="api_key_expired")

    def as_json(self) -> Json:
        """Return the rolled keys as represented in the control API."""
        return dict(self._rolled)
