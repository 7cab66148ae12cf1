"""The use cases of e-mails."""

from datetime import timedelta

from chalicelib.notifications import domain
from chalicelib.notifications.domain import Attempt
from chalicelib.notifications.mail import AddressError, Composer
from chalicelib.notifications.postbox import NoAnswerError, NotTakenError, Postbox, RefusedError
from chalicelib.notifications.store import MessageStore
from chassis import clock, log
from chassis.clock import Clock
from chassis.problems import BadRequest, Conflict, ServiceUnavailable, Unprocessable
from contracts.notifications import Message, MessageLookup, MessageLookupAnswer, NewMessage


class NotificationService:
    """Sends e-mails, each once.

    An attempt leases the message, hands it to the postbox, then records it as sent. A second copy
    can go out only if the process dies, or the postbox's answer is lost, in between.

    Parameters
    ----------
    store
        The messages.
    composer
        Writes the e-mails.
    postbox
        Takes them.
    lease
        How long an attempt may take before it is given up for dead.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        store: MessageStore,
        composer: Composer,
        postbox: Postbox,
        lease: timedelta,
        now: Clock = clock.now,
    ) -> None:
        self._store = store
        self._composer = composer
        self._postbox = postbox
        self._lease = lease
        self._now = now

    def look_up(self, lookup: MessageLookup) -> MessageLookupAnswer:
        """Return what became of the e-mails that exist of those asked for."""
        return MessageLookupAnswer(items=self._store.of_ids(lookup.ids))

    def send(self, message_id: str, request: NewMessage) -> tuple[Message, bool]:
        """Send an e-mail, once per id.

        Returns
        -------
        tuple
            The message, and whether this call has sent it.

        Raises
        ------
        BadRequest, Unprocessable
            If the id is no message's, or the address takes no e-mail.
        Conflict
            If another e-mail was sent under this id.
        ServiceUnavailable
            If another attempt is at it, or the e-mail was not taken: ask again.
        """
        if not domain.is_message_id(message_id):
            raise BadRequest.at(
                "/message_id", "The id of a message is msg_ and 26 letters and digits"
            )
        attempt = self._claim(message_id, request)
        if isinstance(attempt, Message):
            return attempt, False
        try:
            self._postbox.post(self._composer.compose(message_id, request, self._now()))
        except AddressError as error:
            self._give_up(attempt)
            raise Unprocessable.at("/to", str(error)) from None
        except RefusedError:
            self._give_up(attempt)
            raise Unprocessable.at("/to", "The mail service does not take this e-mail") from None
        except NotTakenError:
            self._give_up(attempt)
            raise ServiceUnavailable("The mail service took no e-mail. Try again later.") from None
        except NoAnswerError:
            # It may be on its way, so nobody else may try before the lease is over.
            raise ServiceUnavailable("The mail service did not answer. Try again later.") from None
        return self._record_sent(attempt), True

    def _claim(self, message_id: str, request: NewMessage) -> Attempt | Message:
        """Return the attempt that may send the e-mail now, or the message that was sent."""
        before = self._store.get(message_id)
        now = self._now()
        if before is None:
            attempt = domain.first_attempt(message_id, request, self._lease, now)
            claimed = self._store.add(attempt)
        else:
            try:
                following = domain.next_attempt(before, request, self._lease, now)
            except domain.AnotherMessageError as error:
                raise Conflict(f"{error}.") from None
            except domain.BeingSentError as error:
                raise ServiceUnavailable(f"{error}. Try again later.") from None
            if following is None:
                return before.message
            log.warning("sending again", id=message_id, version=following.message.version)
            attempt = following
            claimed = self._store.replace(attempt)
        if not claimed:
            raise ServiceUnavailable("This e-mail is being sent right now. Try again later.")
        return attempt

    def _give_up(self, attempt: Attempt) -> None:
        self._store.replace(domain.given_up(attempt, self._now()))

    def _record_sent(self, attempt: Attempt) -> Message:
        done = domain.sent(attempt, self._now())
        while not self._store.replace(done):
            # Somebody took this attempt for dead. It was sent all the same, which must be known.
            current = self._store.get(done.message.id)
            if current is None or current.message.status == "sent":
                break
            done = domain.sent(current, self._now())
        log.info("sent", id=done.message.id, template=done.message.template)
        return done.message
