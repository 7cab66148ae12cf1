"""The rules of e-mails: no AWS, no HTTP, nothing that a shopkeeper could not follow."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from contracts.notifications import Message, NewMessage

_ID = re.compile(r"msg_[0-9A-HJKMNP-TV-Z]{26}")


class MessageError(Exception):
    """A rule about e-mails that does not hold."""


class AnotherMessageError(MessageError):
    """One id, one e-mail."""


class BeingSentError(MessageError):
    """Two attempts at the same time could send it twice."""


@dataclass(frozen=True)
class Attempt:
    """An e-mail and the attempt to send it.

    Attributes
    ----------
    fingerprint
        Of what was asked for.
    leased_until
        Until then nobody else may send it.
    """

    message: Message
    fingerprint: str
    leased_until: datetime
    updated_at: datetime


def is_message_id(text: str) -> bool:
    """Tell whether a text can be the id of an e-mail."""
    return _ID.fullmatch(text) is not None


def fingerprint_of(request: NewMessage) -> str:
    """Return the fingerprint by which the same request is known again."""
    return hashlib.sha256(msgspec.json.encode(request)).hexdigest()


def first_attempt(message_id: str, request: NewMessage, lease: timedelta, now: datetime) -> Attempt:
    """Return the first attempt to send an e-mail."""
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
    """Return the attempt that follows one that came to nothing, or ``None`` if it was sent.

    An e-mail that was not sent may be asked for differently: nobody has read it.

    Raises
    ------
    AnotherMessageError
        If another e-mail was sent under this id.
    BeingSentError
        If the other attempt may still be at it.
    """
    fingerprint = fingerprint_of(request)
    if before.message.status == "sent":
        if before.fingerprint != fingerprint:
            raise AnotherMessageError("Another e-mail was sent under this id")
        return None
    if now < before.leased_until:
        raise BeingSentError("This e-mail is being sent right now")
    message = msgspec.structs.replace(
        before.message,
        to=request.to,
        template=request.template,
        version=before.message.version + 1,
    )
    return Attempt(message, fingerprint, now + lease, now)


def given_up(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt that has certainly sent nothing: the next one need not wait."""
    message = msgspec.structs.replace(attempt.message, version=attempt.message.version + 1)
    return replace(attempt, message=message, leased_until=now, updated_at=now)


def sent(attempt: Attempt, now: datetime) -> Attempt:
    """Return the attempt that has sent the e-mail."""
    message = msgspec.structs.replace(
        attempt.message, status="sent", sent_at=now, version=attempt.message.version + 1
    )
    return replace(attempt, message=message, updated_at=now)
