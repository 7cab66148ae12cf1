"""The routes that describe the shop itself: its health and its OpenAPI document."""

import functools
from typing import Any

from chalicelib.storefront_api.bootstrap import Components
from chassis.api import Answer, ServiceBlueprint
from contracts import storefront as api

routes: ServiceBlueprint[Components] = ServiceBlueprint(__name__)


@routes.serves(api.HEALTH)
def get_health() -> Answer:
    """Return whether the shop is available."""
    check = routes.components.health
    health = check.deep() if routes.app.query(api.HealthQuery).deep else check.shallow()
    return Answer(health, status=200 if health.status == "ok" else 503)


@routes.serves(api.OPENAPI)
@functools.cache
def get_openapi() -> dict[str, Any]:
    """Return the OpenAPI document of this API."""
    # not imported above: no other request needs them
    from chassis.openapi import document
    from contracts.reference.storefront import REFERENCE

    return document(REFERENCE, api.OPERATIONS, server="/api")
