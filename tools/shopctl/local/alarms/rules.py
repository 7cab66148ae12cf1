"""Rules of composite alarms: ``ALARM("a") AND (OK("b") OR NOT INSUFFICIENT_DATA("c"))``."""

import re
from collections.abc import Callable

from shopctl.local.alarms.definitions import State

_TOKEN = re.compile(r'\s*([()]|[A-Z_]+|"[^"]*")')
_STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")


StateOf = Callable[[str], State]
"""Returns the state of an alarm by its name."""
Rule = Callable[[StateOf], bool]
"""Returns whether a rule holds; asks only for the states that decide."""


def parse(rule: str) -> Rule:
    """Return a rule of a composite alarm.

    Raises
    ------
    ValueError
        If it is not a rule.
    """
    return _Parser(rule).whole()


def alarms(rule: str) -> list[str]:
    """Return the names of the alarms in a rule, each once."""
    return list(dict.fromkeys(re.findall(r'"([^"]*)"', rule)))


class _Parser:
    """Parses a rule by recursive descent: OR binds less than AND, AND less than NOT."""

    def __init__(self, rule: str) -> None:
        self._rule = rule
        self._tokens: list[str] = []
        position, text = 0, rule.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found:
                raise self._wrong()
            self._tokens.append(found[1])
            position = found.end()

    def whole(self) -> Rule:
        rule = self._any()
        if self._tokens:
            raise self._wrong()
        return rule

    def _any(self) -> Rule:
        rules = [self._all()]
        while self._accept("OR"):
            rules.append(self._all())
        return lambda state_of: any(rule(state_of) for rule in rules)

    def _all(self) -> Rule:
        rules = [self._one()]
        while self._accept("AND"):
            rules.append(self._one())
        return lambda state_of: all(rule(state_of) for rule in rules)

    def _one(self) -> Rule:
        word = self._take()
        if word == "NOT":
            negated = self._one()
            return lambda state_of: not negated(state_of)
        if word == "(":
            inner = self._any()
            self._require(")")
            return inner
        if word in ("TRUE", "FALSE"):
            return lambda _: word == "TRUE"
        if word not in _STATES:
            raise self._wrong()
        self._require("(")
        name = self._take().strip('"')
        self._require(")")
        return lambda state_of: state_of(name) == word

    def _accept(self, token: str) -> bool:
        if self._tokens[:1] == [token]:
            del self._tokens[0]
            return True
        return False

    def _require(self, token: str) -> None:
        if not self._accept(token):
            raise self._wrong()

    def _take(self) -> str:
        if not self._tokens:
            raise self._wrong()
        return self._tokens.pop(0)

    def _wrong(self) -> ValueError:
        return ValueError(f"Not a rule of a composite alarm: {self._rule}")
