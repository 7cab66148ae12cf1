"""The notifications API."""

import chassis.startup  # noqa: F401 - first: it makes the other imports faster

# isort: split
from chalicelib.notifications.bootstrap import Settings, build
from chassis.api import Answer, ServiceApp
from chassis.settings import load
from contracts import notifications as api

settings = load(Settings)
app = ServiceApp("toyshop-notifications", settings, max_body=4 * 1024 * 1024)
components = build(settings)


@app.serves(api.SEND)
def send_message(message_id: str) -> Answer:
    """Send an email, once per id."""
    message, is_new = components.notifications.send(message_id, app.body(api.NewMessage))
    return Answer(message, status=201 if is_new else 200)


@app.serves(api.LOOKUP)
def look_up_messages() -> api.MessageLookupAnswer:
    """Return the messages with the given ids."""
    return components.notifications.look_up(app.body(api.MessageLookup))


@app.serves(api.ERASE)
def erase_messages() -> api.MessageErasureAnswer:
    """Erase the addresses of sent emails."""
    return components.notifications.erase(app.body(api.MessageErasure))
