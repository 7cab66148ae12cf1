"""The only place where the components of the service are created and connected."""

from datetime import timedelta
from typing import NamedTuple

from chalicelib.storefront_api.authorizer import Authorizer
from chalicelib.storefront_api.catalogue import Catalogue
from chalicelib.storefront_api.erasure import Erasure
from chalicelib.storefront_api.expiry import Expiry
from chalicelib.storefront_api.health import HealthCheck
from chalicelib.storefront_api.journeys import Journeys
from chalicelib.storefront_api.ordering import Ordering
from chalicelib.storefront_api.product_pages import ProductPages, Shell
from chalicelib.storefront_api.reconciliation import Reconciliation
from chalicelib.storefront_api.signing_keys import FetchedKeys, SigningKeys
from chalicelib.storefront_api.sitemap import Sitemap
from chalicelib.storefront_api.users import Users
from chalicelib.storefront_api.webhooks import Webhooks
from chassis import aws, settings
from chassis.client import Downstream, ServiceClient
from chassis.transport import signed_transport


class Settings(settings.Settings, frozen=True, kw_only=True):
    """The service's settings, read from its environment.

    ``token_issuer`` is the issuer of access tokens and ``jwks_url`` the URL of its keys.
    ``auto_confirm_users`` is for a stage where nobody can read the emails of sign-ups. ``currency``
    is the stage's only currency.
    ``action_timeout_hours`` is how long an order waits for the customer's bank before it is
    cancelled. ``reconcile_window_hours`` is how far back a scheduled
    reconciliation goes, ``reconcile_grace_seconds`` how long an order must be unchanged to be
    checked, and ``reconcile_fix`` whether a scheduled reconciliation repairs violations.
    ``edge_key`` is the key without which no request is answered; a stage without an edge has none.
    ``page_bucket`` contains the page's document, and ``shop_url`` is the shop's origin; it is empty
    until the edge has a name.
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
    action_timeout_hours: float = 24
    reconcile_window_hours: int = 168
    reconcile_grace_seconds: int = 3600
    reconcile_fix: bool = False
    edge_key: str = ""
    page_bucket: str = ""
    shop_url: str = ""


class DownstreamServices(NamedTuple):
    """Clients of the private services."""

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
    product_pages: ProductPages
    sitemap: Sitemap
    ordering: Ordering
    journeys: Journeys
    webhooks: Webhooks
    health: HealthCheck
    reconciliation: Reconciliation
    expiry: Expiry
    erasure: Erasure


def downstream_services(settings: Settings) -> DownstreamServices:
    """Return clients of the private services, with the URLs of the settings."""
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
    keys: SigningKeys | None = None,
) -> Components:
    """Create the components of the service and connect them.

    Parameters
    ----------
    settings
        The service's settings.
    downstream
        Clients of the private services; by default, with the URLs of the settings.
    keys
        The keys that verify tokens; by default, those of the settings' key server.
    """
    services = downstream or downstream_services(settings)
    users = Users(
        # created when it is first needed, which most requests never do
        lambda: aws.client("cognito-idp"),
        settings.user_pool_id,
        settings.user_pool_client_id,
        auto_confirm=settings.auto_confirm_users,
    )
    catalogue = Catalogue(services.toys)
    shell = Shell(lambda: aws.client("s3"), settings.page_bucket)
    ordering = Ordering(
        services.toys,
        services.orders,
        services.payments,
        services.file_manager,
        users,
        settings.currency,
    )
    return Components(
        authorizer=Authorizer(
            keys or FetchedKeys(settings.jwks_url),
            settings.token_issuer,
            settings.user_pool_client_id,
        ),
        users=users,
        catalogue=catalogue,
        product_pages=ProductPages(catalogue, shell, settings.shop_url),
        sitemap=Sitemap(catalogue, settings.shop_url),
        ordering=ordering,
        journeys=Journeys(ordering, services.notifications, lambda: aws.client("xray")),
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
        expiry=Expiry(
            services.orders, services.payments, timedelta(hours=settings.action_timeout_hours)
        ),
        erasure=Erasure(
            services.orders,
            services.payments,
            services.file_manager,
            services.notifications,
            users,
        ),
    )
