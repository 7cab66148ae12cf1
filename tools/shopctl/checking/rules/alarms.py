"""Every alarm in a template sends notifications and links to its runbook."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shopctl.checking.repository import Repository
from shopctl.deploying import alarms
from shopctl.project import aws_names, yaml_lines
from shopctl.project.finding import Finding

_TOPICS = ({"Fn::Sub": aws_names.parameter_reference(alarms.TOPIC)}, {"Ref": "Topic"})
_RUNBOOK = re.compile(r"/([\w-]+\.md)(?:#[\w-]+)?$")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield alarms of `resources.yaml` and `infra/` without a notification or a runbook.

    Those that are generated (`shopctl.deploying.alarms`) have both.
    """
    for service in repository.services.values():
        if service.resources_file.exists():
            yield from _of_template(repository, service.resources_file)
    for path in sorted((repository.root / "infra").glob("*.yaml")):
        yield from _of_template(repository, path)


def _of_template(repository: Repository, path: Path) -> Iterator[Finding]:
    template = yaml_lines.read_yaml(path)
    for name, resource in (template.at("Resources") or {}).items():
        if resource.get("Type") not in (alarms.METRIC_ALARM, alarms.COMPOSITE_ALARM):
            continue
        properties = resource["Properties"]
        line = template.line_of("Resources", name)
        for key in ("AlarmActions", "OKActions"):
            if not any(topic in (properties.get(key) or []) for topic in _TOPICS):
                yield repository.finding(
                    path, line, f"{name} has no {key}.", f"Set them to [{_TOPICS[0]}]."
                )
        runbook = _RUNBOOK.search(_text(properties.get("AlarmDescription")))
        if not runbook or not (repository.root / "docs" / "runbooks" / runbook[1]).exists():
            yield repository.finding(
                path,
                line,
                f"The description of {name} does not end with the address of a runbook.",
                "Write the runbook in docs/runbooks, and link to it.",
            )


def _text(description: Any) -> str:
    return str(description.get("Fn::Sub") if isinstance(description, dict) else description)
