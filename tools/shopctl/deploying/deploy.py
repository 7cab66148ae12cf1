"""Deploys services to a stage: resources, then releases, then the values that others read."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from botocore.exceptions import ClientError

from shopctl.aws import cloudformation, ses, ssm_parameters
from shopctl.aws.cloudformation import Outcome
from shopctl.aws.ssm_parameters import ExpectedValues, PublishedValues
from shopctl.aws.target import Target
from shopctl.deploying import alarms, concurrency, stacks, stage_config, stage_template
from shopctl.deploying.references import SIMULATOR_KEYS
from shopctl.deploying.stage_template import LAMBDA_PYTHON
from shopctl.packaging import prebuilt
from shopctl.packaging.package import Package, build, with_urls
from shopctl.project import aws_names, new_stage, services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service
from shopctl.project.stages import Stage

# settings of the stage `local` that depend on the ports of the running shop
_URLS = ("aws", "gateway", "origin")


def deploy(
    to: Target, report: Callable[[str], None], packages: Path | None = None
) -> dict[str, Outcome]:
    """Deploy services, each after those it depends on.

    After an interruption, running it again continues where it stopped.

    Parameters
    ----------
    report
        Called with a line for each stack.
    packages
        Directory with code built by `./shop package`; None to build it now.

    Returns
    -------
    dict
        What was done, by stack.

    Raises
    ------
    ShopProblem
        Before any change, if a prerequisite is missing; later, if a stack fails.
    """
    to.stage.require("cloudformation")
    check_python(to)
    code = prebuilt.read(to.services, to.layout, packages) if packages else None
    _check_prerequisites(to, ssm_parameters.read(to.cloud))
    outcomes = deploy_resources(to, report)
    for wave in services.waves(to.services):
        published = ssm_parameters.read(to.cloud)
        ready = [
            package(to, service, published, code.code(service) if code else None)
            for service in wave
        ]
        released = stacks.deploy_packages(to.cloud, ready)
        for service in wave:
            publish_api_of_stack(to, service)
        for name, outcome in released.items():
            report(f"{name} {outcome}")
        outcomes |= released
    return outcomes


def deploy_resources(to: Target, report: Callable[[str], None]) -> dict[str, Outcome]:
    """Deploy only the stateful resources; `chalice deploy` can do the rest.

    With those of notifications, the DKIM records that DNS lacks are reported; before any change
    to what sends emails, that the account is in the sandbox of SES.

    Raises
    ------
    ShopProblem
        Before any change, if the topic of the alarms is missing, or the user pool would send
        emails from a domain that is not verified; later, if a stack fails.
    """
    _check_alarm_topic(to, ssm_parameters.read(to.cloud))
    _check_sender(to)
    _report_sandbox(to, report)
    outcomes = stacks.deploy_resources(to.cloud, to.stage, to.services)
    for name, outcome in outcomes.items():
        report(f"{name} {outcome}")
    _report_dkim(to, report)
    return outcomes


def configure(to: Target) -> dict[str, list[str]]:
    """Write a stage's files to each service's `.chalice`.

    Returns
    -------
    dict
        Names of the files that changed, by service.

    Raises
    ------
    ShopProblem
        Before any change, if a service has not published what another needs, or the account
        cannot reserve the functions' concurrency.
    """
    published = ssm_parameters.read(to.cloud)
    files = {s.name: stage_config.render(s, to.stage, published) for s in to.services}
    if to.stage.mode == "chalice":
        # `chalice deploy` reserves it
        concurrency.check(to, published)
    return {s.name: stage_config.write(s, to.stage, files[s.name]) for s in to.services}


def configure_local(layout: Layout, only: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Write the files of the stage `local`, which are committed; needs no running shop.

    Parameters
    ----------
    only
        Names of services; empty for all.

    Returns
    -------
    dict
        Names of the files that changed, by service.

    Raises
    ------
    ShopProblem
        Before any change, if a manifest is invalid.
    """
    stage = stages.load(layout.stages, "local")
    chosen = services.load(layout.apps, only)
    files = {service.name: stage_config.render_local(service, stage) for service in chosen}
    return {
        service.name: stage_config.write(service, stage, files[service.name]) for service in chosen
    }


def package(
    to: Target, service: Service, published: PublishedValues, code: Path | None = None
) -> Package:
    """Package a service for its stage.

    Parameters
    ----------
    published
        Values that the stage's services and infrastructure published.
    code
        Zip with the functions' code; None to build it.

    Raises
    ------
    ShopProblem
        If the service cannot be rendered or packaged.
    """
    if to.stage.name == "local":
        return package_local(to.layout, service, to.stage, code)
    built = build(
        service,
        to.stage.name,
        to.layout,
        rendered=stage_config.render(service, to.stage, published),
        for_lambda=not to.cloud.is_local,
        code=code,
    )
    template = stage_template.apply(built.template, to.stage, embedded=to.cloud.is_local)
    return replace(built, template=template)


def package_local(
    layout: Layout, service: Service, stage: Stage, code: Path | None = None
) -> Package:
    """Package a service for the stage `local`; shops on different ports share the builds.

    Parameters
    ----------
    stage
        The stage `local`, with the URLs of the running shop.
    code
        Zip with the functions' code; None to build it.

    Raises
    ------
    ShopProblem
        If the service cannot be rendered or packaged.
    """
    committed = stages.load(layout.stages, "local")
    rendered = stage_config.render_local(service, committed)
    built = build(service, "local", layout, rendered=rendered, code=code)
    urls = {getattr(committed, name): getattr(stage, name) for name in _URLS}
    keys = {SIMULATOR_KEYS[name]: key for name, key in stage.gateway_keys.items()}
    return with_urls(built, {old: new for old, new in urls.items() if old} | keys)


def check_python(to: Target) -> None:
    """Check that a release for AWS is built with the Python that its functions run on.

    Raises
    ------
    ShopProblem
        If it is another.
    """
    if to.cloud.is_local or sys.version_info[:2] == LAMBDA_PYTHON:
        return
    wanted, present = (".".join(map(str, v[:2])) for v in (LAMBDA_PYTHON, sys.version_info))
    raise ShopProblem(
        f"A release is built with Python {wanted}, and this is {present}.",
        prebuilt.run_with(wanted),
    )


def publish_api(to: Target, service: Service, api_id: str) -> None:
    """Publish the id and URL of a service's API for other services."""
    present = ssm_parameters.read(to.cloud)
    wanted = ssm_parameters.of_api(to.stage, service.dashed, api_id)
    ssm_parameters.write(
        to.cloud, {name: value for name, value in wanted.items() if present.get(name) != value}
    )


def publish_api_of_stack(to: Target, service: Service) -> None:
    """Publish the id and URL of the API in a service's stack."""
    stack = aws_names.resource(to.stage.name, service.name)
    publish_api(to, service, cloudformation.physical_id(to.cloud, stack, "RestAPI"))


def _check_alarm_topic(to: Target, published: PublishedValues) -> None:
    """Raise if the stage has alarms, and the topic that they notify is not deployed."""
    if to.stage.alarm_email:
        published[alarms.TOPIC]


def _check_sender(to: Target) -> None:
    """Raise if the user pool would send emails through SES from a domain that is not verified.

    Cognito refuses to create such a pool.
    """
    service = next((one for one in to.services if one.name == "storefront_api"), None)
    if to.stage.ses_sandbox or service is None:
        return
    pool = stacks.resources(to.cloud, to.stage, service)
    if pool and stacks.is_unchanged(to.cloud, pool):
        # a release of the code must not wait for SES
        return
    found, domain = ses.identity(to.cloud, to.stage.sender_domain), to.stage.sender_domain
    if found is None or not found.verified:
        name = to.stage.name
        raise ShopProblem(
            f"SES has not verified the domain {domain}, which the user pool sends emails from.",
            f"Run ./shop deploy --stage {name} --resources notifications, and add the DKIM records"
            f" that it prints to DNS; or set ses_sandbox = true for {name} in stages.toml until the"
            " domain is verified.",
        )


def _report_sandbox(to: Target, report: Callable[[str], None]) -> None:
    """Print that most emails cannot be sent yet, unless `stages.toml` says so.

    AWS takes up to a day to grant production access, and nothing has to be deployed again then:
    that is no reason to refuse a deployment.
    """
    senders = {"notifications", "storefront_api"} & {service.name for service in to.services}
    if senders and not to.stage.ses_sandbox and ses.in_sandbox(to.cloud):
        report(
            f"Warning: {ses.IN_SANDBOX} Until that changes, nobody else receives sign-up codes or"
            f" emails about orders. {ses.LEAVE_SANDBOX}"
        )


def _report_dkim(to: Target, report: Callable[[str], None]) -> None:
    """Print the records that DNS lacks for the domain that emails are sent from."""
    if not any(service.name == "notifications" for service in to.services):
        return
    found = ses.identity(to.cloud, to.stage.sender_domain)
    if found and not found.verified:
        report(f"SES verifies {to.stage.sender_domain} when DNS has these records:")
        for record in found.records:
            report(f"  {record}")


def _check_completeness(to: Target) -> None:
    """Raise if a setting, which customers would see, is left to be filled in."""
    left = [one for one in new_stage.to_complete(to.stage) if not one.startswith("infra.")]
    if left and not to.cloud.is_local:
        raise ShopProblem(
            f"stages.toml lacks {', '.join(left)} of {to.stage.name}.", "Fill them in there."
        )


def _check_prerequisites(to: Target, published: PublishedValues) -> None:
    _check_completeness(to)
    _check_alarm_topic(to, published)
    if to.stage.name == "local":
        # `./shop up` gives its APIs fixed ids, which nothing has to publish
        return
    expected = ExpectedValues(published, [service.dashed for service in to.services])
    for service in to.services:
        stage_config.render(service, to.stage, expected)
    concurrency.check(to, expected)
    if to.stage.gateway or not any(service.name == "payments" for service in to.services):
        return
    name = aws_names.gateway_secret(to.stage.name)
    try:
        to.cloud.client("secretsmanager").describe_secret(SecretId=name)
    except ClientError:
        raise ShopProblem(
            f"The keys of the payment gateway are missing: there is no secret {name}.",
            'Create it in Secrets Manager with {"api_key": …, "webhook_secret": …}.',
        ) from None
