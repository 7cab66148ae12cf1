"""The only place where the components of the service are created and connected."""

from datetime import timedelta
from typing import NamedTuple

from chalicelib.notifications.composer import Composer
from chalicelib.notifications.documents import Documents
from chalicelib.notifications.email_sender import EmailSender, SesEmailSender
from chalicelib.notifications.service import NotificationService
from chalicelib.notifications.store import MessageStore
from chassis import aws, settings, transport
from chassis.connections import Http

SES_TIMEOUT = 15.0
"""Read timeout in seconds; less than a lease, so that a slow call is not taken for a crash."""


class Settings(settings.Settings, frozen=True, kw_only=True):
    """The service's settings, read from its environment.

    ``sender`` is the address in ``From``, and ``shop_url`` the origin of the links; without it,
    emails have none. An attempt that has not recorded its email as sent after ``lease_seconds`` is
    regarded as crashed. ``aws_endpoint_url`` is the URL of the embedded AWS.
    """

    table_name: str
    sender: str
    shop_url: str = ""
    lease_seconds: int = 60
    aws_endpoint_url: str = ""


class Components(NamedTuple):
    """The parts of the service that its entry points use."""

    notifications: NotificationService


def build(
    settings: Settings, email_sender: EmailSender | None = None, http: Http | None = None
) -> Components:
    """Create the components of the service and connect them.

    Parameters
    ----------
    settings
        The service's settings.
    email_sender
        Sends the emails; SES by default.
    http
        The connections to read attached documents with; by default, new ones.
    """
    notifications = NotificationService(
        MessageStore(settings.table_name),
        Composer(settings.sender, settings.shop_url),
        Documents(http or transport.connection_pool(), settings.aws_endpoint_url),
        email_sender or SesEmailSender(aws.client("sesv2", read_timeout=SES_TIMEOUT, attempts=1)),
        timedelta(seconds=settings.lease_seconds),
    )
    return Components(notifications)
