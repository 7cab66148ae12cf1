"""The doctor's item `snapshots`: live versions have one, and no other version is billed."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from shopctl.doctor import shop
from shopctl.project.errors import ShopProblem
from support.sample_stages import PROD

NAME = "toyshop-prod-orders-api-handler"


def version(number: str, *, on: bool, name: str = NAME) -> dict[str, Any]:
    status = "On" if on else "Off"
    settings = {"ApplyOn": "PublishedVersions", "OptimizationStatus": status}
    return {"FunctionName": name, "Version": number, "SnapStart": settings}


LATEST = version("$LATEST", on=False)
# without SnapStart, as an event handler is, and of another stage
OTHERS = [
    {
        "FunctionName": "toyshop-prod-orders-on-dynamodb-record",
        "Version": "1",
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
    },
    version("1", on=True, name="toyshop-staging-orders-api-handler"),
]


def target(versions: list[dict[str, Any]], live: str = "2", **changed: Any) -> Any:
    """Return a stage whose account has these versions of functions."""

    class Lambda:
        def get_paginator(self, _: str) -> Any:
            # on several pages, as AWS answers
            pages = [{"Functions": [one]} for one in [*versions, *OTHERS]]
            return SimpleNamespace(paginate=lambda **_: pages)

        def get_alias(self, **_: str) -> dict[str, str]:
            return {"FunctionVersion": live}

    cloud = SimpleNamespace(is_local=False, client=lambda _: Lambda())
    return SimpleNamespace(stage=msgspec.structs.replace(PROD, **changed), cloud=cloud)


def test_live_versions_with_snapshots_are_fine() -> None:
    found = target([LATEST, version("2", on=True)])
    assert shop.snapshots(found) == "Functions that start from snapshots: 1."


def test_old_version_is_billed() -> None:
    versions = [LATEST, *(version(number, on=True) for number in ("10", "2", "9"))]
    with pytest.raises(ShopProblem, match=f"version 2 of {NAME} is still billed; 10 is") as found:
        shop.snapshots(target(versions, live="10"))
    assert found.value.remedy.endswith(
        "aws lambda delete-function --region ap-southeast-2"
        " --function-name toyshop-prod-orders-api-handler --qualifier 2."
    )


@pytest.mark.parametrize("versions", [[LATEST], [LATEST, version("2", on=False)]])
def test_live_version_without_a_snapshot_starts_slowly(versions: list[dict[str, Any]]) -> None:
    with pytest.raises(ShopProblem, match=f"The live version 2 of {NAME} has no snapshot"):
        shop.snapshots(target(versions))


def test_stage_that_is_not_deployed_has_none() -> None:
    with pytest.raises(ShopProblem, match="No function has snapshots"):
        shop.snapshots(target([]))


def test_stage_without_snap_start_is_not_examined() -> None:
    stage = target([version("1", on=True)], snap_start=False)
    assert shop.snapshots(stage) == "The stage has no snapshots."
