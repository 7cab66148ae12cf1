"""What `./shop replay` found and did, as JSON and as lines of text."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from shopctl.operating.replay import dead_letters
from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.payloads import Json
from shopctl.operating.replay.redelivery import Outcome
from shopctl.operating.replay.routes import Route

WOULD_REDELIVER = "would be redelivered"
WOULD_DISCARD = "would be discarded"
DISCARDED = "discarded"
_ID = re.compile(r"\b([a-z]{2,4}_)\w{8,}")


def summary(route: Route, found: Sequence[DeadLetter], in_flight: int) -> Json:
    """Return the summary of a dead-letter queue."""
    times = sorted(dead_letter.parked_at for dead_letter in found)
    return {
        "service": route.service,
        "queue": route.queue,
        "function": route.function,
        "messages": len(found),
        "in_flight": in_flight,
        "oldest": dead_letters.timestamp(times[0]) if times else None,
        "newest": dead_letters.timestamp(times[-1]) if times else None,
        "types": _counted(kind for dead_letter in found for kind in dead_letter.types),
        # reasons that differ only in ids count as one
        "reasons": _counted(_ID.sub(r"\1…", dead_letter.reason) for dead_letter in found),
    }


def redelivered(dead_letter: DeadLetter, outcome: Outcome) -> Json:
    """Return a dead letter, without its content, with the outcome of its redelivery."""
    return _without_content(dead_letter) | {"outcome": outcome.status, "error": outcome.error}


def previewed(dead_letter: DeadLetter, events: Sequence[Json]) -> Json:
    """Return a dead letter, without its content, with the events that would redeliver it."""
    preview = {"outcome": WOULD_REDELIVER, "error": "", "payloads": list(events)}
    return _without_content(dead_letter) | preview


def discarded(dead_letter: DeadLetter, outcome: str, error: str = "") -> Json:
    """Return a dead letter, without its content, with the outcome of discarding it."""
    return _without_content(dead_letter) | {"outcome": outcome, "error": error}


def lines_of_queue(queue: Json) -> Iterator[str]:
    """Yield a queue's summary as lines of text."""
    more = f" ({queue['in_flight']} more in flight)" if queue["in_flight"] else ""
    yield f"{queue['queue']}: {queue['messages']}{more}"
    if not queue["messages"]:
        return
    yield f"    for       {queue['function']}"
    yield f"    oldest    {queue['oldest']}   newest {queue['newest']}"
    for name in ("types", "reasons"):
        for text, count in queue[name].items():
            yield f"    {count:>5} x   {text}"


def lines_of_dead_letter(dead_letter: Json) -> Iterator[str]:
    """Yield a dead letter without its content as lines of text."""
    yield f"{dead_letter['message']}  {_subject(dead_letter)}"
    yield f"    queue     {dead_letter['queue']}, for {dead_letter['function']}"
    yield f"    reason    {dead_letter['reason']}"
    yield f"    parked    {dead_letter['parked_at']}, received {dead_letter['received']} times"
    yield f"    trace     {dead_letter['traceparent'] or 'unknown'}"
    if dead_letter["orders"]:
        yield f"    orders    {', '.join(dead_letter['orders'])}"


def line_of_outcome(dead_letter: Json) -> str:
    """Return the outcome of a redelivery, or its preview, as a line of text."""
    if dead_letter["outcome"] == WOULD_REDELIVER:
        return (
            f"would redeliver {_subject(dead_letter)} to {dead_letter['function']}, and then remove"
            f" {dead_letter['message']} from {dead_letter['queue']}"
        )
    if dead_letter["outcome"] == WOULD_DISCARD:
        return (
            f"would discard {_subject(dead_letter)} ({dead_letter['message']} of"
            f" {dead_letter['queue']}): {dead_letter['reason']}"
        )
    error = f": {dead_letter['error']}" if dead_letter["error"] else ""
    action = "deleted" if dead_letter["outcome"] in ("handled", DISCARDED) else "kept"
    message = f"{dead_letter['message']} {action}"
    return f"{dead_letter['outcome']:8} {_subject(dead_letter)} ({message}){error}"


def lines_of_record(record: Json) -> Iterator[str]:
    """Yield the record of a discarded dead letter as lines of text."""
    yield f"{record['message']}  {_subject(record)}"
    yield f"    queue     {record['queue']}, for {record['function']}"
    yield f"    parked    {record['parked_at']}: {record['reason']}"
    yield f"    discarded {record['at']} by {record['by']}"
    yield f"    because   {record['because']}"
    if record["orders"]:
        yield f"    orders    {', '.join(record['orders'])}"


def line_of_totals(found: Sequence[Json], in_flight: int) -> str:
    """Return the number of redeliveries by outcome as a line of text."""
    counted = Counter(dead_letter["outcome"] for dead_letter in found)
    parts = [f"{count} {outcome}" for outcome, count in counted.items()]
    line = f"{', '.join(parts)}." if parts else "No dead letter matches."
    if in_flight:
        line += f" {in_flight} more are in flight. Look again in two minutes."
    return line


def _without_content(dead_letter: DeadLetter) -> Json:
    content = dead_letters.to_json(dead_letter)
    del content["content"]
    return content


def _subject(dead_letter: Json) -> str:
    events = [f"{event['type']} {event['subject']}".strip() for event in dead_letter["events"]]
    return ", ".join(filter(None, events)) or dead_letter["shape"]


def _counted(texts: Iterator[str]) -> dict[str, int]:
    return dict(Counter(filter(None, texts)).most_common())
