"""What `./shop replay` found and did, for people and as JSON."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from shopctl.operating.replay.dead_letters import Json, Letter
from shopctl.operating.replay.redelivery import Outcome
from shopctl.operating.replay.routes import Route

_ID = re.compile(r"\b([a-z]{2,4}_)\w{8,}")


def queue(route: Route, letters: Sequence[Letter], elsewhere: int) -> Json:
    """Sum a dead-letter queue up."""
    times = sorted(letter.parked_at for letter in letters)
    return {
        "service": route.service,
        "queue": route.queue,
        "function": route.function,
        "messages": len(letters),
        "being_replayed": elsewhere,
        "oldest": _stamp(times[0]) if times else None,
        "newest": _stamp(times[-1]) if times else None,
        "types": _counted(kind for letter in letters for kind in letter.types),
        # one line for what differs in its ids alone
        "reasons": _counted(_ID.sub(r"\1…", letter.reason) for letter in letters),
    }


def letter(found: Letter) -> Json:
    """Tell all of a dead letter."""
    return {
        "message": found.id,
        "service": found.route.service,
        "queue": found.route.queue,
        "function": found.route.function,
        "shape": found.shape,
        "reason": found.reason,
        "parked_at": _stamp(found.parked_at),
        "received": found.received,
        "traceparent": found.traceparent,
        "orders": sorted(found.orders),
        "events": [
            {"id": told.id, "type": told.type, "subject": told.subject} for told in found.told
        ],
        "content": found.content,
    }


def replayed(found: Letter, outcome: Outcome | None, events: Sequence[Json]) -> Json:
    """Tell what became of a dead letter, or in a dry run (no outcome) what would be delivered."""
    told = letter(found)
    del told["content"]
    if outcome is None:
        return told | {"became": "would be delivered", "why": "", "payloads": list(events)}
    return told | {"became": outcome.became, "why": outcome.why}


def about(told: Json) -> str:
    """Return in a few words what a dead letter tells of."""
    events = [f"{event['type']} {event['subject']}".strip() for event in told["events"]]
    return ", ".join(filter(None, events)) or told["shape"]


def lines_of_queue(content: Json) -> Iterator[str]:
    """Write a dead-letter queue's sum for people."""
    elsewhere = content["being_replayed"]
    more = f" ({elsewhere} more in somebody's hands)" if elsewhere else ""
    yield f"{content['queue']}: {content['messages']}{more}"
    if not content["messages"]:
        return
    yield f"    for       {content['function']}"
    yield f"    oldest    {content['oldest']}   newest {content['newest']}"
    for name in ("types", "reasons"):
        for text, count in content[name].items():
            yield f"    {count:>5} of  {text}"


def lines_of_letter(told: Json) -> Iterator[str]:
    """Write all of a dead letter for people, but its content."""
    yield f"{told['message']}  {about(told)}"
    yield f"    queue     {told['queue']}, for {told['function']}"
    yield f"    reason    {told['reason']}"
    yield f"    parked    {told['parked_at']}, received {told['received']} times"
    yield f"    trace     {told['traceparent'] or 'unknown'}"
    if told["orders"]:
        yield f"    orders    {', '.join(told['orders'])}"


def line_of_replayed(told: Json) -> str:
    """Write what became of a dead letter for people."""
    if told["became"] == "would be delivered":
        return (
            f"would deliver {about(told)} to {told['function']}, and take {told['message']} off"
            f" {told['queue']} once it is handled"
        )
    why = f": {told['why']}" if told["why"] else ""
    stays = "deleted" if told["became"] == "handled" else "stays"
    return f"{told['became']:8} {about(told)} ({told['message']} {stays}){why}"


def _counted(texts: Iterator[str]) -> dict[str, int]:
    return dict(Counter(filter(None, texts)).most_common())


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def summary(told: Sequence[Json], elsewhere: int) -> str:
    """Count what became of dead letters, in a line."""
    counted = Counter(each["became"] for each in told)
    parts = [f"{count} {became}" for became, count in counted.items()]
    line = f"{', '.join(parts)}." if parts else "There is no such dead letter."
    if elsewhere:
        line += f" {elsewhere} more are in somebody's hands: look again in two minutes."
    return line
