"""Takes services back to the release before the present one."""

from collections.abc import Callable
from dataclasses import dataclass

from shopctl.aws import artifact_bucket
from shopctl.deploying import releases, stacks
from shopctl.deploying.deploy import Target, publish_api_of
from shopctl.deploying.releases import Release
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service


@dataclass(frozen=True)
class _Return:
    """A service, and the release that it goes back to."""

    service: Service
    release: Release


def roll_back(to: Target, say: Callable[[str], None]) -> None:
    """Take services back to their previous release, each before those it depends on.

    What outlives a release stays as it is. Running it again after an interruption goes on where
    that one stopped for the service that was under way, and takes the others back once more.

    Parameters
    ----------
    say
        Told of each stack.

    Raises
    ------
    ShopProblem
        Before any change, if a service has no previous release, or its code is gone; later, if a
        stack fails.
    """
    if to.stage.mode != "cloudformation":
        raise ShopProblem(
            f"The stage {to.stage.name} is marked {to.stage.mode} in stages.toml.",
            "Check the service's previous version out and run `chalice deploy` in its folder, "
            "see docs/deploying.md.",
        )
    bucket = artifact_bucket.of(to.cloud)
    for back in [_previous(to, service, bucket) for service in reversed(to.services)]:
        # first, so that a later run does not return to what is taken back
        releases.withdraw(to.cloud, bucket, back.service, back.release)
        name = stacks.name(to.cloud, back.service)
        template = stacks.Template(name, back.release.body, back.release.parameters)
        stacks.deploy(to.cloud, template, bucket)
        publish_api_of(to, back.service)
        say(f"{name} rolled back")


def _previous(to: Target, service: Service, bucket: str) -> _Return:
    name = stacks.name(to.cloud, service)
    stack = stacks.describe(to.cloud, name)
    if stack is None:
        raise ShopProblem(
            f"{service.name} is not deployed to the stage {to.stage.name}.",
            f"Deploy it with ./shop deploy --stage {to.stage.name} {service.name}.",
        )
    # what failed was taken back by CloudFormation itself, and was never kept
    failed = stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    present = None if failed else stacks.digest_of(stack)
    release = releases.before(to.cloud, bucket, service, present)
    if release is None:
        raise ShopProblem(
            f"{service.name} has no release before the present one on the stage {to.stage.name}.",
            "Correct the service and deploy it again.",
        )
    if not artifact_bucket.exists(to.cloud, bucket, release.code):
        raise ShopProblem(
            f"The code of the previous release of {service.name} is gone: "
            f"there is no {release.code} in {bucket}.",
            "Check the service's previous version out and deploy it.",
        )
    return _Return(service, release)
