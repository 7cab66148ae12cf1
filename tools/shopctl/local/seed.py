"""Fills a shop with the catalogue, through the storefront's public API, as staff would."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from seed_catalogue import SeedPicture, SeedToy, load, pictures
from shopctl.local.users import LOCAL_STAFF, Credentials
from shopctl.project.errors import ShopProblem
from shopctl.project.stages import Stage

_PARALLEL_TOYS = 8
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_PICTURE_SECONDS = 120
_TRIES = 4
_PAUSE_SECONDS = 2.0
_POLL_SECONDS = 1.0
# an upload that was announced in a run that was interrupted may never have been made
_ANNOUNCED_SECONDS = 30


_LOGS = "See `./shop logs storefront_api` and `./shop logs toys`; on AWS, CloudWatch."
_REMEDIES = {
    401: "Check SHOP_STAFF_EMAIL and SHOP_STAFF_PASSWORD.",
    403: "Make this user staff: ./shop staff add EMAIL --stage STAGE; then run the command again.",
}


@dataclass
class Seeded:
    """Counts of toys.

    Attributes
    ----------
    present, created
        Toys that were already in the shop, and that were added.
    without_pictures
        Toys that lacked pictures before the run, or that it added.
    completed
        Toys that were already there and were given the pictures that they lacked.
    """

    present: int = 0
    created: int = 0
    without_pictures: int = 0
    completed: int = 0

    def __str__(self) -> str:
        """Return the numbers as one line."""
        completed = f", pictures of {self.completed} completed" if self.completed else ""
        return f"{self.created} toys added, {self.present} already there{completed}"


def check_currency(stage: Stage) -> None:
    """Raise unless a stage sells in the catalogue's currency.

    Raises
    ------
    ShopProblem
        If it sells in another.
    """
    [currency] = {toy.price.currency for toy in load()}
    if stage.currency != currency:
        raise ShopProblem(
            f"The seed catalogue has prices in {currency}, and {stage.name} sells in"
            f" {stage.currency}.",
            "Add toys of your own: POST /toys, as docs/openapi/storefront_api.json describes it.",
        )


def seed(
    origin: str,
    record: Path,
    progress: Callable[[int, int], None],
    staff: Credentials = LOCAL_STAFF,
    *,
    with_pictures: bool = True,
    parallel: int = _PARALLEL_TOYS,
) -> Seeded:
    """Add the toys of the catalogue that the shop does not have.

    A toy that an interrupted run added gets the pictures that it lacks, unless staff have changed
    it since. Toys of the same name that staff added are left as they are.

    Parameters
    ----------
    origin
        The shop's public origin.
    record
        File with the id of the toy that was created for each key of the catalogue.
    progress
        Called with the number of toys and pictures added so far, and of those to add.
    staff
        Credentials of one of the shop's staff; of the local shop's by default.
    with_pictures
        Whether to add pictures too. A later run adds those that were left out.
    parallel
        Number of toys or pictures that are added at a time.

    Raises
    ------
    ShopProblem
        If the shop does not answer, or refuses a toy or a picture.
    """
    work = _seed(f"{origin}/api", record, progress, staff, with_pictures, parallel)
    try:
        return asyncio.run(work)
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        raise ShopProblem(
            f"{origin} does not answer: {str(error) or 'timeout'}.",
            "Check the connection and DNS (docs/deploying.md, step 9), and run the command again:"
            " it adds what is missing.",
        ) from None


async def _seed(
    api: str,
    record: Path,
    progress: Callable[[int, int], None],
    staff: Credentials,
    with_pictures: bool,
    parallel: int,
) -> Seeded:
    known: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    toys, result = load(), Seeded()
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        present = await _present(session, api)
        found = {toy.key: _find(toy, known, present) for toy in toys}
        missing = [toy for toy in toys if found[toy.key] is None]
        incomplete = {toy.key: one for toy in toys if (one := _incomplete(toy, found, known))}
        result.present = len(toys) - len(missing)
        result.without_pictures = len(missing) + len(incomplete)
        if not (missing or (incomplete and with_pictures)):
            return result
        token = await _sign_in(session, api, staff)
        slots = asyncio.Semaphore(parallel)
        done, of = 0, len(missing)
        if with_pictures:
            of += sum(len(pictures(toy)) for toy in missing)
            of += sum(
                len(pictures(toy)) - len(incomplete[toy.key]["images"])
                for toy in toys
                if toy.key in incomplete
            )
        lacking: dict[str, list[SeedPicture]] = {}

        def show() -> None:
            nonlocal done
            done += 1
            progress(done, of)

        async def add(toy: SeedToy) -> None:
            async with slots:
                known[toy.key] = await _add(session, api, token, toy)
                # at once, so that a run after an interruption knows whose toy it is
                _write(record, known)
            lacking[toy.key] = pictures(toy)
            result.created += 1
            show()

        async def find_lacking(toy: SeedToy) -> None:
            async with slots:
                known[toy.key] = toy_id = incomplete[toy.key]["id"]
                lacking[toy.key] = await _lacking(session, api, token, toy, toy_id)
            result.completed += 1

        async def add_main_view(toy: SeedToy) -> None:
            async with slots:
                if lacking[toy.key][:1] == pictures(toy)[:1]:
                    picture = lacking[toy.key].pop(0)
                    await _add_picture(session, api, token, toy, known[toy.key], picture)
                    show()

        async def add_further_views(toy: SeedToy) -> None:
            async with slots:
                for picture in lacking[toy.key]:
                    await _until_picture_appears(session, api, toy, known[toy.key])
                    await _add_picture(session, api, token, toy, known[toy.key], picture)
                    show()

        steps: list[tuple[Callable[[SeedToy], Coroutine[Any, Any, None]], list[SeedToy]]]
        steps = [(add, missing)]
        if with_pictures:
            again = [toy for toy in toys if toy.key in incomplete]
            # the main views of all toys first: a toy without a picture looks unfinished
            steps += [(find_lacking, again), (add_main_view, missing + again)]
            steps += [(add_further_views, missing + again)]
        try:
            for step, chosen in steps:
                async with asyncio.TaskGroup() as tasks:
                    for toy in chosen:
                        tasks.create_task(step(toy))
        # not except*: the first releases of Python 3.11 wrap what is raised in it in a group
        except ExceptionGroup as failed:
            expected = ShopProblem, aiohttp.ClientConnectionError, TimeoutError
            if failed.split(expected)[1]:
                raise
            raise (failed.subgroup(ShopProblem) or failed).exceptions[0] from None
    return result


def _write(record: Path, known: dict[str, str]) -> None:
    temporary = record.with_suffix(".tmp")
    temporary.write_text(json.dumps(known))
    temporary.replace(record)


async def _present(session: aiohttp.ClientSession, api: str) -> list[dict[str, Any]]:
    """Read the shop's toys."""
    present: list[dict[str, Any]] = []
    query: dict[str, str] | None = {"limit": "100"}
    while query:
        async with session.get(f"{api}/toys", params=query) as answer:
            page = await _content(answer, 200, "listing the toys")
        present += page["items"]
        cursor = page["next_cursor"]
        query = {"limit": "100", "cursor": cursor} if cursor else None
    return present


def _find(
    toy: SeedToy, known: dict[str, str], present: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """Find a toy of the catalogue, which staff may have renamed since."""
    recorded = known.get(toy.key)
    return next(
        (one for one in present if one["id"] == recorded),
        next((one for one in present if one["name"] == toy.name), None),
    )


def _incomplete(
    toy: SeedToy, found: dict[str, dict[str, Any] | None], known: dict[str, str]
) -> dict[str, Any] | None:
    """Return a toy if a run was interrupted before all its pictures were uploaded."""
    one = found[toy.key]
    if one is None or len(one["images"]) >= len(pictures(toy)):
        return None
    # without a record, if the answer to POST /toys was lost
    is_seeded = one["id"] == known.get(toy.key) or _draft(toy).items() <= one.items()
    # each picture makes a version; with more of them, staff may have removed one
    is_unchanged = one["version"] == 1 + len(one["images"])
    return one if is_seeded and is_unchanged else None


async def _sign_in(session: aiohttp.ClientSession, api: str, staff: Credentials) -> str:
    credentials = {"email": staff.email, "password": staff.password}
    async with session.post(f"{api}/sessions", json=credentials) as answer:
        content = await _content(answer, 200, f"signing in as {staff.email}")
    return str(content["access_token"])


def _draft(toy: SeedToy) -> dict[str, Any]:
    return {
        "name": toy.name,
        "description": toy.description,
        "category": toy.category,
        "brand": toy.brand,
        "price": {"amount": toy.price.amount, "currency": toy.price.currency},
        "min_age": toy.min_age,
        "attributes": toy.attributes,
    }


async def _add(session: aiohttp.ClientSession, api: str, token: str, toy: SeedToy) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{api}/toys", json=_draft(toy), headers=headers) as answer:
        created = await _content(answer, 201, f"adding {toy.name}")
    return str(created["id"])


async def _lacking(
    session: aiohttp.ClientSession, api: str, token: str, toy: SeedToy, toy_id: str
) -> list[SeedPicture]:
    """Return the pictures of a toy that have not been uploaded, the main view first."""
    url, headers = f"{api}/toys/{toy_id}/images", {"Authorization": f"Bearer {token}"}
    deadline = asyncio.get_running_loop().time() + _ANNOUNCED_SECONDS
    while True:
        async with session.get(url, params={"limit": "100"}, headers=headers) as answer:
            page = await _content(answer, 200, f"listing the pictures of {toy.name}")
        statuses = {(image["alt"], image["status"]) for image in page["items"]}
        lacking = [one for one in pictures(toy) if (one.alt, "ready") not in statuses]
        pending = any((one.alt, "pending") in statuses for one in lacking)
        if not pending or asyncio.get_running_loop().time() > deadline:
            return lacking
        await asyncio.sleep(_POLL_SECONDS)


async def _until_picture_appears(
    session: aiohttp.ClientSession, api: str, toy: SeedToy, toy_id: str
) -> None:
    deadline = asyncio.get_running_loop().time() + _PICTURE_SECONDS
    while not await _shows_picture(session, api, toy, toy_id):
        if asyncio.get_running_loop().time() > deadline:
            raise ShopProblem(
                f"The picture of {toy.name} was uploaded but does not appear.",
                "See `./shop logs file_manager` and `./shop logs toys`; on AWS, CloudWatch.",
            )
        await asyncio.sleep(_POLL_SECONDS)


async def _shows_picture(
    session: aiohttp.ClientSession, api: str, toy: SeedToy, toy_id: str
) -> bool:
    async with session.get(f"{api}/toys/{toy_id}") as answer:
        return bool((await _content(answer, 200, f"reading {toy.name}"))["images"])


async def _add_picture(
    session: aiohttp.ClientSession,
    api: str,
    token: str,
    toy: SeedToy,
    toy_id: str,
    picture: SeedPicture,
) -> None:
    image = {
        "content_type": picture.content_type,
        "size": len(picture.content),
        "alt": picture.alt,
    }
    url, headers = f"{api}/toys/{toy_id}/images", {"Authorization": f"Bearer {token}"}
    for attempt in range(1, _TRIES + 1):
        async with session.post(url, json=image, headers=headers) as answer:
            if answer.status != 503 or attempt == _TRIES:
                announced = await _content(answer, 201, f"adding a picture of {toy.name}")
                break
        # a busy shop; one more announcement without an upload does no harm
        await asyncio.sleep(_PAUSE_SECONDS)
    await _upload(session, announced["upload"], picture, toy)


async def _upload(
    session: aiohttp.ClientSession, upload: dict[str, Any], picture: SeedPicture, toy: SeedToy
) -> None:
    body: aiohttp.FormData | bytes = picture.content
    if upload["fields"]:
        body = aiohttp.FormData()
        for name, value in upload["fields"].items():
            body.add_field(name, value)
        # storage ignores what follows the file
        body.add_field(
            "file", picture.content, filename=picture.filename, content_type=picture.content_type
        )
    async with session.request(
        upload["method"], upload["url"], headers=upload["headers"], data=body
    ) as answer:
        if answer.status not in (200, 201, 204):
            raise ShopProblem(
                f"Storage refused the picture of {toy.name} with {answer.status}.",
                "See `./shop logs file_manager`; on AWS, CloudWatch.",
            )


async def _content(answer: aiohttp.ClientResponse, expected: int, doing: str) -> Any:
    try:
        content = await answer.json(content_type=None)
    except ValueError:
        # an edge may answer with a page
        content = None
    if answer.status != expected:
        reason = content.get("detail", "") if isinstance(content, dict) else ""
        raise ShopProblem(
            f"The shop answered {doing} with {answer.status} {answer.reason}. {reason}".strip(),
            _REMEDIES.get(answer.status, _LOGS),
        )
    return content
