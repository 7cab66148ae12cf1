"""The running shop's processes, services, unread queues and memory."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from shopctl.aws.clients import LOCAL_ACCOUNT, LOCAL_REGION
from shopctl.local import activity, seeding
from shopctl.project import aws_names
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process, RunningShop


def status(layout: Layout, shop: RunningShop) -> dict[str, Any]:
    """Describe the running shop.

    Returns
    -------
    dict
        ``status`` is ``running`` or ``degraded``; ``processes`` and ``services`` say which of them
        fail: a process is ``dead``, or ``hung`` if it does not answer, and its ``given_up`` says
        why it is not started again; ``supervisor`` is
        ``running`` or ``dead``; ``unread_queues`` says by queue why its consumer does not read it:
        ``missing``, ``disabled`` or ``overdue``, and is ``None`` if this cannot be asked;
        ``pictures`` says whether the catalogue has its pictures; ``memory_mib`` is resident memory
        in MiB.
    """
    with ThreadPoolExecutor() as threads:
        states = list(threads.map(_state, shop.processes))
    processes = {
        process.name: {
            "status": state,
            "pid": process.pid,
            "url": process.url,
            "memory_mib": process.memory_mib(),
            "given_up": process.given_up,
        }
        for process, state in zip(shop.processes, states, strict=True)
    }
    # each request to a process that hangs would wait in vain
    hung = "hung" in (processes["aws"]["status"], processes["edge"]["status"])
    services = dict.fromkeys(shop.services, "unknown") if hung else _health(shop)
    unread = None if hung else _unread_queues(shop)
    supervised = shop.supervisor is not None and shop.supervisor.is_alive()
    failing = set(states) != {"running"} or "down" in services.values() or unread or not supervised
    return {
        "status": "degraded" if failing else "running",
        "url": shop["edge"].url,
        "started_at": shop.started_at,
        "memory_mib": sum(process["memory_mib"] for process in processes.values()),
        "processes": processes,
        "supervisor": "running" if supervised else "dead",
        "services": services,
        "unread_queues": unread,
        "pictures": seeding.status(layout, shop),
    }


def _state(process: Process) -> str:
    if activity.hangs(process):
        return "hung"
    return "running" if process.is_alive() else "dead"


def _unread_queues(shop: RunningShop) -> dict[str, str] | None:
    status, content = _answer(f"{shop['aws'].url}/_toyshop/unread-queues")
    return content if status == 200 else None


def _health(shop: RunningShop) -> dict[str, str]:
    """Return the health of each service: ``ok``, ``down``, or ``unknown`` if it cannot be asked.

    The storefront reports on the services that it calls; the others are asked directly.
    """
    reported: dict[str, str] = {}
    if "storefront_api" in shop.services:
        content = _answer(f"{shop['edge'].url}/api/health?deep=1")[1]
        reported = content.get("services", {})
        reported = {**reported, "storefront_api": "ok" if reported else "down"}
    return {
        name: reported[name] if name in reported else _asked(shop, name) for name in shop.services
    }


def _asked(shop: RunningShop, service: str) -> str:
    api = aws_names.resource("local", service)
    url = f"{shop['aws'].url}/restapis/{api}/api/_user_request_/health"
    status, _ = _answer(url, _signature(url))
    # with IAM enforced, a private API refuses everyone but its callers
    return {200: "ok", 503: "down"}.get(status, "unknown")


def _signature(url: str) -> dict[str, str]:
    request = AWSRequest("GET", url)
    credentials = Credentials(LOCAL_ACCOUNT, "local")
    SigV4Auth(credentials, "execute-api", LOCAL_REGION).add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}


def _answer(url: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Return the status and JSON object of an answer; 0 and an empty one if there is none."""
    try:
        answer = requests.get(url, headers=headers, timeout=20)
        content = answer.json()
    except requests.RequestException:
        return 0, {}
    return answer.status_code, content if isinstance(content, dict) else {}
