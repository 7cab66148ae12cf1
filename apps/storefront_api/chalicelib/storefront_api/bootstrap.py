"""The one place where the parts of the service are put together."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from chalicelib.storefront_api.authorizer import Authorizer, KeySet, fetch_json
from chalicelib.storefront_api.catalogue import Catalogue
from chalicelib.storefront_api.health import HealthCheck
from chalicelib.storefront_api.ordering import Ordering
from chalicelib.storefront_api.reconciliation import Reconciliation
from chalicelib.storefront_api.users import Users
from chalicelib.storefront_api.webhooks import Webhooks
from chassis import aws, settings
from chassis.client import Downstream, ServiceClient
from chassis.transport import signed_transport


class Settings(settings.Settings, frozen=True, kw_only=True):
    """What the service is told by its environment.

    ``token_issuer`` is who signs access tokens and ``jwks_url`` is where that issuer's keys are.
    ``auto_confirm_users`` is for a stage whose sign-up e-mails nobody can read. ``currency`` is
    the stage's one currency. ``reconcile_…`` is how far back the schedule's walk along the orders
    goes, how long an order must have been left alone to be judged, and whether that walk mends.
    """

    toys_url: str
    orders_url: str
    payments_url: str
    file_manager_url: str
    notifications_url: str
    user_pool_id: str
    user_pool_client_id: str
    token_issuer: str
    jwks_url: str
    auto_confirm_users: bool = False
    currency: str = "AUD"
    reconcile_window_hours: int = 168
    reconcile_grace_seconds: int = 3600
    reconcile_fix: bool = False


class DownstreamServices(NamedTuple):
    """The private services."""

    toys: Downstream
    orders: Downstream
    payments: Downstream
    file_manager: Downstream
    notifications: Downstream


class Components(NamedTuple):
    """The parts of the service that its entry points use."""

    authorizer: Authorizer
    users: Users
    catalogue: Catalogue
    ordering: Ordering
    webhooks: Webhooks
    health: HealthCheck
    reconciliation: Reconciliation


def downstream_services(settings: Settings) -> DownstreamServices:
    """Return the private services at their settings' URLs."""
    transport = signed_transport()
    return DownstreamServices(
        toys=ServiceClient("toys", settings.toys_url, transport),
        orders=ServiceClient("orders", settings.orders_url, transport),
        payments=ServiceClient("payments", settings.payments_url, transport),
        file_manager=ServiceClient("file_manager", settings.file_manager_url, transport),
        notifications=ServiceClient("notifications", settings.notifications_url, transport),
    )


def build(
    settings: Settings,
    downstream: DownstreamServices | None = None,
    fetch: Callable[[str], Any] = fetch_json,
) -> Components:
    """Return the parts of the service, ready to serve.

    Parameters
    ----------
    downstream
        The private services; at their settings' URLs unless told.
    fetch
        Gets a JSON document from a URL.
    """
    services = downstream or downstream_services(settings)
    users = Users(
        # made when it is first needed: most requests never do
        lambda: aws.client("cognito-idp"),
        settings.user_pool_id,
        settings.user_pool_client_id,
        auto_confirm=settings.auto_confirm_users,
    )
    return Components(
        authorizer=Authorizer(
            KeySet(settings.jwks_url, fetch), settings.token_issuer, settings.user_pool_client_id
        ),
        users=users,
        catalogue=Catalogue(services.toys),
        ordering=Ordering(
            services.toys,
            services.orders,
            services.payments,
            services.file_manager,
            users,
            settings.currency,
        ),
        webhooks=Webhooks(services.payments),
        health=HealthCheck(services._asdict()),
        reconciliation=Reconciliation(
            services.orders,
            services.payments,
            services.file_manager,
            services.notifications,
            window=timedelta(hours=settings.reconcile_window_hours),
            grace=timedelta(seconds=settings.reconcile_grace_seconds),
            fix=settings.reconcile_fix,
        ),
    )
