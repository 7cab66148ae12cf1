"""The pipeline: its commands, accounts, stages and test environments exist in the repository."""

import configparser
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from policy_sentry.querying.actions import get_action_data

from shopctl.cli.main import cli
from shopctl.deploying.stage_template import LAMBDA_PYTHON
from shopctl.project import stages
from shopctl.project.layout import Layout
from support import iam_policies
from support.function_policies import as_list
from support.paths import ROOT

INFRA = ROOT / "infra"
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text())


def resources(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((INFRA / name).read_text())["Resources"]
    return content


def commands(path: Path) -> list[str]:
    phases = yaml.safe_load(path.read_text())["phases"].values()
    return [command for phase in phases for command in phase.get("commands", [])]


BUILDSPECS = {path.name: commands(path) for path in sorted(INFRA.glob("buildspec-*.yml"))}
PIPELINE = resources("pipeline.yaml")
ACTIONS = [
    (stage["Name"], action)
    for stage in PIPELINE["Pipeline"]["Properties"]["Stages"]
    for action in stage["Actions"]
]
WORKFLOW_COMMANDS = [
    step["run"].replace("${{ matrix.envs }}", envs)
    for job in WORKFLOW["jobs"].values()
    for envs in job["strategy"]["matrix"]["envs"]
    for step in job["steps"]
    if "run" in step
]


def parse(command: str) -> None:
    """Parse a command like ./shop; raise if it is invalid."""
    program, name, *arguments = shlex.split(command)
    assert program == "./shop", command
    cli.commands[name].make_context(name, arguments)


def test_each_project_has_one_buildspec_and_each_buildspec_one_project() -> None:
    projects = [each for each in PIPELINE.values() if each["Type"] == "AWS::CodeBuild::Project"]
    named = {project["Properties"]["Source"]["BuildSpec"] for project in projects}
    assert named == {f"infra/{name}" for name in BUILDSPECS}


@pytest.mark.parametrize(
    "command",
    [*(each for found in BUILDSPECS.values() for each in found), *WORKFLOW_COMMANDS],
)
def test_every_command_is_valid(command: str) -> None:
    parse(command)


@pytest.mark.parametrize("command", ["./shop nothing", "./shop deploy --stag x", "./shop smoke x"])
def test_invalid_command_is_detected(command: str) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - any error of click or of the look-up
        parse(command)


def variables(action: dict[str, Any]) -> dict[str, str]:
    found = json.loads(action["Configuration"].get("EnvironmentVariables", "[]"))
    return {each["name"]: each["value"] for each in found}


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return the checkout of a team that has run the commands of docs/pipeline.md."""
    (tmp_path / "infra").mkdir()
    for part in ("stages.toml", "infra/aws-profiles.ini"):
        shutil.copy(ROOT / part, tmp_path / part)
    layout = Layout(root=tmp_path, home=tmp_path / ".shop")
    monkeypatch.setattr(Layout, "find", lambda: layout)
    text = (ROOT / "docs" / "pipeline.md").read_text()
    found = re.findall(r"^ *\./shop (init .*)$", text, re.M)
    assert len(found) == 2
    for command in found:
        done = CliRunner().invoke(cli, shlex.split(command))
        assert done.exit_code == 0, done.exception
    return layout


def test_pipeline_deploys_and_smoke_tests_each_stage(team: Layout) -> None:
    # GIVEN the actions for a stage of the shop, in order
    done = [
        (variables(action)["STAGE"], name, action["Name"])
        for name, action in ACTIONS
        if "STAGE" in variables(action)
    ]
    assert done == [
        ("staging", "Staging", "Deploy"),
        ("staging", "Staging", "Smoke"),
        ("prod", "Prod", "Deploy"),
        ("prod", "Prod", "Smoke"),
    ]
    # THEN the stages exist; prod has gradual releases, snapshots and no test payments
    prod = stages.load(team.stages, "prod")
    assert prod.gradual_release
    assert prod.snap_start
    assert not prod.test_payments
    assert stages.load(team.stages, "staging").test_payments


def test_both_stages_deploy_the_same_packages() -> None:
    (built,) = [action for _, action in ACTIONS if action["Name"] == "TestAndPackage"]
    deploys = [action for _, action in ACTIONS if action["Name"] == "Deploy"]
    assert len(deploys) == 2
    for action in deploys:
        assert built["OutputArtifacts"][0] in action["InputArtifacts"]
    # a zip of the source would lose the symbolic links in vendor/
    (source,) = [action for name, action in ACTIONS if name == "Source"]
    assert source["Configuration"]["OutputArtifactFormat"] == "CODEBUILD_CLONE_REF"


def test_actions_use_the_profile_of_their_stage() -> None:
    used = [variables(action) for _, action in ACTIONS if "AWS_PROFILE" in variables(action)]
    assert len(used) == 2
    assert all(each["AWS_PROFILE"] == each["STAGE"] for each in used)


def test_profiles_assume_the_deployer_role_of_their_stage(team: Layout) -> None:
    for layout in (Layout(ROOT, ROOT), team):
        # GIVEN the stages on AWS, and the profiles of the pipeline
        on_aws = [stage for stage in stages.load_all(layout.stages) if not stage.aws]
        profiles = configparser.ConfigParser()
        profiles.read(layout.infra / "aws-profiles.ini")
        # THEN each profile assumes the deployer role in the account of its stage
        assert {f"profile {stage.name}" for stage in on_aws} == set(profiles.sections())
        for stage in on_aws:
            role = f"arn:aws:iam::{stage.account}:role/toyshop-{stage.name}-deployer"
            section = profiles[f"profile {stage.name}"]
            assert section["role_arn"] == role
            assert section["credential_source"] == "EcsContainer"
    deployer = resources("deployer.yaml")["Deployer"]["Properties"]
    assert deployer["RoleName"] == {"Fn::Sub": "toyshop-${Stage}-deployer"}


def statements(template: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for resource in resources(template).values():
        properties = resource["Properties"]
        documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            documents.append(properties["PolicyDocument"])
        found += [statement for document in documents for statement in document["Statement"]]
    return found


@pytest.mark.parametrize("template", ["pipeline.yaml", "deployer.yaml"])
def test_roles_allow_known_actions_on_specific_resources(template: str) -> None:
    found = statements(template)
    assert len(found) > 5
    for statement in found:
        actions = as_list(statement["Action"])
        for action in actions:
            service, _, name = action.partition(":")
            assert "*" in name or get_action_data(service, name), f"AWS has no action {action}"
        # all resources only for reading, with a condition, or where AWS supports no other
        if statement["Resource"] == "*" and "Condition" not in statement:
            unlimited = [action for action in actions if iam_policies.can_be_limited(action)]
            assert all(is_read(action) for action in unlimited), statement["Sid"]


def is_read(action: str) -> bool:
    return action.partition(":")[2].startswith(("Get", "List", "Describe"))


def conditional(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all statements with conditions in a template."""
    if isinstance(value, dict):
        if "Effect" in value and "Condition" in value:
            yield value
        for child in value.values():
            yield from conditional(child)
    if isinstance(value, list):
        for child in value:
            yield from conditional(child)


ACCOUNT, OTHER = "111122223333", "999999999999"
DISTRIBUTION = f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"
PIPELINE_LOG = f"arn:aws:logs:r:{ACCOUNT}:log-group:/toyshop/pipeline"
ALARM = f"arn:aws:cloudwatch:r:{ACCOUNT}:alarm:toyshop-prod-a"
# For each template: what AWS sends for the requests that its statements with conditions are for
# (in the trust policies of roles and the policies of resources), and for similar requests.
# tests/templates checks the permissions of the deployer.
REQUESTS: dict[str, tuple[dict[str, str], list[dict[str, str]]]] = {
    "alarms.yaml": (
        {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": ALARM},
        [
            {"aws:SourceAccount": OTHER, "aws:SourceArn": ALARM},
            {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": ALARM.replace("prod", "staging")},
        ],
    ),
    "deployer.yaml": (
        {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/toyshop-pipeline-prod"},
        [
            {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/toyshop-pipeline-staging"},
            {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/toyshop-pipeline-prod"},
        ],
    ),
    "edge.yaml": (
        {"aws:SourceArn": DISTRIBUTION},
        [{"aws:SourceArn": f"{DISTRIBUTION}2"}],
    ),
    "network.yaml": (
        {"aws:PrincipalAccount": ACCOUNT, "aws:SourceAccount": ACCOUNT},
        [{"aws:PrincipalAccount": OTHER, "aws:SourceAccount": OTHER}],
    ),
    "pipeline.yaml": (
        {
            "aws:SourceAccount": ACCOUNT,
            "kms:EncryptionContext:aws:logs:arn": PIPELINE_LOG,
            # without encryption, requests are denied
            "aws:SecureTransport": "false",
        },
        [
            {
                "aws:SourceAccount": OTHER,
                "kms:EncryptionContext:aws:logs:arn": f"{PIPELINE_LOG}-2",
                "aws:SecureTransport": "true",
            }
        ],
    ),
}
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": "r",
    "AWS::AccountId": ACCOUNT,
    "Stage": "prod",
    "PipelineAccount": ACCOUNT,
    "Distribution": "E1",
}


def test_conditions_hold_for_the_requests_that_they_are_for() -> None:
    found = {
        path.name: [
            statement
            for each in resources(path.name).values()
            if each["Type"] != "AWS::IAM::ManagedPolicy"
            for statement in conditional(each)
        ]
        for path in INFRA.glob("*.yaml")
    }
    assert {name for name, each in found.items() if each} == set(REQUESTS)
    for name, (sent, others) in REQUESTS.items():
        for each in found[name]:
            conditions = iam_policies.conditions(each, VALUES)
            assert all(condition.holds(sent) for condition in conditions), (name, each)
            for other in others:
                assert not all(condition.holds(other) for condition in conditions), (name, each)


def test_deployer_trusts_the_pipelines_role_of_its_stage() -> None:
    roles = {
        each["Properties"]["RoleName"]
        for each in PIPELINE.values()
        if each["Type"] == "AWS::IAM::Role"
    }
    assert {"toyshop-pipeline-staging", "toyshop-pipeline-prod"} <= roles


def test_workflow_runs_every_environment_of_the_ci_script() -> None:
    # GIVEN the environments of ./shop test and the additional ones in .ci/run
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    wanted = {name.strip() for name in tox["tox"]["env_list"].split(",")}
    for names in re.findall(r"^ *\./shop test .*-e (\S+)", (ROOT / ".ci/run").read_text(), re.M):
        wanted |= set(names.split(","))
    # THEN the workflow runs each of them once
    run = [name for command in WORKFLOW_COMMANDS for name in shlex.split(command)[-1].split(",")]
    assert sorted(run) == sorted(wanted)


def test_every_build_has_the_python_of_the_functions() -> None:
    # GIVEN the version that releases are built with
    version = ".".join(map(str, LAMBDA_PYTHON))
    # THEN the pipeline builds and deploys with it
    for path in sorted(INFRA.glob("buildspec-*.yml")):
        buildspec = yaml.safe_load(path.read_text())
        assert buildspec["env"]["variables"]["SHOP_PYTHON"] == f"python{version}"
        assert buildspec["phases"]["install"]["runtime-versions"] == {"python": version}
    # AND the tests run on it
    setups = [
        step["with"]["python-version"]
        for job in WORKFLOW["jobs"].values()
        for step in job["steps"]
        if "setup-python" in step.get("uses", "")
    ]
    assert setups == [version]
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    assert tox[f"testenv:py{version.replace('.', '')}"]["base_python"] == f"python{version}"
    assert f"SHOP_PYTHON=python{version}" in (ROOT / ".ci/run").read_text()


def test_workflow_has_read_permission_only() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not [job for job in WORKFLOW["jobs"].values() if "permissions" in job]
