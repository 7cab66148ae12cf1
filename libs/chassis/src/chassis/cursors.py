"""Opaque positions in a list, signed together with the query that they belong to.

A changed cursor, or one of another query, is a 400 and not a peek into the table. The key is
made by CloudFormation in Secrets Manager; the current and the previous one are accepted, so that
a rotation breaks no client that is half-way through a list.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from botocore.exceptions import ClientError

from chassis.problems import BadRequest

_SIGNATURE_BYTES = 16
_VERSION_STAGES = ("AWSCURRENT", "AWSPREVIOUS")


def secret_keys(client: Callable[[], Any], secret_id: str) -> Callable[[], Sequence[bytes]]:
    """Return a function that returns the keys of a secret: the current, then the previous one.

    They are fetched at the first call and kept for as long as the process runs.

    Parameters
    ----------
    client
        Returns a botocore client of Secrets Manager; called when the keys are first needed.
    secret_id
        The name or ARN of the secret.
    """

    @cache
    def keys() -> Sequence[bytes]:
        versions = [_version(client(), secret_id, stage) for stage in _VERSION_STAGES]
        return [key for key in versions if key]

    return keys


def _version(client: Any, secret_id: str, stage: str) -> bytes | None:
    try:
        answer = client.get_secret_value(SecretId=secret_id, VersionStage=stage)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    return cast("str", answer["SecretString"]).encode()


class Cursors:
    """Writes and reads the cursors of one service.

    Parameters
    ----------
    keys
        Gives the signing keys; the first signs, all of them are accepted.
    """

    def __init__(self, keys: Callable[[], Sequence[bytes]]) -> None:
        self._keys = keys

    @staticmethod
    def _signature(key: bytes, position: bytes, query: Mapping[str, Any]) -> bytes:
        signed = json.dumps(query, sort_keys=True, default=str).encode()
        message = len(position).to_bytes(4, "big") + position + signed
        return hmac.new(key, message, hashlib.sha256).digest()[:_SIGNATURE_BYTES]

    def write(self, position: Any, query: Mapping[str, Any]) -> str:
        """Return the cursor of a position.

        Parameters
        ----------
        position
            What the service needs to go on: anything that JSON can hold.
        query
            Everything else of the query that the position belongs to.
        """
        packed = json.dumps(position, separators=(",", ":")).encode()
        signature = self._signature(self._keys()[0], packed, query)
        return base64.urlsafe_b64encode(signature + packed).rstrip(b"=").decode()

    def read(self, cursor: str, query: Mapping[str, Any]) -> Any:
        """Return the position of a cursor.

        Raises
        ------
        BadRequest
            If this service did not write it for this query.
        """
        problem = BadRequest.at(
            "/cursor",
            "Not a cursor of this list: pass next_cursor as it was answered, with the same query",
        )
        try:
            data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise problem from None
        # base64 has several texts for the same bytes; only the one that was answered is ours
        if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != cursor:
            raise problem
        signature, packed = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        for key in self._keys():
            if hmac.compare_digest(signature, self._signature(key, packed, query)):
                return json.loads(packed)
        raise problem
