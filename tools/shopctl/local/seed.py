"""Fills a shop with the catalogue, through the storefront's public API, as staff would."""

import asyncio
import json
from collections.abc import Callable
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


@dataclass
class Seeded:
    """How many toys were already in the shop, and how many were added."""

    present: int = 0
    created: int = 0


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
) -> Seeded:
    """Add the toys of the catalogue that the shop does not have.

    Parameters
    ----------
    origin
        The shop's public origin.
    record
        File with the id of the toy that was created for each key of the catalogue.
    progress
        Called with the number of toys added so far and the number to add.
    staff
        Credentials of one of the shop's staff; of the local shop's by default.

    Raises
    ------
    ShopProblem
        If the shop does not answer, or refuses a toy or a picture.
    """
    try:
        return asyncio.run(_seed(f"{origin}/api", record, progress, staff))
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        raise ShopProblem(
            f"{origin} does not answer: {str(error) or 'timeout'}.",
            "Run the command again when it does: it adds what is missing.",
        ) from None


async def _seed(
    api: str, record: Path, progress: Callable[[int, int], None], staff: Credentials
) -> Seeded:
    known: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    toys, result = load(), Seeded()
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        present = await _present(session, api)
        missing = [toy for toy in toys if _id(toy, known, present) is None]
        result.present = len(toys) - len(missing)
        if not missing:
            return result
        token = await _sign_in(session, api, staff)
        slots = asyncio.Semaphore(_PARALLEL_TOYS)

        async def add(toy: SeedToy) -> None:
            async with slots:
                known[toy.key] = await _add(session, api, token, toy)
            result.created += 1
            progress(result.created, len(missing))

        async def complete(toy: SeedToy) -> None:
            async with slots:
                await _add_further_pictures(session, api, token, toy, known[toy.key])

        try:
            async with asyncio.TaskGroup() as tasks:
                for toy in missing:
                    tasks.create_task(add(toy))
            async with asyncio.TaskGroup() as tasks:
                for toy in missing:
                    tasks.create_task(complete(toy))
        except* ShopProblem as problems:
            raise problems.exceptions[0] from None
        except* (aiohttp.ClientConnectionError, TimeoutError) as errors:
            raise errors.exceptions[0] from None
        finally:
            record.write_text(json.dumps(known))
    return result


async def _present(session: aiohttp.ClientSession, api: str) -> dict[str, str]:
    """Read the ids of the shop's toys by name."""
    present: dict[str, str] = {}
    query: dict[str, str] | None = {"limit": "100"}
    while query:
        async with session.get(f"{api}/toys", params=query) as answer:
            page = await _content(answer, 200, "listing the toys")
        present |= {toy["name"]: toy["id"] for toy in page["items"]}
        cursor = page["next_cursor"]
        query = {"limit": "100", "cursor": cursor} if cursor else None
    return present


def _id(toy: SeedToy, known: dict[str, str], present: dict[str, str]) -> str | None:
    """Find a toy of the catalogue, which staff may have renamed since."""
    recorded = known.get(toy.key)
    return recorded if recorded in present.values() else present.get(toy.name)


async def _sign_in(session: aiohttp.ClientSession, api: str, staff: Credentials) -> str:
    credentials = {"email": staff.email, "password": staff.password}
    async with session.post(f"{api}/sessions", json=credentials) as answer:
        content = await _content(answer, 200, f"signing in as {staff.email}")
    return str(content["access_token"])


async def _add(session: aiohttp.ClientSession, api: str, token: str, toy: SeedToy) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    draft = {
        "name": toy.name,
        "description": toy.description,
        "category": toy.category,
        "brand": toy.brand,
        "price": {"amount": toy.price.amount, "currency": toy.price.currency},
        "min_age": toy.min_age,
        "attributes": toy.attributes,
    }
    async with session.post(f"{api}/toys", json=draft, headers=headers) as answer:
        created = await _content(answer, 201, f"adding {toy.name}")
    await _add_picture(session, api, token, toy, str(created["id"]), pictures(toy)[0])
    return str(created["id"])


async def _add_further_pictures(
    session: aiohttp.ClientSession, api: str, token: str, toy: SeedToy, toy_id: str
) -> None:
    further = pictures(toy)[1:]
    if not further:
        return
    # A toy shows its pictures in the order in which their uploads were checked.
    deadline = asyncio.get_running_loop().time() + _PICTURE_SECONDS
    while not await _shows_picture(session, api, toy, toy_id):
        if asyncio.get_running_loop().time() > deadline:
            raise ShopProblem(
                f"The picture of {toy.name} was uploaded but does not appear.",
                "See `./shop logs file_manager` and `./shop logs toys`; on AWS, CloudWatch.",
            )
        await asyncio.sleep(_POLL_SECONDS)
    for picture in further:
        await _add_picture(session, api, token, toy, toy_id, picture)


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
            "See `./shop logs storefront_api` and `./shop logs toys`; on AWS, CloudWatch.",
        )
    return content
