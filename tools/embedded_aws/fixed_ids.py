"""Fixed ids of the user pool and its client, as the stage ``local`` needs them."""

from typing import Any

from ministack.services import cognito

POOL_ID = "us-east-1_ToyshopLo"
CLIENT_ID = "toyshoplocalclient00000000"


def install() -> None:
    """Replace Cognito's id generators.

    A second pool or client gets a random id as usual.
    """
    random_pool_id, random_client_id = cognito._pool_id, cognito._client_id

    def pool_id() -> str:
        return random_pool_id() if POOL_ID in cognito._user_pools else POOL_ID

    def client_id() -> str:
        taken = any(CLIENT_ID in pool.get("_clients", {}) for pool in _pools())
        return random_client_id() if taken else CLIENT_ID

    cognito._pool_id, cognito._client_id = pool_id, client_id


def _pools() -> list[dict[str, Any]]:
    return list(cognito._user_pools.values())
