"""Every function has its own policy file, name and role, and no policy file is left over."""

from collections.abc import Iterator

from shopctl.checking.repository import App, Repository
from shopctl.project.aws_names import PREFIX
from shopctl.project.finding import Finding


def check(repository: Repository) -> Iterator[Finding]:
    """Yield functions without a policy, and policies without a function."""
    for app in repository.apps.values():
        for stage in app.config.get("stages", {}):
            yield from _policies(repository, app, stage)
        yield from _names(repository, app)


def _policies(repository: Repository, app: App, stage: str) -> Iterator[Finding]:
    path = ("stages", stage, "lambda_functions")
    configured = app.config.at(*path) or {}
    lines = {function.name: function.line for function in app.functions}
    used = set()
    for name in lines:
        file = app.config.at(*path, name, "iam_policy_file")
        used.add(file)
        if not file or not (app.config_path.parent / file).exists():
            yield repository.finding(
                app.config_path,
                app.config.line_of(*path, name),
                f"{name} has no policy file of its own in the stage {stage}.",
                f"Write .chalice/policy-{name}-{stage}.json and name it as its iam_policy_file.",
            )
        elif file != f"policy-{name}-{stage}.json":
            yield repository.finding(
                app.config_path,
                app.config.line_of(*path, name, "iam_policy_file"),
                f"{name} has the policy file {file}, which is named after another function.",
                f"Give it policy-{name}-{stage}.json: least privilege is each function's own.",
            )
    for name in sorted(set(configured) - set(lines)):
        yield repository.finding(
            app.config_path,
            app.config.line_of(*path, name),
            f"There is no function {name}.",
            "Take it out.",
        )
    for policy in app.policies:
        if policy.stage == stage and policy.path.name not in used:
            yield repository.finding(
                policy.path, 1, f"No function of {app.name} has this policy.", "Delete the file."
            )
    if app.config.get("autogen_policy", True):
        yield repository.finding(
            app.config_path,
            app.config.line_of("autogen_policy"),
            "Chalice would write the policies itself, and generously.",
            "Set autogen_policy to false.",
        )


def _names(repository: Repository, app: App) -> Iterator[Finding]:
    for function in app.functions:
        wanted = f"{PREFIX}{app.dashed}-{function.dashed}"
        for logical_id, key in (
            (function.logical_id, "FunctionName"),
            (function.role_id, "RoleName"),
        ):
            path = ("Resources", logical_id, "Properties", key)
            if app.delivery.at(*path, "Fn::Sub") != wanted:
                yield repository.finding(
                    app.delivery_path,
                    app.delivery.line_of(*path),
                    f"The {key} of {function.name} is not {wanted}.",
                    f"Set {'.'.join(path)} to it: others name the role in their policies.",
                )
