"""The steps of a runbook that end an incident: its code blocks that name the incident.

Such a block begins with `````sh gameday=<incident>``; several incidents are separated by commas.
"""

import re
from pathlib import Path

_BLOCK = re.compile(r"^```sh gameday=([a-z,-]+)\n(.*?)^```$", re.M | re.S)


def steps(runbook: Path, incident: str) -> list[str]:
    """Return the blocks of a runbook that repair an incident, as they are written.

    Parameters
    ----------
    runbook
        The file.
    incident
        Name of the incident.
    """
    found = _BLOCK.findall(runbook.read_text())
    return [commands for names, commands in found if incident in names.split(",")]


def incidents(runbook: Path) -> set[str]:
    """Return the names of the incidents that a runbook has steps for."""
    return {name for names, _ in _BLOCK.findall(runbook.read_text()) for name in names.split(",")}
