"""The use cases of emails."""

from datetime import timedelta

from msgspec import UNSET
from msgspec.structs import replace

from chalicelib.notifications import domain
from chalicelib.notifications.composer import Composer
from chalicelib.notifications.documents import Documents, DocumentUnavailableError
from chalicelib.notifications.domain import Attempt
from chalicelib.notifications.email_sender import (
    EmailNotAcceptedError,
    EmailRejectedError,
    EmailSender,
    UnknownOutcomeError,
)
from chalicelib.notifications.store import MessageStore
from chassis import clock, log, tracing
from chassis.clock import Clock
from chassis.contention import Attempts
from chassis.problems import BadRequest, Conflict, ServiceUnavailable, Unprocessable
from contracts.notifications import (
    Message,
    MessageErasure,
    MessageErasureAnswer,
    MessageLookup,
    MessageLookupAnswer,
    MessageText,
    NewMessage,
)


class NotificationService:
    """Sends emails, each once.

    An attempt leases the message, sends the email, then records it as sent. A second copy is
    possible only if the process dies, or the response of SES is lost, in between.

    Parameters
    ----------
    store
        Reads and writes the messages table.
    composer
        Composes the emails.
    documents
        Reads the documents to attach.
    email_sender
        Sends the emails.
    lease
        Time after which an attempt without a recorded result is regarded as crashed.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        store: MessageStore,
        composer: Composer,
        documents: Documents,
        email_sender: EmailSender,
        lease: timedelta,
        now: Clock = clock.now,
    ) -> None:
        self._store = store
        self._composer = composer
        self._documents = documents
        self._email_sender = email_sender
        self._lease = lease
        self._now = now

    def look_up(self, lookup: MessageLookup) -> MessageLookupAnswer:
        """Return the messages with the given ids, without those that do not exist."""
        found = self._store.of_ids(lookup.ids)
        return MessageLookupAnswer(
            items=[
                replace(one.message, content=domain.unpacked(one.content))
                if lookup.texts
                else one.message
                for one in found
            ]
        )

    def erase(self, request: MessageErasure) -> MessageErasureAnswer:
        """Erase the addresses and texts of sent emails, and return which emails had one.

        Emails that do not exist are ignored.

        Raises
        ------
        Conflict
            If an email is not sent yet.
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        ids = dict.fromkeys(request.ids)
        return MessageErasureAnswer(
            erased=[message_id for message_id in ids if self._erase(message_id)]
        )

    def _erase(self, message_id: str) -> bool:
        attempts = Attempts(message_id)
        while stored := self._store.get(message_id):
            attempts.begin()
            try:
                erased = domain.erase_customer(stored, self._now())
            except domain.NotSentError as error:
                raise Conflict(f"{error}. Its address can be erased afterwards.") from None
            if erased is stored:
                return False
            if self._store.replace(erased):
                return True
        return False

    def send(self, message_id: str, request: NewMessage) -> tuple[Message, bool]:
        """Send an email, once per id.

        Returns
        -------
        tuple
            The message, and whether this call sent it.

        Raises
        ------
        BadRequest
            If the id is not a message id.
        Unprocessable
            If SES rejects the email, or an attachment has neither content nor URL, or both.
        Conflict
            If another email was sent under this id.
        ServiceUnavailable
            If another attempt is sending the email, an attachment cannot be read, or SES did not
            accept it: try again.
        """
        if not domain.is_message_id(message_id):
            raise BadRequest.at(
                "/message_id", "A message id is msg_ followed by 26 letters and digits"
            )
        if hop := tracing.current_hop():
            hop.attributes["toyshop.message_id"] = message_id
        self._check(request)
        attempt = self._claim(message_id, request)
        if isinstance(attempt, Message):
            return attempt, False
        try:
            complete = self._with_contents(request)
            email = self._composer.compose(message_id, complete, self._now())
            self._email_sender.send(email)
        except DocumentUnavailableError as error:
            log.warning("attachment not read", message_id=message_id, reason=str(error))
            self._release_lease(attempt)
            raise ServiceUnavailable("An attachment cannot be read. Try again later.") from None
        except EmailRejectedError:
            self._release_lease(attempt)
            raise Unprocessable.at("/to", "The email service does not accept this email") from None
        except EmailNotAcceptedError:
            self._release_lease(attempt)
            raise ServiceUnavailable(
                "The email service did not accept the email. Try again later."
            ) from None
        except UnknownOutcomeError:
            # SES may have accepted it, so no other attempt may start before the lease expires.
            raise ServiceUnavailable(
                "The email service did not respond. Try again later."
            ) from None
        return self._record_sent(attempt, email.text), True

    def _check(self, request: NewMessage) -> None:
        for number, attachment in enumerate(request.attachments):
            pointer = f"/attachments/{number}"
            if (attachment.content is UNSET) == (attachment.url is UNSET):
                raise Unprocessable.at(pointer, "Send either the content or a URL")
            if (attachment.url is UNSET) != (attachment.sha256 is UNSET):
                raise Unprocessable.at(pointer, "Send the SHA-256 with a URL, and only then")
            if attachment.url is not UNSET and not self._documents.accepts(attachment.url):
                raise Unprocessable.at(f"{pointer}/url", "Must be a URL of the file storage")

    def _with_contents(self, request: NewMessage) -> NewMessage:
        """Return the request with the contents of all attachments."""
        attachments = [
            replace(one, content=self._documents.read(one.url, str(one.sha256)))
            if one.url is not UNSET
            else one
            for one in request.attachments
        ]
        return replace(request, attachments=attachments)

    def _claim(self, message_id: str, request: NewMessage) -> Attempt | Message:
        """Return the attempt that may send the email now, or the message that was sent."""
        before = self._store.get(message_id)
        now = self._now()
        if before is None:
            attempt = domain.first_attempt(message_id, request, self._lease, now)
            claimed = self._store.add(attempt)
        else:
            try:
                following = domain.next_attempt(before, request, self._lease, now)
            except domain.DifferentMessageError as error:
                raise Conflict(f"{error}.") from None
            except domain.SendingInProgressError as error:
                raise ServiceUnavailable(f"{error}. Try again later.") from None
            if following is None:
                return before.message
            log.warning("retrying email", message_id=message_id, version=following.message.version)
            attempt = following
            claimed = self._store.replace(attempt)
        if not claimed:
            raise ServiceUnavailable("This email is being sent. Try again later.")
        return attempt

    def _release_lease(self, attempt: Attempt) -> None:
        self._store.replace(domain.release_lease(attempt, self._now()))

    def _record_sent(self, attempt: Attempt, content: MessageText) -> Message:
        done = domain.mark_sent(attempt, content, self._now())
        attempts = Attempts(done.message.id)
        while not self._store.replace(done):
            attempts.begin()
            # Another attempt has taken over. This one has sent the email, which must be recorded.
            current = self._store.get(done.message.id)
            if current is None or current.message.status == "sent":
                break
            done = domain.mark_sent(current, content, self._now())
        log.info("email sent", message_id=done.message.id, template=done.message.template)
        return done.message
