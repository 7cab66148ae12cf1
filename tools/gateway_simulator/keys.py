"""The account's keys, which can be rolled as in the gateway's dashboard."""

from dataclasses import dataclass

from gateway_simulator.errors import Json, StripeError
from gateway_simulator.objects import new_id
from gateway_simulator.store import Store

_TABLE = "keys"
KINDS = ("api_key", "webhook_secret")
_PREFIXES = {"api_key": "sk_test", "webhook_secret": "whsec"}


@dataclass(frozen=True)
class Keys:
    """The API key and the signing secret of the webhooks.

    Until a key is rolled, every API key that is not a live one is accepted, and webhooks are signed
    with the secret that the simulator was started with.

    Parameters
    ----------
    store
        Store of the rolled keys.
    """

    store: Store

    def get(self, kind: str) -> str:
        """Return a rolled key; empty if it was never rolled."""
        row = self.store.rows(_TABLE).get(kind)
        return str(row["value"]) if row else ""

    def roll(self, kind: str) -> str:
        """Replace a key by a new one; the old one is no longer valid."""
        value = new_id(_PREFIXES[kind])
        work = self.store.begin()
        work.put(_TABLE, kind, {"value": value})
        work.commit()
        return value

    def require(self, key: str) -> None:
        """Check the API key of a request.

        Raises
        ------
        StripeError
            401 if the key was replaced.
        """
        current = self.get("api_key")
        if current and key != current:
            raise StripeError(401, "Expired API Key provided.", code="api_key_expired")

    def as_json(self) -> Json:
        """Return the rolled keys as represented in the control API."""
        return {kind: value for kind in KINDS if (value := self.get(kind))}
