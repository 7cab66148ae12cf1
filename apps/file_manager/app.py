"""The files API, the check of uploads, and the relay of the table's stream."""

import chassis.startup  # noqa: F401 - first: it makes the other imports faster

# isort: split
from chalice.app import DynamoDBEvent, SQSEvent

from chalicelib.file_manager.bootstrap import Settings, build
from chassis.api import Answer, ServiceApp
from chassis.settings import load, source
from contracts import files as api

settings = load(Settings)
app = ServiceApp("toyshop-file-manager", settings, max_body=4 * 1024 * 1024)
components = build(settings)


@app.serves(api.ANNOUNCE_IMAGE)
def announce_image() -> api.ImageTicket:
    """Announce the upload of an image."""
    return components.files.announce(app.body(api.NewImage))


@app.serves(api.LIST_IMAGES)
def list_images() -> api.ImagePage:
    """List the images of a subject."""
    return components.files.list_images(app.query(api.ImageQuery))


@app.serves(api.LOOKUP)
def look_up_files() -> api.FileLookupAnswer:
    """Return the files with the given ids."""
    return components.files.look_up(app.body(api.FileLookup))


@app.serves(api.DELETE)
def delete_file(file_id: str) -> None:
    """Delete a file and its content."""
    components.files.delete(file_id)


@app.serves(api.ARCHIVE_DOCUMENT)
def archive_document(file_id: str) -> Answer:
    """Archive a document, once per id."""
    document, is_new = components.files.archive(file_id, app.body(api.NewDocument))
    return Answer(document, status=201 if is_new else 200)


@app.serves(api.REPLACE_DOCUMENT)
def replace_document(file_id: str) -> api.File:
    """Replace an archived document."""
    return components.files.replace(file_id, app.body(api.NewDocument))


@app.serves(api.LINK_DOCUMENT)
def link_document(file_id: str) -> api.Link:
    """Return a short-lived URL of a document."""
    return components.files.link(file_id)


@app.on_sqs_message(queue_arn=source("on_s3_event"))
def on_s3_event(event: SQSEvent) -> dict[str, object]:
    """Check uploads, and publish the images that they contain."""
    return components.uploads.handle(event.to_dict(), event.context)


@app.on_dynamodb_record(stream_arn=source("on_dynamodb_record"), starting_position="TRIM_HORIZON")
def on_dynamodb_record(event: DynamoDBEvent) -> dict[str, object]:
    """Publish the events of changed files."""
    return components.relay.handle(event.to_dict(), event.context)
