"""The one place where the parts of the service are put together."""

from datetime import timedelta
from typing import NamedTuple

from chalicelib.notifications.mail import Composer
from chalicelib.notifications.postbox import Postbox, SesPostbox
from chalicelib.notifications.service import NotificationService
from chalicelib.notifications.store import MessageStore
from chassis import aws, settings

SES_PATIENCE = 15.0
"""Seconds; less than a lease, so that a slow answer is not taken for a crash."""


class Settings(settings.Settings, frozen=True, kw_only=True):
    """What the service is told by its environment.

    ``sender`` is who the e-mails are from, ``shop_url`` where their links lead; whoever has not
    recorded an e-mail as sent after ``lease_seconds`` is taken for dead.
    """

    table_name: str
    sender: str
    shop_url: str
    lease_seconds: int = 60


class Components(NamedTuple):
    """The parts of the service that its entry points use."""

    notifications: NotificationService


def build(settings: Settings, postbox: Postbox | None = None) -> Components:
    """Return the parts of the service, ready to serve.

    Parameters
    ----------
    postbox
        Who takes the e-mails; SES unless told.
    """
    notifications = NotificationService(
        MessageStore(settings.table_name),
        Composer(settings.sender, settings.shop_url),
        postbox or SesPostbox(aws.client("sesv2", read_timeout=SES_PATIENCE, attempts=1)),
        timedelta(seconds=settings.lease_seconds),
    )
    return Components(notifications)
