"""Renders the files of a service's `.chalice` for a stage.

Everything is derived from `service.toml`, `stages.toml`, the naming rules and the values that the
stage's services published. The files of the stage `local` are committed, since `chalice local`
needs them in a fresh clone; `./shop check` compares them with what is rendered.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shopctl.aws.ssm_parameters import LocalValues
from shopctl.deploying import api_policy, network
from shopctl.deploying.references import References
from shopctl.project import aws_names, delivery_config
from shopctl.project.errors import ShopProblem
from shopctl.project.manifest import (
    DEFAULT_MEMORY_MIB,
    DEFAULT_TIMEOUT_SECONDS,
    LOG_RETENTION_DAYS,
    Function,
)
from shopctl.project.services import Service
from shopctl.project.stages import Stage

API_STAGE = "api"
"""Name of the only stage of every REST API."""
# Lambda sets these itself on AWS
_LOCAL_VARIABLES = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "local",
}


def render(service: Service, stage: Stage, published: Mapping[str, str]) -> dict[str, str]:
    """Return the files of `.chalice` for a stage, by name.

    ``config.json`` keeps the sections of the other stages.

    Parameters
    ----------
    published
        Values that the stage's services and infrastructure published.

    Raises
    ------
    ShopProblem
        If the manifest contradicts itself, or a service that this one needs has not published
        what is needed.
    """
    _check_calls(service)
    references = References(service, stage, published)
    section = _section(references)
    policies = {
        _policy_file(name, stage): _policy(references, name, function)
        for name, function in service.manifest.functions.items()
    }
    if not service.is_public:
        policies[_callers_file(stage)] = api_policy.of(service, stage, published)
    config = {
        "version": "2.0",
        "app_name": aws_names.app(service.name),
        "autogen_policy": False,
        "log_retention_in_days": LOG_RETENTION_DAYS,
        "lambda_timeout": DEFAULT_TIMEOUT_SECONDS,
        "lambda_memory_size": DEFAULT_MEMORY_MIB,
        "api_gateway_stage": API_STAGE,
        "stages": {**_sections(service), stage.name: section},
    }
    contents = {"config.json": config, **policies}
    return {name: json.dumps(content, indent=2) + "\n" for name, content in contents.items()}


def render_local(service: Service, stage: Stage) -> dict[str, str]:
    """Return the files of `.chalice` for the stage `local`, which needs no running shop.

    Raises
    ------
    ShopProblem
        If the manifest contradicts itself.
    """
    return render(service, stage, LocalValues(stage))


def write(service: Service, stage: Stage, files: Mapping[str, str]) -> list[str]:
    """Write the rendered files of a stage to a service's `.chalice`.

    Policies of functions that the service no longer has are deleted.

    Returns
    -------
    list of str
        Names of the files that were changed or deleted.
    """
    directory = service.config_directory
    directory.mkdir(exist_ok=True)
    changed = differing(service, stage, files)
    for name in changed:
        if name in files:
            (directory / name).write_text(files[name])
        else:
            (directory / name).unlink()
    return changed


def differing(service: Service, stage: Stage, files: Mapping[str, str]) -> list[str]:
    """Return the names of the files in `.chalice` that are not as rendered, or left over."""
    directory = service.config_directory
    present = {path.name for path in directory.glob(f"*-{stage.name}.json")}
    return [
        name
        for name in sorted({*files, *present})
        if name not in files
        or not (directory / name).exists()
        or (directory / name).read_text() != files[name]
    ]


def _section(references: References) -> dict[str, Any]:
    service, stage = references.service, references.stage
    section: dict[str, Any] = {
        "api_gateway_endpoint_type": "REGIONAL" if service.is_public else "PRIVATE"
    }
    if not service.is_public:
        section["api_gateway_policy_file"] = _callers_file(stage)
    section["environment_variables"] = environment(references)
    section["xray"] = True
    section["lambda_functions"] = {
        name: _function(references, name, function)
        for name, function in service.manifest.functions.items()
    }
    if stage.mode == "chalice":
        for delivered in delivery_config.read(service, stage, references.published).functions:
            if delivered.source:
                # a release by CloudFormation takes it from delivery.yaml
                variable = f"{delivered.name.upper()}_SOURCE"
                section["environment_variables"][variable] = delivered.source
            if delivered.concurrency is not None:
                # Chalice removes a limit that its configuration does not have
                limit = {"reserved_concurrency": delivered.concurrency}
                section["lambda_functions"][delivered.name] |= limit
    return section


def environment(references: References) -> dict[str, str]:
    """Return the environment variables of a service's functions.

    Raises
    ------
    ShopProblem
        If one refers to something that does not exist or is not published yet.
    """
    service, stage = references.service, references.stage
    variables = {"STAGE": stage.name, "SERVICE": service.name}
    if service.is_public:
        # the others follow its decision
        variables["TRACE_PERCENT"] = f"{stage.trace_percent:g}"
    if milliseconds := service.manifest.objectives.p95_ms:
        variables["SLOW_SECONDS"] = f"{milliseconds / 1000:g}"
    for name, text in service.manifest.environment.items():
        value = references.variable(name, text)
        if value is not None:
            variables[name] = value
    if stage.name == "local":
        variables |= {"AWS_ENDPOINT_URL": stage.aws, **_LOCAL_VARIABLES}
    return variables


def _function(references: References, name: str, function: Function) -> dict[str, Any]:
    settings: dict[str, Any] = {"iam_policy_file": _policy_file(name, references.stage)}
    if function.timeout_seconds != DEFAULT_TIMEOUT_SECONDS:
        settings["lambda_timeout"] = function.timeout_seconds
    if function.memory_mib != DEFAULT_MEMORY_MIB:
        settings["lambda_memory_size"] = function.memory_mib
    if references.stage.network and network.is_inside(function):
        settings |= network.settings(references.published)
    return settings


def _policy(references: References, name: str, function: Function) -> dict[str, Any]:
    service, stage = references.service, references.stage
    aws_name = aws_names.function(stage, service.name, name)
    statements = [
        _allow(
            "Logs",
            ("logs:CreateLogStream", "logs:PutLogEvents"),
            (f"arn:aws:logs:*:*:log-group:{aws_names.log_group(aws_name)}:*",),
        ),
        # AWS does not restrict these to a resource
        _allow("Traces", ("xray:PutTraceSegments", "xray:PutTelemetryRecords"), ("*",)),
    ]
    for reference, allowed in function.allow.items():
        permission = references.permission(name, reference, allowed)
        statement = _allow(_sid(reference), permission.actions, permission.resources)
        if permission.condition:
            statement["Condition"] = permission.condition
        statements.append(statement)
    if stage.network and network.is_inside(function):
        statements += network.statements(stage, aws_name)
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": _one_or_list(actions),
        "Resource": _one_or_list(resources),
    }


def _one_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _sid(reference: str) -> str:
    """Return the id of a statement, which takes letters and digits alone."""
    words = re.findall(r"[A-Za-z0-9]+", reference.replace("*", "all"))
    return "".join(word[0].upper() + word[1:] for word in words)


def _check_calls(service: Service) -> None:
    """Raise if `[calls]` names a service whose API no function is allowed to call."""
    manifest = service.manifest
    called = {name for function in manifest.functions.values() for name in function.calls}
    if unused := sorted(set(manifest.calls) - called):
        raise ShopProblem(
            f"{service.name} declares calls of {', '.join(unused)}, and no function is allowed to"
            " make them.",
            f'Add "api:{unused[0]}" to a function of {service.manifest_file}, or remove the calls.',
        )


def _policy_file(function: str, stage: Stage) -> str:
    return f"policy-{function}-{stage.name}.json"


def _callers_file(stage: Stage) -> str:
    return f"callers-{stage.name}.json"


def _sections(service: Service) -> dict[str, Any]:
    """Return the sections of the stages that are configured already."""
    path: Path = service.config_directory / "config.json"
    if not path.exists():
        return {}
    try:
        sections: dict[str, Any] = json.loads(path.read_text()).get("stages", {})
    except json.JSONDecodeError as error:
        raise ShopProblem(
            f"{path} is not valid JSON: {error}.", "Delete it and run ./shop configure."
        ) from None
    return sections
