"""Seeding through the public API, against a storefront that keeps what it is given."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from seed_catalogue import load, pictures
from shopctl.aws import target
from shopctl.aws.target import Target
from shopctl.cli.seed import seed_command
from shopctl.local import seed
from shopctl.project import stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.fake_cloudformation import FakeCloud
from support.ports import free_port
from support.sample_stages import STAGING
from support.seed_storefront import Storefront, serving


@pytest.fixture
def storefront() -> Storefront:
    return Storefront()


@pytest.fixture
def origin(storefront: Storefront) -> Iterator[str]:
    with serving(storefront) as origin:
        yield origin


@pytest.fixture(autouse=True)
def small_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "load", lambda: load()[:12])


def views() -> dict[str, list[bytes]]:
    """Return the pictures of each toy of the small catalogue."""
    return {toy.name: [view.content for view in pictures(toy)] for toy in load()[:12]}


def nothing(done: int, of: int) -> None:
    pass


def test_every_toy_is_added_once_with_all_its_views(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    # WHEN a shop is seeded twice
    shown: list[tuple[int, int]] = []
    first = seed.seed(origin, tmp_path / "seed.json", lambda done, of: shown.append((done, of)))
    second = seed.seed(origin, tmp_path / "seed.json", nothing)
    # THEN it has each toy once, with every committed picture, the main view first
    assert (first.created, first.present) == (12, 0)
    assert (second.created, second.present) == (0, 12)
    assert len({toy["name"] for toy in storefront.toys}) == len(storefront.toys) == 12
    assert storefront.by_name() == views()
    assert max(map(len, views().values())) == 2
    to_add = 12 + sum(map(len, views().values()))
    assert shown == [(number, to_add) for number in range(1, to_add + 1)]
    assert storefront.most_at_once <= 8
    assert [each["email"] for each in storefront.signed_in] == ["staff@example.com"]


def test_toys_are_added_first_and_their_pictures_by_a_later_run(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    # WHEN a shop is seeded without pictures
    shown: list[tuple[int, int]] = []
    record = tmp_path / "seed.json"
    first = seed.seed(
        origin, record, lambda done, of: shown.append((done, of)), with_pictures=False
    )
    # THEN it has every toy, and the run says that their pictures are missing
    assert (first.created, first.without_pictures, shown[-1]) == (12, 12, (12, 12))
    assert len(storefront.toys) == 12
    assert storefront.pictures == {}
    assert seed.seed(origin, record, nothing, with_pictures=False).without_pictures == 12
    # AND a later run adds the main views of all toys before the others
    later = seed.seed(origin, record, nothing, parallel=2)
    assert (later.created, later.completed) == (0, 12)
    assert storefront.by_name() == views()
    main = {toy.name: pictures(toy)[0].alt for toy in load()[:12]}
    kinds = [image["alt"] == main[image["toy"]] for image in storefront.announced]
    assert kinds == sorted(kinds, reverse=True)
    assert seed.seed(origin, record, nothing, with_pictures=False).without_pictures == 0


def test_each_upload_announces_what_its_picture_shows(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    seed.seed(origin, tmp_path / "seed.json", nothing)
    announced = {
        (image["toy"], image["alt"], image["content_type"], image["size"])
        for image in storefront.announced
    }
    assert announced == {
        (toy.name, view.alt, "image/webp", len(view.content))
        for toy in load()[:12]
        for view in pictures(toy)
    }


def test_second_view_is_uploaded_after_the_first_one_appeared(
    storefront: Storefront, origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN pictures that appear some time after their upload
    monkeypatch.setattr(seed, "_POLL_SECONDS", 0)
    storefront.reads_before_picture = 20
    seed.seed(origin, tmp_path / "seed.json", nothing)
    # THEN no toy got its second view before its first one was shown
    seen: set[str] = set()
    for image in storefront.announced:
        assert image["toy"] not in seen or image["unread"] == 0
        seen.add(image["toy"])


def test_picture_that_never_appears_is_reported(
    storefront: Storefront, origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed, "_PICTURE_SECONDS", 0.05)
    monkeypatch.setattr(seed, "_POLL_SECONDS", 0.01)
    storefront.reads_before_picture = 1_000_000
    with pytest.raises(ShopProblem, match=r"picture of .* does not appear") as why:
        seed.seed(origin, tmp_path / "seed.json", nothing)
    assert "./shop logs file_manager" in why.value.remedy


def test_toy_that_staff_renamed_is_not_added_again(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    seed.seed(origin, tmp_path / "seed.json", nothing)
    storefront.toys[3]["name"] = "Renamed"
    assert seed.seed(origin, tmp_path / "seed.json", nothing).created == 0


def test_lost_record_and_lost_toys_are_restored(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    # GIVEN a shop that lost a toy, and the record of which toy is which
    seed.seed(origin, tmp_path / "seed.json", nothing)
    lost = storefront.toys.pop()
    (tmp_path / "seed.json").unlink()
    # WHEN it is seeded again THEN only that toy is added
    assert seed.seed(origin, tmp_path / "seed.json", nothing).created == 1
    assert storefront.toys[-1]["name"] == lost["name"]
    assert json.loads((tmp_path / "seed.json").read_text())


@pytest.mark.parametrize("record_is_lost", [False, True])
@pytest.mark.parametrize("fault", ["picture", "upload", "answer", "second view"])
def test_second_run_completes_an_interrupted_one(
    storefront: Storefront,
    origin: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    record_is_lost: bool,
) -> None:
    # GIVEN a run that ended before it had uploaded every picture
    monkeypatch.setattr(seed, "_ANNOUNCED_SECONDS", 0)
    monkeypatch.setattr(seed, "_PAUSE_SECONDS", 0)
    record = tmp_path / "seed.json"
    storefront.drops = fault == "picture"
    storefront.loses_answer = fault == "answer"
    storefront.loses_upload = 3 if fault == "upload" else 0
    if fault == "second view":
        monkeypatch.setattr(seed, "_PICTURE_SECONDS", 0)
        storefront.reads_before_picture = 1_000
    with pytest.raises(ShopProblem):
        # one at a time, so that no request is still under way when the run has ended
        seed.seed(origin, record, nothing, parallel=1)
    assert storefront.by_name() != views()
    if fault != "answer":
        assert set(json.loads(record.read_text()).values()) <= {
            toy["id"] for toy in storefront.toys
        }
    if record_is_lost:
        record.unlink(missing_ok=True)
    # WHEN the shop is seeded again
    storefront.drops = storefront.loses_answer = False
    storefront.reads_before_picture = storefront.loses_upload = 0
    added = len(storefront.toys)
    result = seed.seed(origin, record, nothing)
    # THEN every toy has all its pictures, in order, and once
    assert (result.created, result.present) == (12 - added, added)
    assert storefront.by_name() == views()
    assert f"pictures of {result.completed} completed" in str(result)
    # AND a third run finds nothing to do
    signed_in = len(storefront.signed_in)
    assert str(seed.seed(origin, record, nothing)) == "0 toys added, 12 already there"
    assert len(storefront.signed_in) == signed_in


def test_toy_is_recorded_before_its_pictures_are_uploaded(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    storefront.drops = True
    with pytest.raises(ShopProblem):
        seed.seed(origin, tmp_path / "seed.json", nothing)
    assert len(json.loads((tmp_path / "seed.json").read_text())) == len(storefront.toys) == 12
    assert storefront.pictures == {}


def test_picture_that_is_being_checked_is_not_uploaded_again(
    storefront: Storefront, origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a run that ended while a picture was checked
    monkeypatch.setattr(seed, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(seed, "_PICTURE_SECONDS", 0)
    two_views = [toy for toy in seed.load() if len(pictures(toy)) == 2][:1]
    monkeypatch.setattr(seed, "load", lambda: two_views)
    storefront.checked_after = 3
    with pytest.raises(ShopProblem, match="does not appear"):
        seed.seed(origin, tmp_path / "seed.json", nothing)
    # WHEN the shop is seeded again THEN it waits for the check and adds only the other view
    assert seed.seed(origin, tmp_path / "seed.json", nothing).completed == 1
    assert storefront.by_name() == {toy.name: views()[toy.name] for toy in two_views}


def test_toys_of_staff_are_left_as_they_are(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    # GIVEN a toy of staff that is called like one of the catalogue, without a picture
    [first, second, *_] = seed.load()
    storefront.make_toy({"name": first.name, "description": "Our own"})
    seed.seed(origin, tmp_path / "seed.json", nothing)
    # AND a toy of the catalogue from which staff removed the picture
    [removed] = [toy for toy in storefront.toys if toy["name"] == second.name]
    removed["images"].clear()
    removed["version"] += 1
    # WHEN the shop is seeded again THEN neither gets a picture
    before = len(storefront.announced)
    assert str(seed.seed(origin, tmp_path / "seed.json", nothing)) == (
        "0 toys added, 12 already there"
    )
    assert len(storefront.announced) == before
    assert storefront.by_name()[first.name] == []


def test_refusal_is_a_sentence(storefront: Storefront, origin: str, tmp_path: Path) -> None:
    storefront.refuse = 503
    with pytest.raises(ShopProblem, match=r"answered adding .* with 503 .* No more toys\.") as why:
        seed.seed(origin, tmp_path / "seed.json", nothing)
    assert "./shop logs toys" in why.value.remedy


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "Check SHOP_STAFF_EMAIL and"), (403, "Make this user staff")]
)
def test_refused_user_is_named(
    storefront: Storefront, origin: str, tmp_path: Path, status: int, remedy: str
) -> None:
    storefront.refuse = status
    with pytest.raises(ShopProblem) as refused:
        seed.seed(origin, tmp_path / "seed.json", nothing)
    assert refused.value.remedy.startswith(remedy)


@pytest.mark.parametrize("busy", [3, 4])
def test_picture_is_announced_again_to_a_busy_shop(
    storefront: Storefront,
    origin: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    busy: int,
) -> None:
    monkeypatch.setattr(seed, "_PAUSE_SECONDS", 0)
    first = seed.load()[:1]
    monkeypatch.setattr(seed, "load", lambda: first)
    storefront.busy = busy
    if busy < 4:
        assert seed.seed(origin, tmp_path / "seed.json", nothing).created == 1
        return
    with pytest.raises(ShopProblem, match=r"503 .* Try again later"):
        seed.seed(origin, tmp_path / "seed.json", nothing)


def test_shop_that_stops_answering_is_reported(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    storefront.drops = True
    with pytest.raises(ShopProblem, match="does not answer"):
        seed.seed(origin, tmp_path / "seed.json", nothing)


@pytest.fixture
def on_stage(origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the storefront on a stage, and set the credentials of its staff."""
    stage = msgspec.structs.replace(STAGING, origin=origin)
    to = Target(Layout.find(), stage, FakeCloud(local=False), ())
    monkeypatch.setattr(stages, "load", lambda *_: stage)
    monkeypatch.setattr(target, "find_target", lambda *_: to)
    monkeypatch.setenv("SHOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHOP_STAFF_EMAIL", "kim@example.com")
    monkeypatch.setenv("SHOP_STAFF_PASSWORD", "secret")


@pytest.mark.usefixtures("on_stage")
def test_stage_is_seeded_by_its_own_staff(storefront: Storefront) -> None:
    for added in ("12 toys added, 0 already there", "0 toys added, 12 already there"):
        done = CliRunner().invoke(seed_command, ["--stage", "staging"], catch_exceptions=False)
        assert added in done.output
    assert storefront.signed_in == [{"email": "kim@example.com", "password": "secret"}]


@pytest.mark.usefixtures("on_stage")
def test_stage_is_not_seeded_without_credentials(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_STAFF_PASSWORD")
    with pytest.raises(ShopProblem, match="Only staff can add toys") as refused:
        CliRunner().invoke(seed_command, ["--stage", "staging"], catch_exceptions=False)
    assert "./shop staff add" in refused.value.remedy
    assert storefront.toys == []


def test_unknown_stage_is_named_before_missing_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SHOP_STAFF_PASSWORD", raising=False)
    with pytest.raises(ShopProblem, match="There is no stage nope"):
        CliRunner().invoke(seed_command, ["--stage", "nope"], catch_exceptions=False)


def test_stage_with_another_currency_is_not_seeded() -> None:
    seed.check_currency(STAGING)
    with pytest.raises(ShopProblem, match="prices in AUD, and staging sells in EUR"):
        seed.check_currency(msgspec.structs.replace(STAGING, currency="EUR"))


def test_shop_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ShopProblem, match=f"{nowhere} does not answer"):
        seed.seed(nowhere, tmp_path / "seed.json", nothing)
