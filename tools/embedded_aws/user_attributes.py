"""The limits of Cognito for the attributes that users read and write themselves."""

import json
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import cognito

_VERIFIABLE = ("email", "phone_number")
_ADMINISTRATIVE = {"sub", *(f"{name}_verified" for name in _VERIFIABLE)}


def install() -> None:
    """Enforce the client's attributes, the verification of addresses, and the end of sessions.

    ministack lets any user write any attribute, `email_verified` too, and returns all of them, also
    with a token that was revoked.
    """
    sign_up, confirm_sign_up = cognito._sign_up, cognito._confirm_sign_up
    get_user, update = cognito._get_user, cognito._update_user_attributes

    def checked_sign_up(data: dict[str, Any]) -> Any:
        return _refused(data.get("ClientId"), data) or sign_up(data)

    def verifying_confirm_sign_up(data: dict[str, Any]) -> Any:
        response = confirm_sign_up(data)
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        if response[0] == 200:
            user, _ = cognito._resolve_user(pool, data.get("Username"))
            _write(user, {f"{name}_verified": "true" for name in _sent_to(pool, user)})
        return response

    def limited_get_user(data: dict[str, Any]) -> Any:
        # ministack checks tokens only if it enforces IAM
        if refused := cognito._access_token_error(data):
            return refused
        response = get_user(data)
        readable = _client_of_token(data).get("ReadAttributes")
        if response[0] != 200 or not readable:
            return response
        found = json.loads(response[2])
        found["UserAttributes"] = [
            one for one in found["UserAttributes"] if one["Name"] in {"sub", *readable}
        ]
        return json_response(found)

    def checked_update(data: dict[str, Any]) -> Any:
        if refused := cognito._access_token_error(data) or _refused(
            _client_of_token(data).get("ClientId"), data
        ):
            return refused
        user, pool = cognito._user_pool_for_access_token(data.get("AccessToken", ""))
        if not user:
            return update(data)
        settings = pool.get("UserAttributeUpdateSettings") or {}
        pending = set(settings.get("AttributesRequireVerificationBeforeUpdate") or ())
        written = cognito._attr_list_to_dict(data.get("UserAttributes", []))
        now = {name: value for name, value in written.items() if name not in pending}
        # an address that changes at once is no longer verified
        unverified = {f"{name}_verified": "false" for name in _VERIFIABLE if name in now}
        _write(user, now | unverified)
        return json_response({"CodeDeliveryDetailsList": []})

    cognito._sign_up, cognito._confirm_sign_up = checked_sign_up, verifying_confirm_sign_up
    cognito._get_user, cognito._update_user_attributes = limited_get_user, checked_update


def _refused(client_id: str | None, data: dict[str, Any]) -> Any:
    """Return AWS's error if a request writes an attribute that the client cannot write."""
    pool, _ = cognito._pool_for_client(client_id)
    if not pool:
        return None
    writable = pool["_clients"][client_id].get("WriteAttributes")
    for name in cognito._attr_list_to_dict(data.get("UserAttributes", [])):
        if name in _ADMINISTRATIVE or (writable and name not in writable):
            return error_response_json(
                "NotAuthorizedException",
                "A client attempted to write unauthorized attribute",
                400,
            )
    return None


def _client_of_token(data: dict[str, Any]) -> dict[str, Any]:
    client_id = cognito._token_claims(data.get("AccessToken")).get("client_id")
    pool, _ = cognito._pool_for_client(client_id)
    return dict(pool["_clients"][client_id]) if pool else {}


def _sent_to(pool: dict[str, Any], user: dict[str, Any]) -> list[str]:
    """Return the attributes whose address the code of the sign-up was sent to."""
    attributes = cognito._attr_list_to_dict(user["Attributes"])
    return [name for name in pool.get("AutoVerifiedAttributes") or () if name in attributes]


def _write(user: dict[str, Any], attributes: dict[str, str]) -> None:
    user["Attributes"] = cognito._merge_attributes(
        user.get("Attributes", []), cognito._dict_to_attr_list(attributes)
    )
