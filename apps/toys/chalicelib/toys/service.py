"""The use cases of toys."""

from dataclasses import replace
from typing import Any

import msgspec

from chalicelib.toys import domain
from chalicelib.toys.search import ToyIndex
from chalicelib.toys.store import Stored, ToyStore
from chassis import clock, log
from chassis.client import Downstream
from chassis.clock import Clock
from chassis.cursors import Cursors
from chassis.ids import new_id
from chassis.parsing import merge_patch, parse_document
from chassis.preconditions import stale
from chassis.problems import (
    Conflict,
    NotFound,
    ProblemError,
    Unprocessable,
)
from contracts import files
from contracts.events import CloudEvent
from contracts.toys import (
    NewToyImage,
    Toy,
    ToyDraft,
    ToyImage,
    ToyLookup,
    ToyLookupAnswer,
    ToyPage,
    ToyQuery,
)

_LONGEST_ID = 64


class ToyService:
    """Keeps the catalogue and searches it.

    Parameters
    ----------
    store
        Where toys are kept.
    index
        Finds them.
    cursors
        Of the search.
    file_manager
        Keeps the pictures.
    currency
        The one that the shop sells in.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        store: ToyStore,
        index: ToyIndex,
        cursors: Cursors,
        file_manager: Downstream,
        currency: str,
        now: Clock = clock.now,
    ) -> None:
        self._store = store
        self._index = index
        self._cursors = cursors
        self._file_manager = file_manager
        self._currency = currency
        self._now = now

    def search(self, query: ToyQuery) -> ToyPage:
        """Return a page of what a query finds.

        Raises
        ------
        BadRequest
            If the cursor is not one of this query.
        """
        scope = msgspec.to_builtins(query)
        cursor = scope.pop("cursor")
        del scope["limit"]  # it may change from page to page
        after = tuple(self._cursors.read(cursor, scope)) if cursor else None
        page = self._index.search(query, after)
        return ToyPage(
            items=self._store.get_many(page.ids),
            next_cursor=self._cursors.write(page.last, scope) if page.last else None,
        )

    def get(self, toy_id: str) -> Toy:
        """Return a toy.

        Raises
        ------
        NotFound
            If there is no such toy.
        """
        return self._stored(toy_id).toy

    def look_up(self, lookup: ToyLookup) -> ToyLookupAnswer:
        """Return the toys that exist among those asked for."""
        ids = [toy_id for toy_id in lookup.ids if toy_id]
        return ToyLookupAnswer(items=self._store.get_many(ids))

    def create(self, draft: ToyDraft) -> Toy:
        """Add a toy.

        Raises
        ------
        Unprocessable
            If it cannot be sold at its price.
        """
        self._check(draft)
        toy = domain.describe(new_id("toy"), draft, self._now())
        self._store.add(toy)
        return toy

    def get_for_update(self, toy_id: str) -> Stored:
        """Return a toy as it is stored, to check a precondition before changing it.

        Raises
        ------
        NotFound
            If there is no such toy.
        """
        return self._stored(toy_id)

    def replace(self, stored: Stored, draft: ToyDraft) -> Toy:
        """Describe a toy anew.

        Raises
        ------
        PreconditionFailed, Unprocessable
            If it has changed since, or cannot be sold at its price.
        """
        self._check(draft)
        changed = domain.redescribe(stored.toy, draft, self._now())
        if not self._store.replace(replace(stored, toy=changed)):
            raise stale(self.get(changed.id).version)
        return changed

    def patch(self, stored: Stored, patch: dict[str, Any]) -> Toy:
        """Apply a merge patch to what staff describe of a toy.

        Raises
        ------
        PreconditionFailed, Unprocessable
            If it has changed since, or the result is no description of a toy.
        """
        current = msgspec.to_builtins(domain.draft_of(stored.toy))
        return self.replace(stored, parse_document(merge_patch(current, patch), ToyDraft))

    def delete(self, stored: Stored) -> None:
        """Withdraw a toy, and its pictures with it.

        Raises
        ------
        PreconditionFailed
            If it has changed since.
        """
        if not self._store.delete(stored.toy):
            raise stale(self.get(stored.toy.id).version)
        for image in stored.toy.images:
            self._forget(image.id)

    def announce_image(self, toy: Toy, image: NewToyImage) -> files.ImageTicket:
        """Return where to upload a picture, which the toy shows once its bytes are checked.

        Raises
        ------
        Conflict
            If the toy has as many pictures as it may.
        """
        try:
            domain.check_room_for_image(toy)
        except domain.TooManyImagesError as error:
            raise Conflict(f"{error}.") from None
        announcement = files.NewImage(
            subject=toy.id, content_type=image.content_type, size=image.size, alt=image.alt
        )
        return self._file_manager.call(files.ANNOUNCE_IMAGE, body=announcement).value

    def remove_image(self, toy_id: str, image_id: str) -> None:
        """Take a picture down and have its file deleted.

        Raises
        ------
        NotFound
            If there is no such toy, or it has no such picture.
        """
        while True:
            stored = self._stored(toy_id)
            try:
                changed = domain.take_down(stored.toy, image_id, self._now())
            except domain.NoSuchImageError as error:
                raise NotFound(f"{error}.") from None
            if self._store.replace(replace(stored, toy=changed)):
                break
        self._forget(image_id)

    def on_file_ready(self, event: CloudEvent[files.FileReady]) -> None:
        """Show a picture on its toy, once and for all.

        A file that the toy was told of before changes nothing, even if its picture has been
        removed since: the event may come again at any time.
        """
        file = event.data
        image = ToyImage(id=file.id, url=file.url, alt=file.alt)
        while True:
            stored = self._store.get(file.subject)
            if stored is None:
                log.info("picture of no toy", toy=file.subject, file=file.id)
                self._delete_file(file.id)
                return
            if file.id in stored.seen_files:
                return
            try:
                changed = domain.show(stored.toy, image, self._now())
            except domain.TooManyImagesError:
                log.warning("picture too many", toy=file.subject, file=file.id)
                self._delete_file(file.id)
                return
            if self._store.replace(Stored(changed, [*stored.seen_files, file.id])):
                return

    def _stored(self, toy_id: str) -> Stored:
        stored = self._store.get(toy_id) if len(toy_id) <= _LONGEST_ID else None
        if stored is None:
            raise NotFound("There is no such toy.")
        return stored

    def _check(self, draft: ToyDraft) -> None:
        try:
            domain.check_price(draft.price, self._currency)
        except domain.OtherCurrencyError as error:
            raise Unprocessable.at("/price/currency", str(error)) from None
        except domain.NoPriceError as error:
            raise Unprocessable.at("/price/amount", str(error)) from None

    def _forget(self, file_id: str) -> None:
        """Have a file deleted, if it can be: nothing shows it any more."""
        try:
            self._delete_file(file_id)
        except ProblemError as error:
            log.error("file left behind", file=file_id, reason=error.detail)

    def _delete_file(self, file_id: str) -> None:
        self._file_manager.call(files.DELETE, {"file_id": file_id})
