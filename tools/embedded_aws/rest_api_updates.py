"""Stack updates that keep a REST API's id, and apply its resource policy and binary types."""

from typing import Any

from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

_TYPE = "AWS::ApiGateway::RestApi"
# settings of an API that its OpenAPI document contains
_SETTINGS = {
    "x-amazon-apigateway-policy": "policy",
    "x-amazon-apigateway-binary-media-types": "binaryMediaTypes",
}
# parts of an API that other resources define, not its OpenAPI body
_FROM_OTHER_RESOURCES = (
    "_stages_v1",
    "_deployments_v1",
    "_gateway_responses",
    "_deployed_gateway_responses",
)
_FROM_BODY = ("_rest_apis", "_resources", "_authorizers_v1", "_models", "_documentation_parts")


def install() -> None:
    """Replace how a REST API is imported and how a stack update changes it.

    By itself ministack ignores the settings in an OpenAPI document, and imports changed routes as
    a second API whose fixed id is already taken.
    """
    import_api = apigateway_v1._import_rest_api

    def import_with_settings(spec: dict[str, Any], base: dict[str, Any] | None = None) -> str:
        found = {field: spec[name] for name, field in _SETTINGS.items() if spec.get(name)}
        imported: str = import_api(spec, {**(base or {}), **found})
        return imported

    apigateway_v1._import_rest_api = import_with_settings
    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update = handlers["create"], handlers["update"]

    def update_in_place(
        physical_id: str,
        old: dict[str, Any],
        new: dict[str, Any],
        stack: str,
        logical_id: str | None = None,
    ) -> Any:
        if new.get("Body") == old.get("Body"):
            return update(physical_id, old, new, stack, logical_id)
        before = {
            name: store[physical_id]
            for name in (*_FROM_OTHER_RESOURCES, *_FROM_BODY)
            if physical_id in (store := getattr(apigateway_v1, name))
        }
        apigateway_v1._delete_rest_api(physical_id)
        try:
            created = create(logical_id or physical_id, new, stack)
        except Exception:
            for name, content in before.items():
                getattr(apigateway_v1, name)[physical_id] = content
            raise
        if created[0] == physical_id:
            for name in _FROM_OTHER_RESOURCES:
                store = getattr(apigateway_v1, name)
                store[physical_id] = {**before.get(name, {}), **store.get(physical_id, {})}
        return created

    handlers["update"] = update_in_place
