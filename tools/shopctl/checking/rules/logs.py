"""Every function has a log group of its own name, with a retention period."""

from collections.abc import Iterator

from shopctl.checking.packaged_templates import Packaged
from shopctl.checking.repository import Repository
from shopctl.project import aws_names
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import line_containing


def check(repository: Repository) -> Iterator[Finding]:
    """Yield functions of the packaged templates whose log lines are lost or kept forever."""
    for packaged in repository.packaged:
        yield from _template(repository, packaged)


def _template(repository: Repository, packaged: Packaged) -> Iterator[Finding]:
    resources = packaged.resources
    groups = {
        str(group["Properties"].get("LogGroupName", {}).get("Fn::Sub"))
        for group in resources.values()
        if group["Type"] == "AWS::Logs::LogGroup" and group["Properties"].get("RetentionInDays")
    }
    for logical_id, function in resources.items():
        if function["Type"] != "AWS::Serverless::Function":
            continue
        if aws_names.log_group(f"${{{logical_id}}}") not in groups:
            path = packaged.service.delivery_file
            yield repository.finding(
                path,
                line_containing(path, f"  {logical_id}:"),
                f"The log lines of {logical_id} in the stage {packaged.stage} are lost or kept"
                " forever: it has no log group with a retention period.",
                "Set the LogGroupName of ApiHandlerLogGroup to /aws/lambda/${APIHandler}.",
            )
