"""The rules of emails, in plain Python without AWS or HTTP."""

import hashlib
import re
import zlib
from datetime import datetime, timedelta

import msgspec

from contracts.notifications import Message, MessageText, NewMessage

_ID = re.compile(r"msg_[0-9A-HJKMNP-TV-Z]{26}")
_ERASED = "erased"


class MessageError(Exception):
    """A rule about emails is violated."""


class DifferentMessageError(MessageError):
    """Another email was sent under this id."""


class SendingInProgressError(MessageError):
    """Another attempt may be sending this email, and a second one could send it twice."""


class NotSentError(MessageError):
    """The address of an email that is not sent yet is still needed."""


class Attempt(msgspec.Struct, frozen=True):
    """An email and the current attempt to send it.

    Attributes
    ----------
    fingerprint
        Fingerprint of the request.
    leased_until
        Time until which no other attempt may send the email.
    updated_at
        Time of the last change.
    content
        Subject and text of the email as ``packed`` returns them, once it is sent and until they are
        erased.
    """

    message: Message
    fingerprint: str
    leased_until: datetime
    updated_at: datetime
    content: bytes | None = None


def is_message_id(text: str) -> bool:
    """Return whether a text has the form of a message id."""
    return _ID.fullmatch(text) is not None


def fingerprint_of(request: NewMessage) -> str:
    """Return the fingerprint of a request: equal requests have equal fingerprints.

    A URL is not part of it, because it is another one each time; the digest of the content is.
    """
    attachments = [msgspec.structs.replace(one, url=msgspec.UNSET) for one in request.attachments]
    comparable = msgspec.structs.replace(request, attachments=attachments)
    return hashlib.sha256(msgspec.json.encode(comparable)).hexdigest()


def first_attempt(message_id: str, request: NewMessage, lease: timedelta, now: datetime) -> Attempt:
    """Return the first attempt to send an email.

    Parameters
    ----------
    lease
        Time that an attempt may take.
    """
    message = Message(
        id=message_id,
        to=request.to,
        template=request.template,
        status="sending",
        version=1,
        created_at=now,
    )
    return Attempt(message, fingerprint_of(request), now + lease, now)


def next_attempt(
    before: Attempt, request: NewMessage, lease: timedelta, now: datetime
) -> Attempt | None:
    """Return the attempt that follows a failed one, or ``None`` if the email was sent.

    The request may differ from that of the failed attempt, because nobody has read that email.

    Parameters
    ----------
    lease
        Time that an attempt may take.

    Raises
    ------
    DifferentMessageError
        If another email was sent under this id.
    SendingInProgressError
        If the lease of the previous attempt has not expired.
    """
    fingerprint = fingerprint_of(request)
    if before.message.status == "sent":
        if before.fingerprint != fingerprint:
            raise DifferentMessageError("Another email was sent under this id")
        return None
    if now < before.leased_until:
        raise SendingInProgressError("This email is being sent")
    message = msgspec.structs.replace(
        before.message,
        to=request.to,
        template=request.template,
        version=before.message.version + 1,
    )
    return Attempt(message, fingerprint, now + lease, now)


def erase_customer(sent: Attempt, now: datetime) -> Attempt:
    """Return a sent email without its address and text; the same if they are erased already.

    The fingerprint goes too, because it is a digest of the address among others. Without it, no
    request equals the one that was sent, and the email is not sent again.

    Raises
    ------
    NotSentError
        If the email is not sent yet.
    """
    if sent.message.status != "sent":
        raise NotSentError("This email is not sent yet")
    if not sent.message.to:
        return sent
    message = msgspec.structs.replace(sent.message, to="", version=sent.message.version + 1)
    return msgspec.structs.replace(
        sent, message=message, fingerprint=_ERASED, updated_at=now, content=None
    )


def release_lease(attempt: Attempt, now: datetime) -> Attempt:
    """Return an attempt that has certainly sent nothing, without its lease."""
    message = msgspec.structs.replace(attempt.message, version=attempt.message.version + 1)
    return msgspec.structs.replace(attempt, message=message, leased_until=now, updated_at=now)


def mark_sent(attempt: Attempt, content: MessageText, now: datetime) -> Attempt:
    """Return the attempt that has sent the email, with the email's subject and text."""
    message = msgspec.structs.replace(
        attempt.message, status="sent", sent_at=now, version=attempt.message.version + 1
    )
    return msgspec.structs.replace(
        attempt, message=message, updated_at=now, content=packed(content)
    )


def packed(content: MessageText) -> bytes:
    """Return a subject and text compressed, so that most messages fit into one write unit."""
    return zlib.compress(msgspec.json.encode(content), level=9)


def unpacked(content: bytes | None) -> MessageText | None:
    """Return the subject and text that ``packed`` compressed."""
    if content is None:
        return None
    return msgspec.json.decode(zlib.decompress(content), type=MessageText)
