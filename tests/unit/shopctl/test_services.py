"""Manifests and the order of services."""

from pathlib import Path

import pytest

from shopctl import services
from shopctl.problems import ShopProblem


def write(apps: Path, name: str, manifest: str) -> None:
    (apps / name).mkdir()
    (apps / name / "service.toml").write_text(manifest)


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    write(tmp_path, "front_api", '[calls]\norders = ["placeOrder"]\npayments = ["find"]\n')
    write(tmp_path, "orders", 'aws = ["dynamodb"]\n[events]\nemits = ["shop.order.placed.v1"]\n')
    write(
        tmp_path,
        "payments",
        '[calls]\nmail = ["send"]\n[events]\n'
        'emits = ["shop.paid.v1"]\nlistens = ["shop.order.placed.v1", "shop.paid.v1"]\n',
    )
    write(tmp_path, "mail", 'aws = ["ses"]\n')
    return tmp_path


def test_a_service_follows_those_it_calls_and_listens_to(apps: Path) -> None:
    order = [service.name for service in services.load(apps)]
    assert order.index("orders") < order.index("payments") < order.index("front_api")
    assert order.index("mail") < order.index("payments")


def test_own_events_are_no_dependency(apps: Path) -> None:
    payments = next(s for s in services.load(apps) if s.name == "payments")
    assert payments.depends_on == {"orders", "mail"}


def test_a_subset_keeps_the_order_and_takes_dashes(apps: Path) -> None:
    chosen = services.load(apps, ["front-api", "orders"])
    assert [service.name for service in chosen] == ["orders", "front_api"]
    assert chosen[1].dashed == "front-api"


def test_unknown_service_is_named(apps: Path) -> None:
    with pytest.raises(ShopProblem, match="There is no service returns"):
        services.load(apps, ["returns"])


def test_cycle_is_named(apps: Path) -> None:
    (apps / "orders" / "service.toml").write_text(
        '[calls]\nfront_api = ["x"]\n[events]\nemits = ["shop.order.placed.v1"]\n'
    )
    with pytest.raises(ShopProblem, match=r"cycle: .*orders.*→") as problem:
        services.load(apps)
    assert "service.toml" in problem.value.remedy


def test_broken_manifest_is_named(apps: Path) -> None:
    (apps / "mail" / "service.toml").write_text("aws = [")
    with pytest.raises(ShopProblem, match=r"mail/service\.toml is not valid TOML"):
        services.load(apps)
