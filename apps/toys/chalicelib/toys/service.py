"""The use cases of toys."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from chalicelib.toys import domain
from chalicelib.toys.store import Stored, ToyStore
from chassis import clock, consumer, log
from chassis.client import Downstream
from chassis.clock import Clock
from chassis.contention import Attempts
from chassis.cursors import Cursors
from chassis.ids import new_id
from chassis.parsing import merge_patch, parse_document
from chassis.preconditions import Precondition
from chassis.problems import Conflict, NotFound, ProblemError, Unprocessable
from contracts import files
from contracts.events import CloudEvent
from contracts.toys import (
    CatalogueOutline,
    CataloguePart,
    NewToyImage,
    Suggestion,
    SuggestionList,
    SuggestionQuery,
    Toy,
    ToyDraft,
    ToyImage,
    ToyLookup,
    ToyLookupAnswer,
    ToyPage,
    ToyQuery,
    ToyReplacement,
    UploadedImagePage,
    UploadedImageQuery,
)

if TYPE_CHECKING:
    from chalicelib.toys.catalogue_index import CatalogueIndex

_MAX_ID_LENGTH = 64
_RANKING = "bm25"
"""Part of the query of a cursor by relevance; another ranking gives it another name."""


class ToyService:
    """Manages the catalogue and searches it.

    Parameters
    ----------
    store
        Reads and writes the toys table.
    index
        Returns what finds toys by a query.
    cursors
        Signs and verifies the pagination cursors.
    file_manager
        Client of the service that stores the images.
    currency
        ISO 4217 code of the shop's currency.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        store: ToyStore,
        index: "Callable[[], CatalogueIndex]",
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
        """Return a page of the toys that match a query.

        Raises
        ------
        BadRequest
            If the cursor belongs to another query or is not valid.
        """
        # not imported above: of all requests, only a search needs the index
        from chalicelib.toys.index import Facet

        scope = msgspec.to_builtins(query)
        cursor = scope.pop("cursor")
        # what may change between pages
        del scope["limit"], scope["facets"]
        if query.sort == "relevance":
            # the release before this one ranks otherwise, and would misread the position
            scope["ranking"] = _RANKING
        after = tuple(self._cursors.read(cursor, scope)) if cursor else None
        named = query.facets.split(",") if query.facets else []
        facets = msgspec.convert(named, list[Facet])
        page = self._index().search(query, after, facets)
        return ToyPage(
            items=self._store.get_many(page.ids),
            next_cursor=self._cursors.write(page.last, scope) if page.last else None,
            total=page.total,
            facets=page.facets if facets else UNSET,
        )

    def suggest(self, query: SuggestionQuery) -> SuggestionList:
        """Return texts of the catalogue that continue what a shopper has typed."""
        texts = self._index().suggest(query.q, query.limit)
        return SuggestionList(items=[Suggestion(text=text) for text in texts])

    def outline(self) -> CatalogueOutline:
        """Return the parts and categories of the catalogue.

        Raises
        ------
        ServiceUnavailable
            If there is no search index yet.
        """
        return self._index().outline()

    def list_part(self, number: int) -> CataloguePart:
        """Return the toys of a part of the catalogue.

        Raises
        ------
        NotFound
            If the catalogue has fewer parts.
        ServiceUnavailable
            If there is no search index yet.
        """
        items = self._index().part(number)
        if not items:
            raise NotFound("The catalogue has no such part.")
        return CataloguePart(items=items)

    def get(self, toy_id: str) -> Toy:
        """Return a toy.

        Raises
        ------
        NotFound
            If there is no such toy.
        """
        return self._stored(toy_id).toy

    def look_up(self, lookup: ToyLookup) -> ToyLookupAnswer:
        """Return the toys with the given ids, without those that do not exist."""
        ids = [toy_id for toy_id in lookup.ids if toy_id]
        return ToyLookupAnswer(items=self._store.get_many(ids))

    def create(self, draft: ToyDraft) -> Toy:
        """Add a toy to the catalogue.

        Raises
        ------
        Unprocessable
            If the price is not in the shop's currency or is less than one minor unit.
        """
        self._check_price(draft)
        toy = domain.new_toy(new_id("toy"), draft, self._now())
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

    def replace(
        self, stored: Stored, replacement: ToyReplacement, precondition: Precondition
    ) -> Toy:
        """Replace the details of a toy.

        Parameters
        ----------
        stored
            The toy that the precondition has been checked against.
        replacement
            The new details.
        precondition
            The versions that may be replaced, also when another writer was faster.

        Raises
        ------
        PreconditionFailed
            If the toy has changed since it was read.
        Unprocessable
            If the price is not in the shop's currency or is less than one minor unit, or a
            read-only member differs from the toy's.
        NotFound
            If the toy has been deleted since it was read.
        ServiceUnavailable
            If any version may be replaced, and other writers were faster in every attempt.
        """
        return self._change(stored, lambda _: replacement, precondition)

    def patch(self, stored: Stored, patch: dict[str, Any], precondition: Precondition) -> Toy:
        """Apply a merge patch (RFC 7396) to the details of a toy.

        Parameters
        ----------
        stored
            The toy that the precondition has been checked against.
        patch
            The merge patch.
        precondition
            The versions that may be changed, also when another writer was faster.

        Raises
        ------
        PreconditionFailed, Unprocessable, NotFound, ServiceUnavailable
            As ``replace``.
        """

        def patched(toy: Toy) -> ToyReplacement:
            return parse_document(merge_patch(msgspec.to_builtins(toy), patch), ToyReplacement)

        return self._change(stored, patched, precondition)

    def _change(
        self,
        stored: Stored,
        replacement_of: Callable[[Toy], ToyReplacement],
        precondition: Precondition,
    ) -> Toy:
        attempts = Attempts(stored.toy.id)
        while True:
            attempts.begin()
            replacement = replacement_of(stored.toy)
            if name := domain.changed_read_only(stored.toy, replacement):
                raise Unprocessable.at(
                    f"/{name}", "Cannot be changed; send it as it is or leave it out"
                )
            self._check_price(replacement)
            changed = domain.replace_details(stored.toy, replacement, self._now())
            if self._store.replace(replace(stored, toy=changed)):
                return changed
            stored = self._stored(changed.id)
            precondition.check(stored.toy.version)

    def delete(self, stored: Stored, precondition: Precondition) -> None:
        """Delete a toy and its images.

        Parameters
        ----------
        stored
            The toy that the precondition has been checked against.
        precondition
            The versions that may be deleted, also when another writer was faster.

        Raises
        ------
        PreconditionFailed
            If the toy has changed since it was read.
        NotFound
            If the toy has been deleted since it was read.
        ServiceUnavailable
            If any version may be deleted, and other writers were faster in every attempt.
        """
        attempts = Attempts(stored.toy.id)
        attempts.begin()
        while not self._store.delete(stored.toy):
            stored = self._stored(stored.toy.id)
            precondition.check(stored.toy.version)
            attempts.begin()
        for image in stored.toy.images:
            self._try_to_delete_file(image.id)

    def announce_image(self, toy: Toy, image: NewToyImage) -> files.ImageTicket:
        """Return where to upload an image, which is added to the toy once it has been checked.

        Raises
        ------
        Conflict
            If the toy already has the maximum number of images.
        ServiceUnavailable
            If file_manager is down.
        """
        try:
            domain.check_image_limit(toy)
        except domain.TooManyImagesError as error:
            raise Conflict(f"{error}.") from None
        announcement = files.NewImage(
            subject=toy.id, content_type=image.content_type, size=image.size, alt=image.alt
        )
        return self._file_manager.call(files.ANNOUNCE_IMAGE, body=announcement).value

    def list_images(self, toy_id: str, query: UploadedImageQuery) -> UploadedImagePage:
        """Return a page of the images of a toy with the result of their check, newest first.

        Raises
        ------
        NotFound
            If there is no such toy.
        BadRequest
            If the cursor belongs to another list or is not valid.
        ServiceUnavailable
            If file_manager is down.
        """
        stored = self._stored(toy_id)
        scope = {"list": "images", "toy_id": toy_id}
        after = self._cursors.read(query.cursor, scope) if query.cursor else None
        page = self._file_manager.call(
            files.LIST_IMAGES,
            query=files.ImageQuery(subject=toy_id, limit=query.limit, after=after),
        ).value
        return UploadedImagePage(
            items=[
                domain.uploaded_image(file)
                for file in page.items
                if not domain.is_removed(stored.toy, stored.seen_files, file.id)
            ],
            next_cursor=self._cursors.write(page.last, scope) if page.last else None,
        )

    def remove_image(self, toy_id: str, image_id: str) -> None:
        """Remove an image from a toy and delete its file.

        Raises
        ------
        NotFound
            If there is no such toy, or the toy has no such image.
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        attempts = Attempts(toy_id)
        while True:
            attempts.begin()
            stored = self._stored(toy_id)
            try:
                changed = domain.remove_image(stored.toy, image_id, self._now())
            except domain.NoSuchImageError as error:
                raise NotFound(f"{error}.") from None
            if self._store.replace(replace(stored, toy=changed)):
                break
        self._try_to_delete_file(image_id)

    def on_file_ready(self, event: CloudEvent[files.FileReady]) -> None:
        """Add an image to its toy, once.

        The event may be delivered again at any time. A file that the toy has received before
        changes nothing, even if the image has been removed since.

        Raises
        ------
        ProblemError
            If the image cannot be added to a toy and file_manager did not delete the file: try
            again.
        """
        file = event.data
        image = ToyImage(
            id=file.id,
            url=file.url,
            alt=file.alt,
            width=file.width,
            height=file.height,
            variants=file.variants,
        )
        attempts = Attempts(file.subject)
        while True:
            attempts.begin()
            stored = self._store.get(file.subject)
            if stored is None:
                log.info("image for an unknown toy", toy_id=file.subject, file_id=file.id)
                self._delete_file(file.id)
                return
            if file.id in stored.seen_files:
                consumer.is_duplicate()
                return
            try:
                changed = domain.add_image(stored.toy, image, self._now())
            except domain.TooManyImagesError:
                log.warning("image limit exceeded", toy_id=file.subject, file_id=file.id)
                self._delete_file(file.id)
                return
            if self._store.replace(Stored(changed, [*stored.seen_files, file.id])):
                return

    def _stored(self, toy_id: str) -> Stored:
        stored = self._store.get(toy_id) if len(toy_id) <= _MAX_ID_LENGTH else None
        if stored is None:
            raise NotFound("There is no such toy.")
        return stored

    def _check_price(self, draft: ToyDraft) -> None:
        try:
            domain.check_price(draft.price, self._currency)
        except domain.WrongCurrencyError as error:
            raise Unprocessable.at("/price/currency", str(error), "not_allowed") from None
        except domain.PriceTooLowError as error:
            raise Unprocessable.at("/price/amount", str(error), "too_small") from None

    def _try_to_delete_file(self, file_id: str) -> None:
        """Delete a file that no toy uses any more; a failure is only logged."""
        try:
            self._delete_file(file_id)
        except ProblemError as error:
            log.error("file not deleted", file_id=file_id, reason=error.detail)

    def _delete_file(self, file_id: str) -> None:
        self._file_manager.call(files.DELETE, {"file_id": file_id})
