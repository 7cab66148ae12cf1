"""Runs scripts of the web page in V8, with stand-ins for the browser and for other scripts."""

import json
import re
from pathlib import Path
from typing import Any

from py_mini_racer import MiniRacer

from support.paths import ROOT

_IMPORT = re.compile(
    r'^import (?:\* as (?P<all>\w+)|(?P<names>{[^}]*})) from "(?P<file>[^"]+)";', re.M
)
_EXPORT = re.compile(r"^export (?P<kind>(?:async )?function|const|class) (?P<name>[\w$]+)", re.M)


class PageScripts:
    """A JavaScript context in which modules of the page are loaded as if imported.

    Parameters
    ----------
    browser
        JavaScript that defines the globals of a browser, and the modules that are replaced, in
        ``modules`` by file name (``./dom.js``).
    """

    def __init__(self, browser: str) -> None:
        self._racer = MiniRacer()
        self._racer.eval("const modules = {};")
        self._racer.eval(browser)

    def load(self, *files: str) -> None:
        """Load modules of ``web/``; each one after those that it imports."""
        for file in files:
            self._racer.eval(_as_expression(ROOT / "web" / file))

    def run(self, script: str) -> Any:
        """Run the body of an async function and return the JSON value that it returns."""
        wrapped = f"(async () => {{ {script} }})().then((value) => JSON.stringify(value ?? null))"
        promise: Any = self._racer.eval(wrapped)
        return json.loads(promise.get(timeout=10))


def _as_expression(path: Path) -> str:
    """Return a module as a script that stores its exports, since V8 alone imports no modules."""
    source = path.read_text(encoding="utf-8")
    exports = ", ".join(match["name"] for match in _EXPORT.finditer(source))
    source = _IMPORT.sub(
        lambda match: f'const {match["all"] or match["names"]} = modules["{match["file"]}"];',
        source,
    )
    source = _EXPORT.sub(r"\g<kind> \g<name>", source)
    return f'modules["./{path.name}"] = (() => {{ {source}\nreturn {{ {exports} }}; }})();'
