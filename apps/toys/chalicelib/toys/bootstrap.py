"""The only place where the components of the service are created and connected."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.toys.bypassed_writes import BypassedWrites
from chalicelib.toys.change_log import ChangeLog
from chalicelib.toys.service import ToyService
from chalicelib.toys.store import ToyStore
from chassis import aws, settings
from chassis.client import Downstream, ServiceClient
from chassis.consumer import Consumer
from chassis.cursors import Cursors, secret_keys
from chassis.parking import Parking
from chassis.transport import signed_transport
from contracts import events

if TYPE_CHECKING:
    from chalicelib.toys.catalogue_index import CatalogueIndex


class Settings(settings.Settings, frozen=True, kw_only=True):
    """The service's settings, read from its environment.

    ``currency`` is the only currency of the stage. ``retry_base_seconds`` is the first delay of the
    retry queue. ``snapshot_changes`` is how many changes must be newer than a snapshot before the
    next one is saved.
    """

    table_name: str
    snapshots_bucket: str
    cursor_secret_id: str
    file_manager_url: str
    images_retry_url: str
    images_dead_letters_url: str
    currency: str = "AUD"
    retry_base_seconds: float = 30
    snapshot_changes: int = 100


class Components(NamedTuple):
    """The parts of the service that its entry points use.

    ``catalogue_index`` returns the search index of the process.
    """

    toys: ToyService
    images: Consumer
    bypassed_writes: BypassedWrites
    catalogue_index: "Callable[[], CatalogueIndex]"


def build(settings: Settings, file_manager: Downstream | None = None) -> Components:
    """Create the components of the service and connect them.

    Parameters
    ----------
    settings
        The service's settings.
    file_manager
        Client of the downstream service; by default, of the URL in the settings.
    """
    sqs = aws.client("sqs")
    log = ChangeLog()
    store = ToyStore(settings.table_name, log)

    @cache
    def catalogue_index() -> "CatalogueIndex":
        # not imported above: only a search needs it, and no other request waits for it
        from chalicelib.toys import index
        from chalicelib.toys.catalogue_index import CatalogueIndex
        from chalicelib.toys.snapshots import Snapshots

        snapshots = Snapshots(lambda: aws.client("s3"), settings.snapshots_bucket, index.FORMAT)
        return CatalogueIndex(log, store, snapshots)

    keys = secret_keys(lambda: aws.client("secretsmanager"), settings.cursor_secret_id)
    toys = ToyService(
        store,
        catalogue_index,
        Cursors(keys),
        file_manager
        or ServiceClient("file_manager", settings.file_manager_url, signed_transport()),
        settings.currency,
    )
    images = Consumer(
        {events.FILE_READY: toys.on_file_ready},
        Parking(sqs, settings.images_dead_letters_url),
        sqs,
        settings.retry_base_seconds,
    )
    return Components(toys, images, BypassedWrites(store), catalogue_index)
