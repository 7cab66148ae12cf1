"""Rolls services back to the release before the current one."""

from collections.abc import Callable
from dataclasses import dataclass

from shopctl.aws import artifact_bucket, cloudformation
from shopctl.aws.target import Target
from shopctl.deploying import releases
from shopctl.deploying.deploy import publish_api_of_stack
from shopctl.deploying.releases import Release
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service


@dataclass(frozen=True)
class _Rollback:
    """A service and the release that it goes back to."""

    service: Service
    release: Release


def roll_back(to: Target, report: Callable[[str], None]) -> None:
    """Roll services back to their previous release, each before those it depends on.

    Stateful resources stay as they are. After an interruption, running it again
    completes the service in progress and rolls the others back once more.

    Parameters
    ----------
    report
        Called with a line for each stack.

    Raises
    ------
    ShopProblem
        Before any change, if a service has no previous release or its code is gone; later, if a
        stack fails.
    """
    if to.stage.mode != "cloudformation":
        raise ShopProblem(
            f"The stage {to.stage.name} is marked {to.stage.mode} in stages.toml.",
            "Check out the service's previous version and run `chalice deploy` in its folder, "
            "see docs/operating.md.",
        )
    bucket = artifact_bucket.of(to.cloud)
    for rollback in [_previous(to, service, bucket) for service in reversed(to.services)]:
        # first, so that a later run does not return to the release that is rolled back
        releases.delete_after(to.cloud, bucket, rollback.service.name, rollback.release)
        name = aws_names.resource(to.stage.name, rollback.service.name)
        release = rollback.release
        # its references stand for what is there now: a key that was revoked does not come back
        template = cloudformation.template(to.cloud, name, release.body, release.parameters)
        cloudformation.deploy(to.cloud, template, bucket)
        publish_api_of_stack(to, rollback.service)
        report(f"{name} rolled back")


def _previous(to: Target, service: Service, bucket: str) -> _Rollback:
    stack = cloudformation.describe(to.cloud, aws_names.resource(to.stage.name, service.name))
    if stack is None:
        raise ShopProblem(
            f"{service.name} is not deployed to the stage {to.stage.name}.",
            f"Deploy it with ./shop deploy --stage {to.stage.name} {service.name}.",
        )
    # a failed release was rolled back by CloudFormation itself and never recorded
    failed = stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    present = None if failed else cloudformation.release_of(stack)
    release = releases.before(to.cloud, bucket, service.name, present)
    if release is None:
        raise ShopProblem(
            f"{service.name} has no release before the current one on the stage {to.stage.name}.",
            "Correct the service and deploy it again.",
        )
    if not artifact_bucket.exists(to.cloud, bucket, release.code):
        raise ShopProblem(
            f"The code of the previous release of {service.name} is gone: "
            f"there is no {release.code} in {bucket}.",
            "Check out the service's previous version and deploy it.",
        )
    return _Rollback(service, release)
