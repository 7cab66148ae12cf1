"""Every function has a log group of its own name, in which lines are kept for a while."""

from collections.abc import Iterator

from shopctl.checking.packaged_templates import Packaged
from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding
from shopctl.project.yaml_lines import line_containing


def check(repository: Repository) -> Iterator[Finding]:
    """Yield functions of the packaged templates whose log lines nobody keeps, or keeps for ever."""
    for packaged in repository.packaged:
        yield from _of(repository, packaged)


def _of(repository: Repository, packaged: Packaged) -> Iterator[Finding]:
    resources = packaged.resources
    kept = {
        str(group["Properties"].get("LogGroupName", {}).get("Fn::Sub"))
        for group in resources.values()
        if group["Type"] == "AWS::Logs::LogGroup" and group["Properties"].get("RetentionInDays")
    }
    for logical_id, function in resources.items():
        if function["Type"] != "AWS::Serverless::Function":
            continue
        if f"/aws/lambda/${{{logical_id}}}" not in kept:
            path = packaged.app.delivery_path
            yield repository.finding(
                path,
                line_containing(path, f"  {logical_id}:"),
                f"What {logical_id} logs in the stage {packaged.stage} is lost, or kept for ever:"
                " it has no log group with a retention.",
                "Set log_retention_in_days in .chalice/config.json, and here the LogGroupName of"
                " the API's to /aws/lambda/${APIHandler}.",
            )
