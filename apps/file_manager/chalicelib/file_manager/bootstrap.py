"""The only place where the components of the service are created and connected."""

from typing import NamedTuple

from chalicelib.file_manager.events import events_of
from chalicelib.file_manager.service import FileService
from chalicelib.file_manager.storage import Storage
from chalicelib.file_manager.store import FileRecord, FileStore
from chalicelib.file_manager.uploads import Uploads
from chassis import aws, settings
from chassis.parking import Parking
from chassis.relay import Relay


class Settings(settings.Settings, frozen=True, kw_only=True):
    """The service's settings, read from its environment.

    ``retry_base_seconds`` is the first delay before a failed check is retried.
    """

    table_name: str
    topic_arn: str
    public_bucket: str
    private_bucket: str
    uploads_url: str
    uploads_dead_letters_url: str
    relay_dead_letters_url: str
    retry_base_seconds: float = 30


class Components(NamedTuple):
    """The parts of the service that its entry points use."""

    files: FileService
    uploads: Uploads
    relay: Relay


def build(settings: Settings) -> Components:
    """Create the components of the service and connect them.

    Parameters
    ----------
    settings
        The service's settings.
    """
    sqs = aws.client("sqs")
    store = FileStore(settings.table_name)
    storage = Storage(lambda: aws.client("s3"), settings.public_bucket, settings.private_bucket)
    uploads = Uploads(
        store,
        storage,
        Parking(sqs, settings.uploads_dead_letters_url),
        sqs,
        settings.uploads_url,
        settings.retry_base_seconds,
    )
    relay = Relay(
        settings.topic_arn,
        aws.client("sns"),
        FileRecord,
        events_of,
        Parking(sqs, settings.relay_dead_letters_url),
    )
    return Components(FileService(store, storage), uploads, relay)
