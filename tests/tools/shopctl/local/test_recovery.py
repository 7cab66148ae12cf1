"""What `./shop up` says after a kill."""

import datetime
from typing import Any

from shopctl.local.recovery import report

MOMENT = datetime.datetime(2026, 11, 30, 7, 0, 0, tzinfo=datetime.UTC)
NOW = MOMENT + datetime.timedelta(seconds=9)
UNCUT: dict[str, Any] = {"file": None, "ledger": []}


def found(**more: Any) -> dict[str, Any]:
    tables = {"toyshop-local-orders": 1200, "toyshop-local-payments": 1199, "other": 5}
    counts = {"tables": tables, "records": 1, "events": 2}
    manifest = {"moment": "2026-11-30T07:00:00.000Z", "counts": counts}
    return {"manifest": manifest, "damaged": False, "objects": 0, "emails": 0, **more}


def test_report_says_what_was_restored_and_which_time_is_lost() -> None:
    lines = report(found(), UNCUT, NOW)
    assert lines == [
        "The shop was killed. It continues from the state of"
        f" {MOMENT.astimezone():%H:%M:%S on %d %B %Y}: 1,200 orders, 1,199 transactions, 0 files;"
        " 3 pending events to deliver.",
        "Lost: everything after that moment, 9 s before this start.",
    ]


def test_report_names_everything_that_was_taken_back() -> None:
    entry = {"type": "charge", "status": "succeeded", "shown": "AUD 59.95"}
    cut = {"file": "journal/cut-1.jsonl", "ledger": [{**entry, "order_id": "ord_1"}]}
    text = "\n".join(report(found(damaged=True, objects=2, emails=1), cut, NOW))
    for part in (
        "aws/state.damaged",
        "2 files in S3 rolled back",
        "1 later email moved to mail-after-snapshot",
        "is in journal/cut-1.jsonl",
        "charge succeeded AUD 59.95 for ord_1",
    ):
        assert part in text


def test_report_of_a_shop_that_had_saved_nothing() -> None:
    assert report(found(manifest=None), UNCUT, NOW) == [
        "The shop was killed before anything was saved. It starts empty."
    ]


def test_long_losses_are_given_in_minutes_and_hours() -> None:
    for difference, text in (({"minutes": 5}, "5 min"), ({"hours": 30}, "30 h")):
        line = report(found(), UNCUT, MOMENT + datetime.timedelta(**difference))[1]
        assert f", {text} before" in line
