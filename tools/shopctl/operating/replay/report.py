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
_ID = re.compile(r"\b([a-z]{2,4}_)\w{8,}")


def summary(route: Route, letters: Sequence[DeadLetter], in_flight: int) -> Json:
    """Return the summary of a dead-letter queue."""
    times = sorted(letter.parked_at for letter in letters)
    return {
        "service": route.service,
        "queue": route.queue,
        "function": route.function,
        "messages": len(letters),
        "in_flight": in_flight,
        "oldest": dead_letters.timestamp(times[0]) if times else None,
        "newest": dead_letters.timestamp(times[-1]) if times else None,
        "types": _counted(kind for letter in letters for kind in letter.types),
        # reasons that differ only in ids count as one
        "reasons": _counted(_ID.sub(r"\1…", letter.reason) for letter in letters),
    }


def redelivered(letter: DeadLetter, outcome: Outcome) -> Json:
    """Return a dead letter, without its content, with the outcome of its redelivery."""
    return _without_content(letter) | {"outcome": outcome.status, "error": outcome.error}


def rehearsed(letter: DeadLetter, events: Sequence[Json]) -> Json:
    """Return a dead letter, without its content, with the events that would redeliver it."""
    rehearsal = {"outcome": WOULD_REDELIVER, "error": "", "payloads": list(events)}
    return _without_content(letter) | rehearsal


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


def lines_of_letter(letter: Json) -> Iterator[str]:
    """Yield all of a dead letter but its content as lines of text."""
    yield f"{letter['message']}  {_subject(letter)}"
    yield f"    queue     {letter['queue']}, for {letter['function']}"
    yield f"    reason    {letter['reason']}"
    yield f"    parked    {letter['parked_at']}, received {letter['received']} times"
    yield f"    trace     {letter['traceparent'] or 'unknown'}"
    if letter["orders"]:
        yield f"    orders    {', '.join(letter['orders'])}"


def line_of_outcome(letter: Json) -> str:
    """Return the outcome of a redelivery, or of its rehearsal, as a line of text."""
    if letter["outcome"] == WOULD_REDELIVER:
        return (
            f"would redeliver {_subject(letter)} to {letter['function']}, and then delete"
            f" {letter['message']} from {letter['queue']}"
        )
    error = f": {letter['error']}" if letter["error"] else ""
    fate = "deleted" if letter["outcome"] == "handled" else "kept"
    return f"{letter['outcome']:8} {_subject(letter)} ({letter['message']} {fate}){error}"


def line_of_totals(letters: Sequence[Json], in_flight: int) -> str:
    """Return the number of redeliveries by outcome as a line of text."""
    counted = Counter(letter["outcome"] for letter in letters)
    parts = [f"{count} {outcome}" for outcome, count in counted.items()]
    line = f"{', '.join(parts)}." if parts else "No dead letter matches."
    if in_flight:
        line += f" {in_flight} more are in flight. Look again in two minutes."
    return line


def _without_content(letter: DeadLetter) -> Json:
    content = dead_letters.to_json(letter)
    del content["content"]
    return content


def _subject(letter: Json) -> str:
    events = [f"{event['type']} {event['subject']}".strip() for event in letter["events"]]
    return ", ".join(filter(None, events)) or letter["shape"]


def _counted(texts: Iterator[str]) -> dict[str, int]:
    return dict(Counter(filter(None, texts)).most_common())
