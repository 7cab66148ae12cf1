"""All rules together."""

import pytest

from shopctl.checking import run
from shopctl.checking.repository import Repository
from shopctl.checking.rules import logs, templates
from support.checkout_copy import CheckoutCopy
from support.paths import ROOT


def test_shop_has_no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    # packaging all templates takes ten seconds; `tox -e check` does it
    quick = tuple(rule for rule in run.RULES if rule not in (logs, templates))
    monkeypatch.setattr(run, "RULES", quick)
    found = [str(finding) for _, findings in run.results(Repository(ROOT)) for finding in findings]
    assert found == []


def test_invalid_manifest_stops_the_other_rules(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/toys/service.toml", "[events]", "[events")
    results = list(run.results(Repository(checkout.root)))
    assert len(results) == 1
    assert "apps/toys/service.toml" in str(results[0][1][0])
