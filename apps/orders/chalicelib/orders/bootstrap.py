"""The only place where the components of the service are created and connected."""

from typing import NamedTuple

from chalicelib.orders.countries import Countries
from chalicelib.orders.events import events_of
from chalicelib.orders.service import OrderService
from chalicelib.orders.store import OrderRecord, OrderStore, as_stored
from chassis import aws, settings
from chassis.backfill import Backfill
from chassis.cursors import Cursors, secret_keys
from chassis.parking import Parking
from chassis.relay import Relay


class Settings(settings.Settings, frozen=True, kw_only=True):
    """The service's settings, read from its environment.

    ``ships_to`` are the countries that the shop ships to, as ``Countries`` takes them.
    """

    table_name: str
    topic_arn: str
    relay_dead_letters_url: str
    cursor_secret_id: str
    ships_to: str = "all"


class Components(NamedTuple):
    """The parts of the service that its entry points use."""

    orders: OrderService
    relay: Relay
    backfill: Backfill[OrderRecord]


def build(settings: Settings) -> Components:
    """Create the components of the service and connect them.

    Parameters
    ----------
    settings
        The service's settings.
    """
    keys = secret_keys(lambda: aws.client("secretsmanager"), settings.cursor_secret_id)
    orders = OrderService(
        OrderStore(settings.table_name), Cursors(keys), Countries(settings.ships_to)
    )
    relay = Relay(
        settings.topic_arn,
        aws.client("sns"),
        OrderRecord,
        events_of,
        Parking(aws.client("sqs"), settings.relay_dead_letters_url),
    )
    return Components(orders, relay, Backfill(OrderRecord, as_stored))
