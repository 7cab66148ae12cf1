"""What runs, and how it is."""

import json
import urllib.error
import urllib.request
from typing import Any

from shopctl.project.running_shop import RunningShop


def status(state: RunningShop) -> dict[str, Any]:
    """Describe the running shop.

    Returns
    -------
    dict
        ``status`` is ``running`` or ``degraded``; ``processes`` and ``services`` say what is not
        well; ``memory_mib`` is resident memory.
    """
    processes = {
        process.name: {
            "status": "running" if process.is_alive() else "dead",
            "pid": process.pid,
            "url": process.url,
            "memory_mib": process.memory_mib(),
        }
        for process in state.processes
    }
    services = _services(state)
    healthy = not state.dead() and all(answer == "ok" for answer in services.values())
    return {
        "status": "running" if healthy else "degraded",
        "url": state["edge"].url,
        "started_at": state.started_at,
        "memory_mib": sum(process["memory_mib"] for process in processes.values()),
        "processes": processes,
        "services": services,
    }


def _services(state: RunningShop) -> dict[str, str]:
    """Ask the storefront for the private services; itself is the one that answers."""
    if "storefront_api" not in state.services:
        return dict.fromkeys(state.services, "unknown")
    try:
        with urllib.request.urlopen(f"{state['edge'].url}/api/health?deep=1", timeout=20) as answer:
            content = json.load(answer)
    except urllib.error.HTTPError as error:
        content = _content(error)
    except OSError:
        content = {}
    private: dict[str, str] = content.get("services", {})
    itself = "ok" if private else "down"
    return {
        name: itself if name == "storefront_api" else private.get(name, "unknown")
        for name in state.services
    }


def _content(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        content = json.load(error)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
