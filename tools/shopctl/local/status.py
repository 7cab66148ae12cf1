"""The running shop's processes, services and memory."""

from typing import Any

import requests

from shopctl.project.running_shop import RunningShop


def status(shop: RunningShop) -> dict[str, Any]:
    """Describe the running shop.

    Returns
    -------
    dict
        ``status`` is ``running`` or ``degraded``; ``processes`` and ``services`` say which of them
        fail; ``memory_mib`` is resident memory in MiB.
    """
    processes = {
        process.name: {
            "status": "running" if process.is_alive() else "dead",
            "pid": process.pid,
            "url": process.url,
            "memory_mib": process.memory_mib(),
        }
        for process in shop.processes
    }
    services = _health(shop)
    healthy = not shop.dead() and all(health == "ok" for health in services.values())
    return {
        "status": "running" if healthy else "degraded",
        "url": shop["edge"].url,
        "started_at": shop.started_at,
        "memory_mib": sum(process["memory_mib"] for process in processes.values()),
        "processes": processes,
        "services": services,
    }


def _health(shop: RunningShop) -> dict[str, str]:
    """Return each service's health; the storefront reports that of the private services."""
    if "storefront_api" not in shop.services:
        return dict.fromkeys(shop.services, "unknown")
    try:
        content = requests.get(f"{shop['edge'].url}/api/health?deep=1", timeout=20).json()
    except requests.RequestException:
        content = {}
    private: dict[str, str] = content.get("services", {}) if isinstance(content, dict) else {}
    storefront = "ok" if private else "down"
    return {
        name: storefront if name == "storefront_api" else private.get(name, "unknown")
        for name in shop.services
    }
