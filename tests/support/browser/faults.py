"""Records faults in a browser, so that a test fails on unexpected ones."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError


@dataclass
class Faults:
    """Faults in the pages of a test: script errors, console errors, failed requests and responses.

    A violation of the Content-Security-Policy is a console error. A request that the page or a
    navigation cancels is not a fault.
    """

    seen: list[str] = field(default_factory=list)
    _expected: list[re.Pattern[str]] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Expect faults whose description matches a pattern, like ``503 GET .*/api/toys``."""
        self._expected.append(re.compile(pattern))

    @property
    def unexpected(self) -> list[str]:
        return [
            fault for fault in self.seen if not any(known.search(fault) for known in self._expected)
        ]

    def watch(self, context: BrowserContext) -> None:
        """Record the faults of all pages of a context."""
        context.on("weberror", self._error)
        context.on("console", self._message)
        context.on("requestfailed", self._failure)
        context.on("response", self._answer)

    def close(self, context: BrowserContext) -> None:
        """Close a context. From now on, what its pages do is not recorded.

        Requests that a test still intercepts are abandoned: their errors would fail the next test.
        """
        # Playwright reports what has happened so far before it returns from any call
        context.cookies()
        context.remove_listener("weberror", self._error)
        context.remove_listener("console", self._message)
        context.remove_listener("requestfailed", self._failure)
        context.remove_listener("response", self._answer)
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.unroute_all(behavior="ignoreErrors")
        context.close()

    def _error(self, error: WebError) -> None:
        self.seen.append(f"uncaught {error.error}")

    def _message(self, message: ConsoleMessage) -> None:
        # the request or response is already recorded
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.seen.append(f"console {message.text}")

    def _failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":
            self.seen.append(f"{request.failure} {request.method} {request.url}")

    def _answer(self, response: Response) -> None:
        if response.status >= 400:
            self.seen.append(f"{response.status} {response.request.method} {response.url}")
