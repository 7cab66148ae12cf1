"""Runs the functions of the distribution (infra/edge.yaml) in V8."""

import functools
import json
from typing import Any

import yaml
from py_mini_racer import MiniRacer

from support.paths import ROOT

EDGE = yaml.safe_load((ROOT / "infra" / "edge.yaml").read_text())["Resources"]


def code(name: str) -> str:
    """Return the source of a function with the values of its substitutions."""
    source = EDGE[name]["Properties"]["FunctionCode"]
    if isinstance(source, str):
        return source
    text, values = source["Fn::Sub"]
    for key, value in values.items():
        separator, parts = value["Fn::Join"]
        text = text.replace(f"${{{key}}}", separator.join(parts))
    return str(text)


@functools.cache
def _context(name: str) -> MiniRacer:
    racer = MiniRacer()
    racer.eval(code(name))
    return racer


def run(name: str, event: dict[str, Any]) -> Any:
    """Return the request or response that a function returns for an event."""
    result = _context(name).eval(f"JSON.stringify(handler({json.dumps(event)}))")
    return json.loads(str(result))


def requested(path: str, query: dict[str, Any] | None = None) -> Any:
    """Return the result of the function for a request of a path."""
    headers = {"host": {"value": "shop.example"}}
    request = {"method": "GET", "uri": path, "querystring": query or {}, "headers": headers}
    return run("Addresses", {"request": request})
