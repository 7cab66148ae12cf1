"""Manifests and the order of services."""

from pathlib import Path

import pytest

from shopctl.project import services
from shopctl.project.errors import ShopProblem


def write(apps: Path, name: str, manifest: str) -> None:
    (apps / name).mkdir(exist_ok=True)
    head = f'name = "{name}"\nvisibility = "private"\n'
    (apps / name / "service.toml").write_text(head + manifest)


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    write(tmp_path, "front_api", '[calls]\norders = ["placeOrder"]\npayments = ["find"]\n')
    write(tmp_path, "orders", 'aws = ["dynamodb"]\n[events]\nemits = ["shop.order.placed.v1"]\n')
    write(
        tmp_path,
        "payments",
        '[calls]\nmail = ["send"]\n[events]\n'
        'emits = ["shop.payment.paid.v1"]\n'
        'listens = ["shop.order.placed.v1", "shop.payment.paid.v1"]\n',
    )
    write(tmp_path, "mail", 'aws = ["ses"]\n')
    return tmp_path


def test_service_follows_those_it_calls_and_listens_to(apps: Path) -> None:
    order = [service.name for service in services.load(apps)]
    assert order.index("orders") < order.index("payments") < order.index("front_api")
    assert order.index("mail") < order.index("payments")


def test_own_events_are_not_a_dependency(apps: Path) -> None:
    payments = next(s for s in services.load(apps) if s.name == "payments")
    assert payments.depends_on == {"orders", "mail"}


def test_subset_keeps_the_order_and_accepts_dashes(apps: Path) -> None:
    chosen = services.load(apps, ["front-api", "orders"])
    assert [service.name for service in chosen] == ["orders", "front_api"]
    assert chosen[1].dashed == "front-api"


def test_unknown_service_is_named(apps: Path) -> None:
    with pytest.raises(ShopProblem, match="There is no service returns"):
        services.load(apps, ["returns"])


def test_cycle_is_named(apps: Path) -> None:
    write(
        apps, "orders", '[calls]\nfront_api = ["x"]\n[events]\nemits = ["shop.order.placed.v1"]\n'
    )
    with pytest.raises(ShopProblem, match=r"cycle: .*orders.*→") as problem:
        services.load(apps)
    assert "service.toml" in problem.value.remedy


def test_unreadable_manifest_is_named(apps: Path) -> None:
    write(apps, "mail", "aws = [")
    with pytest.raises(ShopProblem, match=r"mail/service\.toml is not valid TOML"):
        services.load(apps)


def test_call_of_an_unknown_service_is_named(apps: Path) -> None:
    write(apps, "mail", '[calls]\nreturns = ["takeBack"]\n')
    with pytest.raises(ShopProblem, match=r"mail/service\.toml: `calls\.returns` names a service"):
        services.load(apps)


@pytest.mark.parametrize(
    ("manifest", "what"),
    [
        ('color = "red"\n', r"`color` is not a key of a manifest"),
        ("[events]\nsends = []\n", r"`events\.sends` is not a key of a manifest"),
        ("[owns]\nqueue = []\n", r"`owns\.queue` is not a key of a manifest"),
        ('aws = "sqs"\n', r"`aws` is wrong: expected `array`, got `str`"),
        ('[events]\nemits = ["OrderPlaced"]\n', r"`events\.emits\[0\]` is wrong: .*regex"),
        ("[objectives]\np95_ms = 0\n", r"`objectives\.p95_ms` is wrong: .*>= 1"),
        ("[calls]\norders = [1]\n", r"`calls\[\.\.\.\]\[0\]` is wrong"),
    ],
)
def test_invalid_manifest_is_reported_with_file_and_key(
    apps: Path, manifest: str, what: str
) -> None:
    write(apps, "mail", manifest)
    with pytest.raises(ShopProblem, match=rf"mail/service\.toml: {what}") as problem:
        services.load(apps)
    assert problem.value.remedy


def test_manifest_needs_a_visibility_and_the_name_of_its_directory(apps: Path) -> None:
    path = apps / "mail" / "service.toml"
    path.write_text('name = "mail"\n')
    with pytest.raises(ShopProblem, match="`visibility` is missing"):
        services.load(apps)
    path.write_text('name = "post"\nvisibility = "private"\n')
    with pytest.raises(ShopProblem, match="`name` is post, its directory is mail"):
        services.load(apps)
