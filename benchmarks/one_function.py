"""Runs one packaged function in this fresh process and measures it; prints JSON.

``one_function.py FOLDER HANDLER EVENTS WARM`` calls the handler once with each event in the file
``EVENTS`` and prints wall time and CPU from the start of the process to the first answer, then CPU
per call of ``WARM`` further calls, and the answers. ``STARTED`` is the time of the start.
"""

import os
import sys
import time


class Context:
    """What Lambda passes to a function beside the event."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = "benchmark"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left."""
        return 28_000


def main() -> None:
    """Measure the function."""
    folder, name, events_file, warm = sys.argv[1:]
    sys.path[0] = folder
    with open(events_file, "rb") as file:  # noqa: PTH123 - pathlib would be imported first
        text = file.read()
    # what a function prints is its log
    out, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115
    module = __import__("app")
    import json

    events = json.loads(text)
    handler = getattr(module, name)
    answers = [handler(events[0], Context())]
    wall, cpu = time.time() - float(os.environ["STARTED"]), time.process_time()
    answers += [handler(event, Context()) for event in events[1:]]
    per_call = None
    if int(warm):
        for _ in range(20):
            handler(events[0], Context())
        begun = time.process_time()
        for _ in range(int(warm)):
            handler(events[0], Context())
        per_call = (time.process_time() - begun) / int(warm)
    botocore = "botocore.session" in sys.modules
    result = {"wall": wall, "cpu": cpu, "warm": per_call, "answers": answers, "botocore": botocore}
    print(json.dumps(result), file=out)


main()
