"""Every incident: its alarms fire, its runbook's steps end it, and nothing is lost."""

import json

import pytest

from shopctl.local.gameday.incidents import INCIDENTS, Incident
from support.running_shop import Shop
from support.waiting import eventually


def clear(shop: Shop) -> bool:
    alarms = shop.run("alarms", "--json")
    return json.loads(alarms.stdout) == []


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_runbook_ends_the_incident(shop: Shop, incident: Incident) -> None:
    eventually(lambda: clear(shop), seconds=120)
    # WHEN the incident begins while customers order, and its runbook is followed as it is written
    played = shop.run("gameday", incident.name, "--repair", seconds=600)
    # THEN its alarms have fired and are clear again
    assert played.returncode == 0, played.stdout + played.stderr
    for alarm in incident.alarms:
        assert f"alarm {alarm}\n" in played.stdout
    assert "All alarms are clear.\n" in played.stdout
    # AND `./shop alarms` shows none, as soon as other tests no longer slow the shop down
    eventually(lambda: clear(shop), seconds=120)
    # AND every order was charged once and mailed
    assert "accepted orders are charged once, and mailed.\n" in played.stdout
    assert played.stdout.endswith("orders were examined: nothing is lost.\n")
