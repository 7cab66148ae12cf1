"""The document of the API of notifications."""

from contracts.reference import HEALTH, PRIVATE_SERVER, Reference, Tag

REFERENCE = Reference(
    title="Toy shop: notifications",
    name="notifications",
    server=PRIVATE_SERVER,
    description="Emails to customers, each sent once. A private API: callers sign their requests.",
    tags=(
        Tag(
            "Messages",
            "Emails and whether they have been sent.",
            {
                "sendMessage": "Renders the template and sends the email, unless it was sent "
                "before; 409 if another email has this id.",
                "lookUpMessages": "Reads up to 100 messages at once.",
                "eraseMessages": "Replaces the addresses by empty ones; 409 if an email is not "
                "sent yet. `./shop forget` uses it.",
            },
        ),
        HEALTH,
    ),
)
