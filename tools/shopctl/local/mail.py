"""Reads the emails that the shop sent."""

import datetime
import email
import email.policy
import email.utils
from email.message import EmailMessage
from pathlib import Path
from typing import TypedDict

ASIDE = "mail-after-snapshot"
"""Directory of the emails that were sent after the snapshot to which a restart went back."""


class Mail(TypedDict):
    """One email; ``to`` holds bare addresses, separated by commas."""

    to: str
    subject: str
    text: str
    html: str
    sent_at: str


def read(directory: Path) -> list[Mail]:
    """Read every email without its attachments, oldest first."""
    return [_read(path) for path in sorted(directory.glob("*.eml"), key=lambda p: int(p.stem))]


def delete(directory: Path, address: str) -> int:
    """Delete every email to an address, and return their number.

    Emails that a restart after a kill has put aside count too.

    Parameters
    ----------
    directory
        The directory of the emails, beside which others are put aside.
    address
        The address in lower case.
    """
    paths = [*directory.glob("*.eml"), *directory.with_name(ASIDE).glob("*.eml")]
    found = [path for path in paths if address in _recipients(path)]
    for path in found:
        path.unlink()
    return len(found)


def _recipients(path: Path) -> list[str]:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    headers = [str(message[name] or "") for name in ("To", "X-Envelope-To")]
    return [address.lower() for _, address in email.utils.getaddresses(headers)]


def _read(path: Path) -> Mail:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    recipients = str(message["To"] or message["X-Envelope-To"])
    sent = datetime.datetime.fromtimestamp(int(path.stem) / 1e9, datetime.UTC)
    return Mail(
        to=", ".join(address for _, address in email.utils.getaddresses([recipients])),
        subject=str(message["Subject"] or "").strip(),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        sent_at=sent.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    return str(body.get_content()) if body else ""
