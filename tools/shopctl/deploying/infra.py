"""Deploys infrastructure that belongs to no service: each template of `infra/` as its own stack."""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shopctl.aws import cloudformation, ssm_parameters
from shopctl.aws.clients import Cloud
from shopctl.aws.ssm_parameters import ExpectedValues
from shopctl.aws.target import Target
from shopctl.deploying import page, stacks, teardown
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.new_stage import TO_COMPLETE
from shopctl.project.stages import Stage
from shopctl.project.yaml_lines import parse_yaml

EDGE = "edge"
# CloudFront accepts a web ACL only from this region
_REGIONS = {"distribution-acl": "us-east-1"}
_CERTIFICATE = r"arn:aws[a-z-]*:acm:us-east-1:{account}:certificate/[a-z0-9-]+"
_PUBLISHED = re.compile(r"\{\{resolve:ssm:/toyshop/\$\{Stage\}/([^}]+)\}\}")


def deploy(to: Target, names: Sequence[str], report: Callable[[str], None]) -> None:
    """Deploy templates of `infra/` in the given order.

    The outputs of a stack in another region are published in the stage's region. With the edge, the
    web page is published.

    Parameters
    ----------
    names
        Names of templates, without ``.yaml``.
    report
        Called with a line for each stack.

    Raises
    ------
    ShopProblem
        Before any change, if a template is unknown, a parameter is missing, or the domain name, the
        certificate and the origin contradict each other; later, if a stack fails.
    """
    templates = {name: _read(to, name) for name in names}
    _check_parameters(to.layout, to.stage)
    if EDGE in names:
        _check_domain(to)
    _check_prerequisites(to, templates)
    for name, template in templates.items():
        cloud, stack = cloud_of(to, name), _stack(to, name)
        outcome = stacks.deploy_template(
            cloud,
            stack,
            json.dumps(template),
            f"infra/{name}.yaml, or its parameters in stages.toml",
        )
        report(f"{stack} {outcome}")
        if name in _REGIONS:
            ssm_parameters.write(to.cloud, _outputs(to, name))
        if name == EDGE:
            page.publish(to, report)
            _report_new_origin(to, report)


def delete(to: Target, names: Sequence[str], report: Callable[[str], None]) -> None:
    """Delete the stacks of templates of `infra/`, in reverse of the given order.

    Parameters
    ----------
    names
        Names of templates, without ``.yaml``.
    report
        Called with a line for each stack.

    Raises
    ------
    ShopProblem
        Before any change, if a template is unknown, the stage retains its data, or a stack was
        deployed when it did; later, if a stack cannot be deleted, or resources remain.
    """
    for name in names:
        _read(to, name)
    if to.stage.retain_data:
        raise ShopProblem(
            f"The stage {to.stage.name} retains its data: its infrastructure is not deleted.",
            "To delete it nevertheless, set retain_data = false for it in stages.toml.",
        )
    teardown.refuse_retaining(
        {f"--infra {name}": (cloud_of(to, name), _stack(to, name)) for name in names},
        f"./shop deploy --stage {to.stage.name}",
    )
    remaining = []
    for name in reversed(names):
        if name in _REGIONS:
            ssm_parameters.delete(to.cloud, _outputs(to, name))
        remaining += teardown.remove(cloud_of(to, name), _stack(to, name), report)
    teardown.report_remaining(remaining)


def is_current(to: Target, name: str) -> bool:
    """Return whether a deployment of a template would not touch its stack."""
    body = json.dumps(_read(to, name))
    cloud = cloud_of(to, name)
    return stacks.is_unchanged(cloud, cloudformation.template(cloud, _stack(to, name), body))


def published(to: Target) -> dict[str, str]:
    """Return what a deployment publishes for deployed stacks in another region than the stage's."""
    return {key: value for name in _REGIONS for key, value in _outputs(to, name).items()}


def names(layout: Layout) -> list[str]:
    """Return the names of the templates in alphabetical order."""
    return sorted(path.stem for path in layout.infra.glob("*.yaml"))


def _stack(to: Target, name: str) -> str:
    return aws_names.resource(to.stage.name, name)


def cloud_of(to: Target, name: str) -> Cloud:
    """Return the cloud with the region that the stack must be in."""
    if name not in _REGIONS:
        return to.cloud
    return dataclasses.replace(to.cloud, region=_REGIONS[name], _clients={})


def _read(to: Target, name: str) -> dict[str, Any]:
    path = to.layout.infra / f"{name}.yaml"
    if not path.exists():
        raise ShopProblem(
            f"There is no template {name} in infra.",
            f"The templates are {', '.join(names(to.layout))}.",
        )
    template: dict[str, Any] = parse_yaml(path.read_text())
    if not to.stage.retain_data:
        stacks.without_retention(template)
    return template


def _check_domain(to: Target) -> None:
    """Raise unless the stage's origin, its domain name and its certificate fit together."""
    stage = to.stage
    name, certificate = (stage.infra.get(key, "") for key in ("DomainName", "CertificateArn"))
    if name and name != stage.domain:
        raise ShopProblem(
            f"DomainName is {name}, and origin is {stage.origin or 'not set'}.",
            f"Remove DomainName from [{stage.name}.infra] in stages.toml: it is taken from origin.",
        )
    if stage.domain and not certificate:
        raise ShopProblem(
            f"The domain name {stage.domain} needs a certificate.",
            f"Set CertificateArn in [{stage.name}.infra] in stages.toml; or remove origin, to use "
            "the distribution's own name.",
        )
    if certificate and not stage.domain:
        raise ShopProblem(
            "CertificateArn is set, and the stage has no domain name of its own.",
            f"Set origin of {stage.name} in stages.toml, or remove CertificateArn.",
        )
    if certificate:
        _check_arn(to, certificate)
        # the embedded AWS issues none
        if not to.cloud.is_local:
            check_certificate(to)


def _check_arn(to: Target, certificate: str) -> None:
    if not re.fullmatch(_CERTIFICATE.format(account=to.stage.account), certificate):
        raise ShopProblem(
            f"CertificateArn is {certificate}, which is no certificate of the account "
            f"{to.stage.account} in us-east-1, the only region that CloudFront accepts one from.",
            f"Request one for {to.stage.domain} in us-east-1 and set its ARN.",
        )


def check_certificate(to: Target) -> None:
    """Check that the certificate of the stage's domain is issued and covers it.

    Raises
    ------
    ShopProblem
        If there is none, or it is not issued, or it is for other names.
    """
    domain, arn = to.stage.domain, to.stage.infra.get("CertificateArn", "")
    request = "Request one in us-east-1, and set CertificateArn in stages.toml."
    if not arn.startswith("arn:"):
        raise ShopProblem(f"There is no certificate for {domain}.", request)
    _check_arn(to, arn)
    acm = cloud_of(to, "distribution-acl").client("acm")
    try:
        found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except acm.exceptions.ResourceNotFoundException:
        raise ShopProblem(f"There is no certificate {arn}.", request) from None
    if found["Status"] != "ISSUED":
        records = [
            f"{record['Name']} {record['Type']} {record['Value']}"
            for option in found.get("DomainValidationOptions", [])
            if (record := option.get("ResourceRecord"))
        ]
        raise ShopProblem(
            f"The certificate for {domain} is {found['Status']}.",
            f"Add these records to DNS: {'; '.join(records)}." if records else request,
        )
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", [])}
    wildcard = f"*.{domain.partition('.')[2]}"
    if not names & {domain, wildcard}:
        raise ShopProblem(
            f"The certificate is for {', '.join(sorted(names))}, not for {domain}.", request
        )


def _report_new_origin(to: Target, report: Callable[[str], None]) -> None:
    """Say what to do after the distribution of a stage got the name that services need."""
    origin = ssm_parameters.read(to.cloud).get(ssm_parameters.ORIGIN, "")
    if not to.stage.domain and origin != to.stage.origin:
        report(f"The stage's origin is {origin}, which its services do not know yet.")
        report(f"Deploy them again: ./shop deploy --stage {to.stage.name}")


def _check_parameters(layout: Layout, stage: Stage) -> None:
    """Raise if `stages.toml` has a parameter that no template declares."""
    templates = [parse_yaml((layout.infra / f"{n}.yaml").read_text()) for n in names(layout)]
    declared = {name for template in templates for name in template.get("Parameters", {})}
    if unknown := sorted(set(stage.infra) - declared):
        raise ShopProblem(
            f"No template of infra has the parameter {', '.join(unknown)}.",
            f"Correct [{stage.name}.infra] in stages.toml.",
        )


def _check_prerequisites(to: Target, templates: Mapping[str, dict[str, Any]]) -> None:
    """Raise if a template lacks a parameter, or a value that none before it will publish."""
    present = ssm_parameters.read(to.cloud)
    for position, (name, template) in enumerate(templates.items()):
        for parameter, declared in template.get("Parameters", {}).items():
            given = to.cloud.parameters.get(parameter, "")
            if given.startswith(TO_COMPLETE) or not (given or "Default" in declared):
                raise ShopProblem(
                    f"{name} needs a value for {parameter}: {declared.get('Description', '…')}.",
                    f"Set alarm_email of {to.stage.name} in stages.toml."
                    if parameter == "AlarmEmail"
                    else f"Set it in [{to.stage.name}.infra] in stages.toml.",
                )
        expected = ExpectedValues(present, list(templates)[:position])
        for needed in _PUBLISHED.findall(json.dumps(template)):
            expected[needed]


def _outputs(to: Target, name: str) -> dict[str, str]:
    """Return the outputs of a stack by the names under which they are published."""
    found = cloudformation.outputs(cloud_of(to, name), _stack(to, name))
    return {_key(name, output): value for output, value in found.items()}


def _key(name: str, output: str) -> str:
    return f"{name}/{output.lower()}"
