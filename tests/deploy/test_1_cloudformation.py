"""Services deployed by `./shop deploy`: all, again, one alone, half, broken.

The tests tell one story, in their order.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from chain.shop import eventually, http
from deploy.trial import SERVICES, Customer, Trial


@pytest.fixture(scope="module")
def customer(trial: Trial) -> Customer:
    return Customer.of(trial)


@dataclass
class Ordering:
    """Orders placed by a client that does not stop."""

    orders: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextmanager
def ordering(customer: Customer) -> Iterator[Ordering]:
    done, placed = threading.Event(), Ordering()

    def place() -> None:
        while not done.is_set():
            try:
                placed.orders.append(customer.order())
            except (AssertionError, OSError) as error:
                placed.problems.append(str(error))
            time.sleep(0.05)

    client = threading.Thread(target=place)
    client.start()
    try:
        yield placed
    finally:
        done.set()
        client.join()


def release_times(trial: Trial) -> dict[str, object]:
    stacks = trial.stacks().items()
    return {name: stack.get("LastUpdatedTime", stack["CreationTime"]) for name, stack in stacks}


def test_interrupted_deploy_goes_on_when_run_again(trial: Trial) -> None:
    # GIVEN a deploy that was killed when some stacks were there
    deploy = trial.begin("deploy", "--stage", "trial")
    eventually(lambda: len(trial.stacks()) >= 8, seconds=120, every=0.02)
    deploy.kill()
    deploy.communicate()
    present = {name: stack["StackId"] for name, stack in trial.stacks().items()}
    # WHEN it is run again
    said = trial.shop("deploy", "--stage", "trial")
    # THEN every stack is there once, those of the first run among them
    assert "of 12 stacks changed" in said
    stacks = trial.stacks()
    assert len(stacks) == 12
    assert {stack["StackStatus"] for stack in stacks.values()} <= {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
    }
    assert {name: stacks[name]["StackId"] for name in present} == present


def test_every_service_answers(trial: Trial) -> None:
    url = f"{trial.published('storefront-api/api-url')}/health?deep=1"
    # a service's first start may take longer than the answer may
    eventually(lambda: http("GET", url).status == 200)
    health = http("GET", url)
    private = sorted(set(SERVICES) - {"storefront_api"})
    assert sorted(health.json["services"]) == private
    assert set(health.json["services"].values()) == {"ok"}


def test_order_is_paid(customer: Customer) -> None:
    customer.pays(customer.order())


def test_deploying_again_changes_nothing(trial: Trial) -> None:
    assert "0 of 12 stacks changed" in trial.shop("deploy", "--stage", "trial")


def test_change_of_one_service_touches_no_other_and_loses_no_order(
    trial: Trial, customer: Customer
) -> None:
    # GIVEN a client that keeps ordering
    before = release_times(trial)
    with (
        trial.changed("orders/app.py", "Place an order, once per key.", "Place it."),
        ordering(customer) as placed,
    ):
        eventually(lambda: len(placed.orders) > 2)
        # WHEN one service has changed and everything is deployed
        said = trial.shop("deploy", "--stage", "trial")
        count = len(placed.orders)
        eventually(lambda: len(placed.orders) > count + 2)
    # THEN no other service's stacks were touched
    assert "1 of 12 stacks changed" in said
    after = release_times(trial)
    changed = [name for name, at in after.items() if before[name] != at]
    assert changed == ["toyshop-trial-orders"]
    # AND every order ends paid
    assert placed.problems == []
    for order in placed.orders:
        customer.pays(order)


def test_release_that_fails_is_rolled_back(trial: Trial, customer: Customer) -> None:
    # GIVEN a release with a resource that cannot be made
    missing = "/toyshop/${Stage}/orders/nowhere-to-be-found"
    with trial.changed("orders/delivery.yaml", "/toyshop/${Stage}/orders/stream-arn", missing):
        # WHEN it is deployed
        said = trial.shop("deploy", "--stage", "trial", "orders", fails=True)
    # THEN it says which stack failed, in a sentence
    assert said.startswith("The stack toyshop-trial-orders failed: ")
    # AND the release before is still served
    customer.pays(customer.order())
    # AND without the fault it goes on
    assert "stacks changed" in trial.shop("deploy", "--stage", "trial", "orders")
    customer.pays(customer.order())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--stage", "nowhere"), "There is no stage nowhere in stages.toml."),
        (("--stage", "trial", "nothing"), "There is no service nothing."),
        (("--stage", "own"), "The stage own is marked chalice in stages.toml."),
        (("--stage", "kept", "toys"), "file_manager has not published its api-url yet."),
    ],
)
def test_what_cannot_be_deployed_is_refused_before_any_change(
    trial: Trial, arguments: tuple[str, ...], sentence: str
) -> None:
    before = release_times(trial)
    said = trial.shop("deploy", *arguments, fails=True)
    assert said.startswith(sentence)
    assert len(said.splitlines()) == 1
    assert release_times(trial) == before
    assert trial.stacks("kept") == {}


def test_service_that_another_one_needs_is_not_deleted(trial: Trial) -> None:
    said = trial.shop("delete", "--stage", "trial", "orders", fails=True)
    assert said.startswith("payments is deployed and needs orders.")


def test_stage_that_keeps_its_data_is_not_deleted(trial: Trial) -> None:
    said = trial.shop("delete", "--stage", "kept", fails=True)
    assert said.startswith("The stage kept keeps its data")


def test_deleted_stage_leaves_nothing(trial: Trial) -> None:
    # WHEN all services are deleted
    trial.shop("delete", "--stage", "trial")
    # THEN no stack, function, table, queue, bucket of theirs or parameter is left
    assert trial.stacks() == {}
    of = trial.cloud.client
    assert not [n for n in of("dynamodb").list_tables()["TableNames"] if "-trial-" in n]
    functions = of("lambda").list_functions()["Functions"]
    assert not [f for f in functions if "-trial-" in f["FunctionName"]]
    assert not of("sqs").list_queues(QueueNamePrefix="toyshop-trial-").get("QueueUrls")
    buckets = [bucket["Name"] for bucket in of("s3").list_buckets()["Buckets"]]
    # but for the one with the packages, from which a rollback would be made
    left = [name for name in buckets if name.startswith("toyshop-trial-")]
    assert left == ["toyshop-trial-deployments-000000000000"]
    assert not of("ssm").get_parameters_by_path(Path="/toyshop/trial/", Recursive=True)[
        "Parameters"
    ]
    # AND doing it again is no mistake
    trial.shop("delete", "--stage", "trial")
