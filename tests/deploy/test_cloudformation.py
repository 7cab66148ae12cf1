"""Deploys services with `./shop deploy`: all, again, alone, interrupted, broken, rolled back.

Each test continues where the one before it ended.
"""

import json
from typing import Any

import pytest

from support.deploy import drift
from support.deploy.trial import BROKEN, SERVICES, Customer, Trial, all_paid_once, ordering
from support.http import http
from support.waiting import eventually

# an error that CloudFormation detects only while it creates the resource
IMPOSSIBLE = """
  Impossible:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: {"Fn::Sub": "{{resolve:ssm:/toyshop/${Stage}/nowhere-to-be-found}}"}
"""


@pytest.fixture(scope="module")
def customer(trial: Trial) -> Customer:
    return Customer.of(trial)


def release_times(trial: Trial) -> dict[str, object]:
    stacks = trial.stacks().items()
    return {name: stack.get("LastUpdatedTime", stack["CreationTime"]) for name, stack in stacks}


def touched(trial: Trial, before: dict[str, object]) -> list[str]:
    after = release_times(trial)
    return sorted(name for name, at in after.items() if before.get(name) != at)


def test_interrupted_deploy_continues_when_run_again(trial: Trial) -> None:
    # GIVEN deploys that were killed: during the resources, during the releases, and while values
    # for other services were published
    present: dict[str, str] = {}
    parameters = trial.cloud.client("ssm")
    for reached in (
        lambda: len(trial.stacks()) >= 2,
        lambda: len(trial.stacks()) >= 8,
        lambda: parameters.get_parameters(Names=["/toyshop/trial/toys/api-id"])["Parameters"],
    ):
        deploy = trial.begin("deploy", "--stage", "trial")
        eventually(reached, seconds=120, every=0.01)
        deploy.kill()
        deploy.communicate()
        present |= {name: stack["StackId"] for name, stack in trial.stacks().items()}
    # WHEN it is run again
    output = trial.shop("deploy", "--stage", "trial")
    # THEN every stack exists once, including those of the first runs
    assert "of 12 stacks changed" in output
    stacks = trial.stacks()
    assert len(stacks) == 12
    assert {stack["StackStatus"] for stack in stacks.values()} <= {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
    }
    assert {name: stacks[name]["StackId"] for name in present} == present


def test_deployed_stage_matches_the_repository(trial: Trial) -> None:
    # nothing is duplicated or left over
    status, found = trial.diff("--stage", "trial", "--live")
    assert (status, found["resources"]) == (0, [])
    assert trial.diff("--stage", "trial", "--live", "orders")[0] == 0
    assert "0 of 12 stacks changed" in trial.shop("deploy", "--stage", "trial")
    status, found = trial.diff("--stage", "trial")
    assert {stack["outcome"] for stack in found["stacks"]} == {"unchanged"}
    assert (status, len(found["stacks"])) == (0, 12)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_answers(trial: Trial, service: str) -> None:
    # a cold start may take longer than the health check waits
    eventually(lambda: trial.health(service) == 200)


def test_storefront_reaches_every_service(trial: Trial) -> None:
    url = f"{trial.published('storefront-api/api-url')}/health?deep=1"
    edge = trial.through_the_edge()
    health = eventually(lambda: (answer := http("GET", url, headers=edge)).status == 200 and answer)
    assert health.json["services"] == dict.fromkeys(set(SERVICES) - {"storefront_api"}, "ok")


def test_storefront_refuses_requests_that_go_around_the_edge(trial: Trial) -> None:
    url = trial.published("storefront-api/api-url")
    for path in ("/health", "/toys"):
        assert http("GET", url + path).status == 403


def test_order_is_paid(customer: Customer) -> None:
    customer.pays(customer.order())


def test_doctor_names_what_the_stage_lacks(trial: Trial, customer: Customer) -> None:
    # GIVEN a stage whose services are deployed, with a staff user and a toy, and no edge
    items = trial.doctor("--stage", "trial")
    # THEN what it has is ok, and nothing else is missing than the edge and an address for alarms
    missing = {name for name, item in items.items() if item["status"] == "missing"}
    assert missing == {"settings", "web ACL", "edge"}
    waiting = {name for name, item in items.items() if item["status"] == "waiting"}
    assert waiting == {"web page", "dns", "webhook endpoint"}
    assert items["services"]["what"] == "6 services are deployed and up to date."
    assert items["staff"]["status"] == items["toys"]["status"] == "ok"
    # AND a service that is not as in the checkout is named
    with trial.with_more("orders/app.py", "\n# changed\n"):
        services = trial.doctor("--stage", "trial")["services"]
    assert services["status"] == "missing"
    assert services["what"] == "Different from this checkout: toyshop-trial-orders."


def test_account_without_enough_concurrency_is_refused(trial: Trial) -> None:
    # GIVEN an account of whose limit another function has most
    functions = trial.cloud.client("lambda")
    other = {"FunctionName": "toyshop-trial-storefront-api-api-handler"}
    functions.put_function_concurrency(**other, ReservedConcurrentExecutions=890)
    try:
        # WHEN a service is deployed THEN it is refused, with what to do
        output = trial.shop("deploy", "--stage", "trial", "payments", fails=True)
        assert "the account has 10 to reserve: its limit is 1000" in output
        assert "for trial in stages.toml" in output
    finally:
        functions.delete_function_concurrency(**other)
    # AND it is accepted once the other function does without
    assert "0 of 2 stacks changed" in trial.shop("deploy", "--stage", "trial", "payments")


def test_first_release_cannot_be_rolled_back(trial: Trial) -> None:
    output = trial.shop("rollback", "--stage", "trial", "orders", fails=True)
    assert output.startswith("orders has no release before the current one on the stage trial.")


def test_diff_reports_what_a_deploy_would_change_and_changes_nothing(trial: Trial) -> None:
    before = release_times(trial)
    # GIVEN changes of code, delivery, resources and a key, and the stack of a removed service
    formation = trial.cloud.client("cloudformation")
    formation.create_stack(
        StackName="toyshop-trial-retired",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
        Tags=[{"Key": "toyshop:digest", "Value": "x"}],
    )
    try:
        with (
            trial.with_more("orders/app.py", "\n# changed\n"),
            trial.changed("orders/delivery.yaml", "BatchSize: 100", "BatchSize: 50"),
            trial.changed("orders/resources.yaml", "Period: 1209600", "Period: 604800"),
            trial.with_more("orders/resources.yaml", "\n  More: {Type: AWS::SNS::Topic}\n"),
            trial.changed("payments/service.toml", '"gateway:api_key"', '"sk_test_other"'),
        ):
            # WHEN the stage is compared THEN they are reported, without the key
            status, found = trial.diff("--stage", "trial")
            shown = trial.begin("diff", "--stage", "trial", "orders", "payments")
            lines = shown.communicate(timeout=120)[0]
    finally:
        formation.delete_stack(StackName="toyshop-trial-retired")
    assert (status, shown.returncode) == (1, 1)
    stacks = {stack["name"]: stack for stack in found["stacks"]}
    assert stacks["toyshop-trial-retired"]["outcome"] == "unknown"
    changed = {name for name, stack in stacks.items() if stack["outcome"] == "changed"}
    assert changed == {
        f"toyshop-trial-{name}" for name in ("orders", "orders-resources", "payments")
    }
    release = stacks["toyshop-trial-orders"]
    batch = "OnDynamodbRecord.Properties.Events.OnDynamodbRecordDynamodbEventSource.Properties"
    assert release["code"] == [{"kind": "changed", "path": "app.py"}]
    assert release["changes"] == [
        {"kind": "changed", "path": f"{batch}.BatchSize", "old": 100, "new": 50}
    ]
    assert stacks["toyshop-trial-orders-resources"]["changes"] == [
        {
            "kind": "changed",
            "path": "RelayDeadLetters.Properties.MessageRetentionPeriod",
            "old": 1_209_600,
            "new": 604_800,
        },
        {"kind": "added", "path": "More", "new": "AWS::SNS::Topic"},
    ]
    key = "APIHandler.Properties.Environment.Variables.STRIPE_API_KEY"
    assert f"  ~ {key}: (secret) → (secret)\n" in lines
    assert "sk_test" not in f"{lines}{found}"
    # AND nothing has changed
    eventually(lambda: not touched(trial, before))


def test_rotated_key_reaches_the_functions_that_use_it(trial: Trial) -> None:
    secrets, functions = trial.cloud.client("secretsmanager"), trial.cloud.client("lambda")
    secret = "toyshop-trial-payments-gateway"

    def keys(number: int) -> str:
        return json.dumps({"api_key": f"sk_{number}", "webhook_secret": f"whsec_{number}"})

    def used() -> tuple[str, str]:
        name = "toyshop-trial-payments-api-handler"
        found = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        return found["STRIPE_API_KEY"], found["STRIPE_WEBHOOK_SECRET"]

    # GIVEN payments with keys from Secrets Manager
    simulator = f'gateway = "http://127.0.0.1:{trial.gateway_port}"'
    secrets.create_secret(Name=secret, SecretString=keys(1))
    with trial.changed("../stages.toml", simulator, 'gateway = ""'):
        trial.shop("deploy", "--stage", "trial", "payments")
        assert used() == ("sk_1", "whsec_1")
        assert "0 of 12 stacks changed" in trial.shop("deploy", "--stage", "trial")
        before = release_times(trial)
        # WHEN they are rotated
        secrets.put_secret_value(SecretId=secret, SecretString=keys(2))
        # THEN they are a difference, whose values are not shown
        status, found = trial.diff("--stage", "trial")
        (stack,) = (one for one in found["stacks"] if one["outcome"] != "unchanged")
        assert (status, stack["name"]) == (1, "toyshop-trial-payments")
        assert "STRIPE_API_KEY" in str(stack["changes"])
        assert "sk_" not in str(found)
        # AND a deployment updates payments alone
        assert "1 of 12 stacks changed" in trial.shop("deploy", "--stage", "trial")
        assert touched(trial, before) == ["toyshop-trial-payments"]
        assert used() == ("sk_2", "whsec_2")
    # AND a rollback to the release with the simulator's keys skips no release
    trial.shop("rollback", "--stage", "trial", "payments")
    assert used()[0].startswith("sk_test_local")
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize("service", SERVICES)
def test_change_of_one_service_changes_no_other_and_loses_no_order(
    trial: Trial, customer: Customer, service: str
) -> None:
    before = release_times(trial)
    # GIVEN a client that keeps placing orders
    app = trial.apps / service / "app.py"
    app.write_text(f"{app.read_text()}\n# changed\n")
    with ordering(customer) as placed:
        # WHEN one service has changed and everything is deployed
        output = trial.shop("deploy", "--stage", "trial")
    # THEN no stack of another service has changed
    assert "1 of 12 stacks changed" in output
    assert touched(trial, before) == [f"toyshop-trial-{service.replace('_', '-')}"]
    # AND every order is paid exactly once
    all_paid_once(trial, customer, placed)


@pytest.mark.parametrize("service", SERVICES)
def test_broken_release_is_rolled_back(trial: Trial, service: str) -> None:
    # GIVEN a release that deploys successfully and responds with 500
    with trial.with_more(f"{service}/app.py", BROKEN):
        trial.shop("deploy", "--stage", "trial", service)
    assert trial.health(service) == 500
    before = release_times(trial)
    # WHEN it is rolled back
    output = trial.shop("rollback", "--stage", "trial", service)
    # THEN the previous release responds, and no other service has changed
    stack = f"toyshop-trial-{service.replace('_', '-')}"
    assert output == f"{stack} rolled back\n"
    assert trial.health(service) == 200
    assert touched(trial, before) == [stack]


def test_orders_are_paid_after_the_rollbacks(customer: Customer) -> None:
    customer.pays(customer.order())


@pytest.mark.parametrize("service", SERVICES)
def test_failed_release_is_rolled_back(trial: Trial, service: str) -> None:
    # GIVEN a release with a resource that cannot be created, and changed code
    with (
        trial.with_more(f"{service}/delivery.yaml", IMPOSSIBLE),
        trial.with_more(f"{service}/app.py", BROKEN),
    ):
        # WHEN it is deployed
        output = trial.shop("deploy", "--stage", "trial", service, fails=True)
    # THEN one sentence says which stack failed
    assert output.startswith(f"The stack toyshop-trial-{service.replace('_', '-')} failed: ")
    assert len(output.splitlines()) == 1
    # AND the previous release still serves
    assert trial.health(service) == 200


def test_deploy_succeeds_once_the_faults_are_removed(trial: Trial, customer: Customer) -> None:
    assert "stacks changed" in trial.shop("deploy", "--stage", "trial")
    assert trial.diff("--stage", "trial")[0] == 0
    customer.pays(customer.order())


@pytest.mark.parametrize(
    ("command", "arguments", "variables", "sentence"),
    [
        ("deploy", ("own",), {}, "The stage own is marked chalice in stages.toml."),
        ("rollback", ("own", "toys"), {}, "The stage own is marked chalice in stages.toml."),
        ("rollback", ("retained", "toys"), {}, "toys is not deployed to the stage retained."),
        ("deploy", ("retained", "toys"), {}, "file_manager has not published its api-url yet."),
        *(
            (command, *rest)
            for command in ("deploy", "diff", "rollback")
            for rest in (
                (("nowhere", "toys"), {}, "There is no stage nowhere in stages.toml."),
                (("trial", "nothing"), {}, "There is no service nothing."),
                (("foreign", "toys"), {}, "There are no AWS credentials."),
                (
                    ("foreign", "toys"),
                    {"AWS_ACCESS_KEY_ID": "222222222222"},
                    "The credentials belong to the account 222222222222.",
                ),
            )
        ),
    ],
)
def test_impossible_command_is_refused_before_any_change(
    trial: Trial, command: str, arguments: tuple[str, ...], variables: Any, sentence: str
) -> None:
    before = release_times(trial)
    process = trial.begin(command, "--stage", *arguments, **variables)
    output = process.communicate(timeout=60)[1]
    # a comparison exits with 1 if there is a difference
    assert process.returncode == (2 if command == "diff" else 1)
    assert output.startswith(sentence)
    assert len(output.splitlines()) == 1
    assert release_times(trial) == before
    assert trial.stacks("retained") == trial.stacks("foreign") == {}


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (
            "toys/service.toml",
            '"table:toys" =',
            '"table:orders" =',
            "names orders, which is not in owns.tables",
        ),
        ("toys/service.toml", 'visibility = "', 'color = "red"\nvisibility = "', "`color`"),
        ("toys/service.toml", "[calls]", "[calls]\nwarehouse = []", "`calls.warehouse` names"),
        ("toys/service.toml", "[calls]", "[calls", "is not valid TOML"),
    ],
)
def test_invalid_file_is_refused_before_any_change(
    trial: Trial, file: str, old: str, new: str, sentence: str
) -> None:
    before = release_times(trial)
    with trial.changed(file, old, new), trial.with_more("orders/app.py", "\n# changed\n"):
        output = trial.shop("deploy", "--stage", "trial", fails=True)
    assert sentence in output
    assert len(output.splitlines()) == 1
    assert release_times(trial) == before


def test_manual_changes_are_reported(trial: Trial) -> None:
    # GIVEN a stage with manual changes
    at = drift.Drift(trial, "trial")
    drift.plant(at)
    try:
        # WHEN it is compared
        status, found = trial.diff("--stage", "trial", "--live")
        alone = trial.diff("--stage", "trial", "--live", "orders")[1]
    finally:
        drift.undo(at)
    # THEN each change is reported, without secrets
    assert drift.expected(at) - set(drift.reported(at, found)) == set()
    assert status == 1
    assert not [word for word in ("hush", "not to be shown", "sk_test") if word in str(found)]
    # AND a comparison of one service reports only its own
    names = {one["name"] for one in alone["resources"]}
    assert names
    assert all("orders" in name for name in names), names
    # AND a comparison of templates does not report them
    assert trial.diff("--stage", "trial")[0] == 0


def test_service_that_another_depends_on_is_not_deleted(trial: Trial) -> None:
    output = trial.shop("delete", "--stage", "trial", "orders", fails=True)
    assert output.startswith("payments is deployed and depends on orders.")


def test_stage_that_retains_data_is_not_deleted(trial: Trial) -> None:
    output = trial.shop("delete", "--stage", "retained", fails=True)
    assert output.startswith("The stage retained retains its data")


def test_deleted_stage_leaves_no_resources(trial: Trial) -> None:
    # WHEN all services are deleted
    trial.shop("delete", "--stage", "trial")
    # THEN none of their stacks, functions, tables, queues, buckets and parameters is left
    assert trial.stacks() == {}
    of = trial.cloud.client
    assert not [n for n in of("dynamodb").list_tables()["TableNames"] if "-trial-" in n]
    functions = of("lambda").list_functions()["Functions"]
    assert not [f for f in functions if "-trial-" in f["FunctionName"]]
    assert not of("sqs").list_queues(QueueNamePrefix="toyshop-trial-").get("QueueUrls")
    buckets = [bucket["Name"] for bucket in of("s3").list_buckets()["Buckets"]]
    # except the bucket of the packages, which a rollback needs
    left = [name for name in buckets if name.startswith("toyshop-trial-")]
    assert left == ["toyshop-trial-deployments-000000000000"]
    assert not of("ssm").get_parameters_by_path(Path="/toyshop/trial/", Recursive=True)[
        "Parameters"
    ]
    # AND a second deletion succeeds
    trial.shop("delete", "--stage", "trial")
