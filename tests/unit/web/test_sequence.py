"""The sequence diagram of an order's journey: positions over time, and durations in words."""

import itertools
import json
from typing import Any

import pytest

from support.page_scripts import PageScripts

BROWSER = """
const document = { documentElement: { lang: "en-AU" } };
"""


@pytest.fixture(scope="module")
def scripts() -> PageScripts:
    scripts = PageScripts(BROWSER)
    scripts.load("lib/sequence.js")
    return scripts


def hop(id_: str, service: str, start: float, duration: float, **members: Any) -> dict[str, Any]:
    hop = {"id": id_, "service": service, "peer": None, "start": start, "duration": duration}
    return hop | members


def message(sender: str, receiver: str, channel: str, sent: float) -> dict[str, Any]:
    return {"sender": sender, "receiver": receiver, "channel": channel, "sent": sent}


def layout(scripts: PageScripts, hops: list[Any], messages: list[Any]) -> Any:
    journey = json.dumps({"hops": hops, "messages": messages})
    return scripts.run(f'return modules["./sequence.js"].layout({journey});')


def test_each_service_and_whom_it_calls_has_a_lane(scripts: PageScripts) -> None:
    hops = [
        hop("a", "orders", 0, 5),
        hop("b", "payments", 6, 9),
        hop("c", "payments", 7, 2, peer="payment gateway"),
        hop("d", "orders", 20, 1),
    ]
    drawn = layout(scripts, hops, [])
    assert [lane["name"] for lane in drawn["lanes"]] == ["orders", "payments", "payment gateway"]
    assert [bar["number"] for bar in drawn["bars"]] == [1, 2, 3, 4]
    assert drawn["bars"][0]["x"] == drawn["bars"][3]["x"]
    assert all(bar["x"] + 100 < drawn["width"] for bar in drawn["bars"])


def test_time_runs_down_and_labels_do_not_touch(scripts: PageScripts) -> None:
    hops = [hop(str(number), "orders", number / 10, 0.1) for number in range(20)]
    bars = layout(scripts, hops, [])["bars"]
    tops = [bar["y"] for bar in bars]
    assert all(after - before >= 24 for before, after in itertools.pairwise(tops))


def test_long_pause_is_short_and_marked(scripts: PageScripts) -> None:
    hops = [hop("a", "orders", 0, 5), hop("b", "orders", 86_400_005, 5)]
    drawn = layout(scripts, hops, [])
    (pause,) = drawn["pauses"]
    assert pause["text"] == 86_400_000
    first, second = drawn["bars"]
    assert first["y"] < pause["y"] < second["y"] < 400
    assert drawn["height"] > second["y"] + second["height"]


def test_arrow_begins_when_the_message_was_sent(scripts: PageScripts) -> None:
    hops = [hop("a", "orders", 0, 100), hop("b", "payments", 300, 5), hop("c", "orders", 310, 1)]
    sent = [message("a", "b", "topic", 60), message("a", "c", "stream", 60)]
    drawn = layout(scripts, hops, sent)
    across, loop = drawn["arrows"]
    top, bottom = drawn["bars"][0]["y"], drawn["bars"][0]["y"] + drawn["bars"][0]["height"]
    assert top < across["y1"] < bottom < across["y2"] == drawn["bars"][1]["y"]
    assert across["x1"] < across["x2"]
    assert (across["isLoop"], loop["isLoop"]) == (False, True)
    assert loop["y2"] == drawn["bars"][2]["y"]


def test_request_is_a_level_arrow_and_one_without_its_sender_is_none(scripts: PageScripts) -> None:
    hops = [hop("a", "orders", 0, 100), hop("b", "toys", 10, 5)]
    sent = [message("a", "b", "http", 8), message("lost", "b", "topic", 8)]
    (arrow,) = layout(scripts, hops, sent)["arrows"]
    assert arrow["y1"] == arrow["y2"]


def test_hop_that_runs_during_another_of_its_lane_is_shifted(scripts: PageScripts) -> None:
    hops = [hop("a", "payments", 0, 100), hop("b", "payments", 10, 5), hop("c", "payments", 200, 5)]
    first, second, third = layout(scripts, hops, [])["bars"]
    assert first["x"] < second["x"]
    assert first["x"] == third["x"]


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (3.25, "3.3 ms"),
        (235, "235 ms"),
        (1_250, "1.3 s"),
        (59_000, "59 s"),
        (60_000, "1 min"),
        (91_200, "1 min 31 s"),
        (3_600_000, "1 h"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_durations_have_at_most_two_units(ms: float, text: str) -> None:
    scripts = PageScripts(BROWSER)
    scripts.load("lib/format.js")
    scripts.run('modules["../lib/format.js"] = modules["./format.js"];')
    scripts.load("texts/staff.js")
    assert scripts.run(f'return modules["./staff.js"].duration({ms});') == text
