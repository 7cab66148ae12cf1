"""The table that compares functions with the release before telemetry."""

import importlib.util
from itertools import islice

import pytest

from support.paths import ROOT

_SPEC = importlib.util.spec_from_file_location(
    "benchmarks_telemetry", ROOT / "benchmarks/telemetry.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
telemetry = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(telemetry)


def figures(now: float, before: float, ratio: list[float]) -> dict[str, object]:
    return {"bare": 300.0, "now": now, "baseline": before, "/bare": [1, 1, 1], "/baseline": ratio}


def test_table_has_each_function_of_both_releases_and_the_median() -> None:
    measured = {
        "orders POST /orders": {
            "cpu": figures(310.4, 300.2, [0.9, 1.03, 1.1]),
            "warm": figures(1.5, 1.2, [1.1, 1.25, 1.4]),
        },
        "payments charge": {"cpu": figures(320, 318, [0.98, 1.01, 1.02])},
        "toys images": {"cpu": figures(200, 190, [1, 1.05, 1.2])},
        # neither was in the release before
        "new": {"cpu": {"bare": 300.0, "now": 100.0, "/bare": [1, 1, 1]}},
    }
    table = "\n".join(telemetry.functions(measured)).splitlines()
    assert table[2:] == [
        "| orders POST /orders | 300 | 310 | 1.03 (0.90 to 1.10) | 1.25 (1.10 to 1.40) |",
        "| payments charge | 318 | 320 | 1.01 (0.98 to 1.02) |  |",
        "| toys images | 190 | 200 | 1.05 (1.00 to 1.20) |  |",
        "| **median** | | | **1.03** | **1.25** |",
    ]


def test_report_is_not_written_without_its_last_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["telemetry.py", "--write"])
    with pytest.raises(SystemExit):
        telemetry.main()
    assert "--write needs --baseline" in capsys.readouterr().err


def test_report_has_the_table() -> None:
    text = telemetry.REPORT.read_text()
    assert "\n".join(islice(telemetry.functions({}), 2)) in text
    assert text.startswith(telemetry.TITLE)
