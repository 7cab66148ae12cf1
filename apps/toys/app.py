"""The toys API, the consumer of file_manager's events about images, and the search's log."""

import chassis.startup  # noqa: F401 - first: it makes the other imports faster

# isort: split
from chalice.app import CloudWatchEvent, DynamoDBEvent, SNSEvent, SQSEvent

from chalicelib.toys.bootstrap import Settings, build
from chalicelib.toys.store import Stored
from chassis import tracing
from chassis.api import Answer, ServiceApp
from chassis.settings import load, source
from contracts import toys as api
from contracts.files import ImageTicket

settings = load(Settings)
app = ServiceApp("toyshop-toys", settings)
components = build(settings)


def toy_to_change(toy_id: str) -> Stored:
    """Return the toy to change: 404 if there is none, then 428 or 412 by the precondition."""
    stored = components.toys.get_for_update(toy_id)
    app.precondition().check(stored.toy.version)
    return stored


@app.serves(api.SEARCH)
def search_toys() -> api.ToyPage:
    """Search the catalogue."""
    return components.toys.search(app.query(api.ToyQuery))


@app.serves(api.SUGGEST)
def suggest_toys() -> api.SuggestionList:
    """Suggest queries."""
    return components.toys.suggest(app.query(api.SuggestionQuery))


@app.serves(api.OUTLINE)
def outline_catalogue() -> api.CatalogueOutline:
    """Return the parts and categories of the catalogue."""
    return components.toys.outline()


@app.serves(api.LIST_PART)
def list_catalogue_part() -> api.CataloguePart:
    """List the toys of a part of the catalogue."""
    return components.toys.list_part(app.query(api.CataloguePartQuery).number)


@app.serves(api.GET)
def get_toy(toy_id: str) -> api.Toy:
    """Return a toy."""
    return components.toys.get(toy_id)


@app.serves(api.LOOKUP)
def look_up_toys() -> api.ToyLookupAnswer:
    """Return the toys with the given ids."""
    return components.toys.look_up(app.body(api.ToyLookup))


@app.serves(api.CREATE)
def create_toy() -> Answer:
    """Add a toy."""
    toy = components.toys.create(app.body(api.ToyDraft))
    return Answer(toy, headers={"Location": f"/toys/{toy.id}"})


@app.serves(api.REPLACE)
def replace_toy(toy_id: str) -> api.Toy:
    """Replace the details of a toy."""
    stored = toy_to_change(toy_id)
    return components.toys.replace(stored, app.body(api.ToyReplacement), app.precondition())


@app.serves(api.PATCH)
def patch_toy(toy_id: str) -> api.Toy:
    """Change some of the details of a toy."""
    stored = toy_to_change(toy_id)
    return components.toys.patch(stored, app.patch(), app.precondition())


@app.serves(api.DELETE)
def delete_toy(toy_id: str) -> None:
    """Delete a toy and its images."""
    components.toys.delete(toy_to_change(toy_id), app.precondition())


@app.serves(api.ADD_IMAGE)
def add_toy_image(toy_id: str) -> ImageTicket:
    """Announce the upload of an image of a toy."""
    return components.toys.announce_image(components.toys.get(toy_id), app.body(api.NewToyImage))


@app.serves(api.LIST_IMAGES)
def list_toy_images(toy_id: str) -> api.UploadedImagePage:
    """List the images of a toy with the result of their check."""
    return components.toys.list_images(toy_id, app.query(api.UploadedImageQuery))


@app.serves(api.REMOVE_IMAGE)
def remove_toy_image(toy_id: str, image_id: str) -> None:
    """Remove an image from a toy."""
    components.toys.remove_image(toy_id, image_id)


@app.on_sns_message(topic=source("images"))
def images(event: SNSEvent) -> dict[str, object]:
    """Add an image to its toy once its content has been checked."""
    return components.images.on_sns(event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=source("images_retry"))
def images_retry(event: SQSEvent) -> dict[str, object]:
    """Retry for hours what ``images`` failed to do."""
    return components.images.on_sqs(event.to_dict(), settings.images_retry_url, event.context)


@app.on_dynamodb_record(stream_arn=source("log_bypassed"), starting_position="TRIM_HORIZON")
def log_bypassed(event: DynamoDBEvent) -> dict[str, object]:
    """Add to the change log what an earlier release wrote without it."""
    return components.bypassed_writes.handle(event.to_dict(), event.context)


@app.schedule("rate(5 minutes)")
def save_snapshot(event: CloudWatchEvent) -> bool:
    """Save a snapshot of the search index if many toys have changed since the last one."""
    with tracing.scheduled("save_snapshot", event.context):
        return components.catalogue_index().save_snapshot(settings.snapshot_changes)
