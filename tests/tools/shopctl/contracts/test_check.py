"""`./shop contracts` on a checkout with planted faults, which it reports with file and line."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from shopctl.cli.main import cli
from shopctl.contracts import sources
from shopctl.contracts.check import check, release, retire
from shopctl.contracts.snapshots import FOLDER
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding
from shopctl.project.layout import Layout
from support.paths import ROOT

ORDERS = "libs/contracts/src/contracts/orders.py"
EVENTS = "libs/contracts/src/contracts/events.py"
PLACED_V1 = 'ORDER_PLACED = EventType("shop.order.placed.v1", "/orders", Order)\n'
PLACED_V2 = 'ORDER_PLACED_V2 = EventType("shop.order.placed.v2", "/orders", Order)\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a copy of the parts of the repository that `./shop contracts` reads."""
    for name in ("libs", "docs/openapi", "web/docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "docs/asyncapi.json", tmp_path / "docs/asyncapi.json")
    for path in (ROOT / "apps").glob("*/service.toml"):
        (tmp_path / "apps" / path.parent.name).mkdir(parents=True)
        shutil.copy(path, tmp_path / "apps" / path.parent.name)
    return tmp_path


def edit(root: Path, file: str, old: str, new: str, times: int = 1) -> None:
    text = (root / file).read_text(encoding="utf-8")
    assert old in text, f"{file} does not contain {old!r}"
    (root / file).write_text(text.replace(old, new, times), encoding="utf-8")


def line_of(root: Path, file: str, text: str) -> int:
    lines = (root / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def of_code(root: Path) -> list[Finding]:
    """Return the findings about code; each change makes a document outdated too."""
    found = list(check(root))
    assert any(finding.path.parts[0] == "docs" for finding in found)
    return [finding for finding in found if finding.path.parts[0] not in ("docs", "web")]


def state(root: Path) -> dict[str, str]:
    paths = [*(root / "docs").rglob("*.json"), *(root / FOLDER).rglob("*.json")]
    return {str(path): path.read_text(encoding="utf-8") for path in paths}


def test_checkout_without_faults_has_no_findings(root: Path) -> None:
    assert list(check(root)) == []
    before = state(root)
    assert release(root) == []
    assert state(root) == before


def test_removed_field_is_reported_at_its_type(root: Path) -> None:
    edit(root, ORDERS, "    total: Money\n", "")
    found = of_code(root)
    line = line_of(root, ORDERS, "class Order(Output)")
    assert {(str(finding.path), finding.line) for finding in found} == {(ORDERS, line)}
    text = "\n".join(map(str, found))
    for contract in (
        "apis/orders",
        "events/shop.order.placed.v1",
        "events/shop.order.cancelled.v1",
    ):
        assert f"{ORDERS}:{line}: {contract}: Order/total" in text
    assert "was removed: breaks" in text
    assert ".v2" in found[0].remedy


def test_widened_response_is_reported_at_its_field(root: Path) -> None:
    edit(root, ORDERS, 'Literal["placed", "cancelled"]', 'Literal["placed", "cancelled", "lost"]')
    found = of_code(root)
    line = line_of(root, ORDERS, "    status: OrderStatus")
    assert (ORDERS, line) in {(str(finding.path), finding.line) for finding in found}
    assert all("can now be 'lost'" in finding.what for finding in found)
    # the storefront returns it too, so its clients are affected
    assert any(finding.what.startswith("apis/storefront_api") for finding in found)


def test_new_required_input_is_reported(root: Path) -> None:
    edit(root, ORDERS, "    fingerprint: Annotated", "    gift: bool\n    fingerprint: Annotated")
    (finding,) = of_code(root)
    assert (str(finding.path), finding.line) == (ORDERS, line_of(root, ORDERS, "    gift: bool"))
    assert "PlaceOrder/gift (POST /orders body) was added and is required" in finding.what
    assert "breaks callers that send the old request" in finding.what


def test_new_required_header_is_reported_at_its_operation(root: Path) -> None:
    edit(root, ORDERS, 'status=(202,), problems=(400, 404)',
         'status=(202,), headers=(IF_MATCH,), problems=(400, 404)')  # fmt: skip
    (finding,) = of_code(root)
    line = line_of(root, ORDERS, "CANCEL: Operation")
    assert (str(finding.path), finding.line) == (ORDERS, line)
    assert "header parameter If-Match" in finding.what


def test_removed_operation_is_reported_with_the_retire_command(root: Path) -> None:
    edit(root, ORDERS, "OPERATIONS = (PLACE, REPLAY, LIST,", "OPERATIONS = (PLACE, LIST,")
    (finding,) = of_code(root)
    assert "POST /orders/replay was removed: breaks" in finding.what
    assert "./shop contracts --retire" in finding.remedy
    assert str(finding.path) == f"{FOLDER}/apis/orders.json"


def test_compatible_change_is_released_and_then_protected(root: Path) -> None:
    edit(
        root,
        ORDERS,
        "    updated_at: Timestamp\n",
        '    updated_at: Timestamp\n    note: str = ""\n',
    )
    found = of_code(root)
    assert found
    assert all("was added: compatible" in finding.what for finding in found)
    assert all("./shop contracts --write" in finding.remedy for finding in found)
    assert len(release(root)) == len(found)
    assert list(check(root)) == []
    # WHEN it is removed again, a consumer may already use it
    edit(root, ORDERS, '    note: str = ""\n', "")
    assert any("Order/note" in finding.what for finding in of_code(root))


def test_new_version_beside_the_old_one_is_released(root: Path) -> None:
    edit(root, EVENTS, PLACED_V1, PLACED_V1 + PLACED_V2)
    edit(
        root, EVENTS, "        ORDER_PLACED,\n", "        ORDER_PLACED,\n        ORDER_PLACED_V2,\n"
    )
    edit(root, "apps/orders/service.toml", '"shop.order.placed.v1"',
         '"shop.order.placed.v1", "shop.order.placed.v2"')  # fmt: skip
    (finding,) = of_code(root)
    assert (str(finding.path), finding.line) == (EVENTS, line_of(root, EVENTS, "placed.v2"))
    release(root)
    assert list(check(root)) == []
    assert (root / FOLDER / "events/shop.order.placed.v2.json").exists()
    asyncapi = json.loads((root / "docs/asyncapi.json").read_text(encoding="utf-8"))
    assert {"shop.order.placed.v1", "shop.order.placed.v2"} <= asyncapi["components"][
        "messages"
    ].keys()


def test_new_version_that_replaces_the_old_one_is_rejected_and_nothing_is_written(
    root: Path,
) -> None:
    edit(root, EVENTS, "shop.order.placed.v1", "shop.order.placed.v2")
    broken = [finding for finding in of_code(root) if "breaks" in finding.what]
    assert [finding.what.partition(":")[0] for finding in broken] == ["events/shop.order.placed.v1"]
    before = state(root)
    with pytest.raises(ShopProblem, match=r"shop\.order\.placed\.v1 was removed: breaks"):
        release(root)
    assert state(root) == before


def test_event_type_is_retired_once_no_service_listens(root: Path) -> None:
    name, snapshot = "shop.order.placed.v1", root / FOLDER / "events/shop.order.placed.v1.json"
    with pytest.raises(ShopProblem, match="still used by payments"):
        retire(root, name)
    edit(root, "apps/payments/service.toml", f'    "{name}",\n', "")
    with pytest.raises(ShopProblem, match="still in the code"):
        retire(root, name)
    assert snapshot.exists()
    edit(root, EVENTS, "        ORDER_PLACED,\n", "")
    edit(root, "apps/orders/service.toml", f'"{name}", ', "")
    retire(root, name)
    assert not snapshot.exists()
    release(root)
    assert list(check(root)) == []


def test_operation_is_retired_once_no_service_calls_it(root: Path) -> None:
    with pytest.raises(ShopProblem, match="still used by storefront_api"):
        retire(root, "orders.reemitOrder")
    edit(root, "apps/storefront_api/service.toml", ', "reemitOrder"', "")
    with pytest.raises(ShopProblem, match="still in the code"):
        retire(root, "orders.reemitOrder")
    edit(root, ORDERS, "CANCEL, REEMIT, RESTORE, ERASE)", "CANCEL, RESTORE, ERASE)")
    retire(root, "orders.reemitOrder")
    release(root)
    assert list(check(root)) == []
    released = json.loads((root / FOLDER / "apis/orders.json").read_text(encoding="utf-8"))
    assert "/orders/{order_id}/events" not in released["paths"]


@pytest.mark.parametrize("module", ["orders", "storefront"])
def test_operation_is_searched_in_its_own_contract_first(module: str) -> None:
    place = sources.find(ROOT, "placeOrder", module)
    assert place is not None
    assert Path(place.file).stem == module
    assert sources.find(ROOT, "Nothing/at_all") is None


def test_api_is_retired_with_its_service(root: Path) -> None:
    with pytest.raises(ShopProblem, match="still used by payments"):
        retire(root, "notifications")
    edit(root, "apps/payments/service.toml", 'notifications = ["sendMessage"]\n', "")
    edit(
        root,
        "apps/storefront_api/service.toml",
        'notifications = ["getHealth", "lookUpMessages", "eraseMessages"]\n',
        "",
    )
    with pytest.raises(ShopProblem, match="still in the code"):
        retire(root, "notifications")
    shutil.rmtree(root / "apps/notifications")
    assert any("docs/openapi/notifications.json" in str(finding) for finding in check(root))
    retire(root, "notifications")
    release(root)
    assert list(check(root)) == []
    assert not (root / "docs/openapi/notifications.json").exists()


@pytest.mark.parametrize("name", ["nothing", "orders.nothing", "shop.order.lost.v1", "orders."])
def test_unreleased_name_cannot_be_retired(root: Path, name: str) -> None:
    before = state(root)
    with pytest.raises(ShopProblem):
        retire(root, name)
    assert state(root) == before


def test_manually_edited_document_is_reported_with_its_line(root: Path) -> None:
    file = "docs/openapi/orders.json"
    line = line_of(root, file, '"title": "Toy shop: orders"')
    edit(root, file, '"title": "Toy shop: orders"', '"title": "Mine"')
    (finding,) = check(root)
    assert (str(finding.path), finding.line) == (file, line)
    assert "./shop contracts --write" in finding.remedy
    release(root)
    assert list(check(root)) == []


def test_missing_document_is_reported(root: Path) -> None:
    (root / "docs/asyncapi.json").unlink()
    (finding,) = check(root)
    assert str(finding).startswith("docs/asyncapi.json:1: docs/asyncapi.json is missing.")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (ORDERS, "class Order(Output)", "class Order(Nothing)", "name 'Nothing' is not defined"),
        ("apps/orders/service.toml", "visibility", "visiblity", "visiblity"),
        (f"{FOLDER}/apis/orders.json", "{", "", "apis/orders.json is not JSON"),
    ],
)
def test_unreadable_file_is_reported_in_one_sentence(
    root: Path, file: str, old: str, new: str, message: str
) -> None:
    edit(root, file, old, new)
    before = state(root)
    with pytest.raises(ShopProblem, match=message) as error:
        release(root)
    assert "Traceback" not in error.value.what
    assert state(root) == before


def test_command_checks_writes_and_reports_what_it_did(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Layout, "find", lambda: Layout(root, root / ".shop"))
    run = CliRunner().invoke
    assert run(cli, ["contracts"]).exit_code == 0
    edit(
        root,
        ORDERS,
        "    updated_at: Timestamp\n",
        '    updated_at: Timestamp\n    note: str = ""\n',
    )
    answer = run(cli, ["contracts"])
    assert answer.exit_code == 1
    assert "Order/note" in answer.output
    written = run(cli, ["contracts", "--write"])
    assert written.exit_code == 0
    assert "New: apis/orders: Order/note" in written.output
    assert run(cli, ["contracts"]).exit_code == 0
    assert isinstance(run(cli, ["contracts", "--retire", "x"]).exception, ShopProblem)
