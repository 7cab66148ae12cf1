"""Applies a stage's settings to the template that Chalice packages."""

from collections.abc import Mapping
from typing import Any

from shopctl.deploying import concurrency, gradual_release, snap_start
from shopctl.project.stages import Stage

LAMBDA_PYTHON = (3, 13)
"""The version of Python that releases for AWS are built with."""


def apply(template: Mapping[str, Any], stage: Stage, *, embedded: bool) -> dict[str, Any]:
    """Return a packaged template as it is deployed to a stage.

    Parameters
    ----------
    template
        Template as Chalice packages it; it is not changed.
    embedded
        Whether the template is for the embedded AWS, which has aliases, but neither CodeDeploy nor
        snapshots, and runs functions on the Python that builds them.
    """
    changed = concurrency.apply(template, stage.concurrency)
    if not embedded:
        # a template may be inspected with any Python
        for resource in changed["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["Runtime"] = "python" + ".".join(map(str, LAMBDA_PYTHON))
    if stage.publishes_versions:
        how = None if embedded else stage.gradual_release
        changed = gradual_release.apply(changed, how, stage.runbooks)
    if stage.snap_start and not embedded:
        changed = snap_start.apply(changed)
    return changed
