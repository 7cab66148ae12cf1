"""Import of REST APIs from Swagger documents, and functions that are active at once.

`chalice deploy` needs both. By itself ministack imports an empty API, lacks PutRestApi, misreads
two patches of UpdateRestApi, and keeps functions pending for half a second, so that Chalice's
waiter polls again five seconds later.
"""

import json
import time
from typing import Any

from ministack.services import apigateway_v1, lambda_svc

_BINARY = "x-amazon-apigateway-binary-media-types"
_POLICY = "x-amazon-apigateway-policy"
_REPLACED = ("_resources", "_authorizers_v1")


def install() -> None:
    """Add the two operations, and read patches as AWS does."""
    handle = apigateway_v1.handle_request

    async def handle_request(
        method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> Any:
        parts = [part for part in path.strip("/").split("/") if part]
        if parts[:1] == ["restapis"]:
            if len(parts) == 1 and method == "POST" and _first(query_params, "mode") == "import":
                return _import(json.loads(body), query_params)
            if len(parts) == 2 and method == "PUT":
                return _put(parts[1], json.loads(body))
            if len(parts) == 2 and method == "PATCH":
                body = _normalized_patch(body)
        return await handle(method, path, headers, body, query_params)

    apigateway_v1.handle_request = handle_request
    lambda_svc._schedule_state_transition = _active_at_once(lambda_svc._schedule_state_transition)


def _first(query_params: Any, name: str) -> str:
    value = query_params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _settings(document: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {"binaryMediaTypes": document.get(_BINARY, [])}
    policy = document.get(_POLICY)
    return {**settings, "policy": policy} if policy else settings


def _import(document: dict[str, Any], query_params: Any) -> Any:
    kind = _first(query_params, "endpointConfigurationTypes") or "EDGE"
    base = {**_settings(document), "endpointConfiguration": {"types": [kind]}}
    api_id = apigateway_v1._import_rest_api(document, base)
    return apigateway_v1._v1_response(_view(api_id), 201)


def _put(api_id: str, document: dict[str, Any]) -> Any:
    """Replace an API's routes and authorizers; restore them if that fails."""
    if api_id not in apigateway_v1._rest_apis:
        return apigateway_v1._get_rest_api(api_id)
    stores = {name: getattr(apigateway_v1, name) for name in _REPLACED}
    before = {name: store[api_id] for name, store in stores.items()}
    root = next(found for found in before["_resources"].values() if found["path"] == "/")
    stores["_resources"][api_id] = {root["id"]: {**root, "resourceMethods": {}}}
    stores["_authorizers_v1"][api_id] = {}
    try:
        schemes = apigateway_v1._import_security_schemes(api_id, document)
        for path, item in document.get("paths", {}).items():
            apigateway_v1._import_path_item(api_id, path, item, schemes, document.get("security"))
    except Exception:
        for name, content in before.items():
            stores[name][api_id] = content
        raise
    apigateway_v1._rest_apis[api_id].update(_settings(document))
    return apigateway_v1._v1_response(_view(api_id))


def _view(api_id: str) -> Any:
    return apigateway_v1._rest_api_view(apigateway_v1._rest_apis[api_id])


def _normalized_patch(body: bytes) -> bytes:
    """Translate what ministack misreads: ``''`` ends compression, and the endpoint's type."""
    data = json.loads(body)
    patches = []
    for patch in data.get("patchOperations", []):
        path, value = patch.get("path", ""), patch.get("value")
        if path == "/minimumCompressionSize" and value == "":
            patch = {"op": "remove", "path": path}
        elif path.startswith("/endpointConfiguration/types/"):
            patch = {"op": "replace", "path": "/endpointConfiguration", "value": {"types": [value]}}
        patches.append(patch)
    return json.dumps({**data, "patchOperations": patches}).encode()


def _active_at_once(schedule: Any) -> Any:
    def schedule_and_wait(name: str, _: float) -> None:
        schedule(name, 0)
        deadline = time.monotonic() + 1
        while lambda_svc._functions[name]["config"]["State"] != "Active":
            if time.monotonic() > deadline:
                return
            time.sleep(0.001)

    return schedule_and_wait
