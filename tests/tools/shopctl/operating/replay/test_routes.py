"""The function of each dead-letter queue is derived from the templates."""

import msgspec
import pytest

from shopctl.aws.target import Target
from shopctl.operating.replay import routes
from shopctl.project import services
from shopctl.project.stages import Stage
from support.dead_letter_queues import DeadLetterQueues
from support.paths import ROOT
from support.sample_stages import PROD, STAGING


def test_every_dead_letter_queue_has_its_function(queues: DeadLetterQueues) -> None:
    found = {name: (route.function, route.trigger) for name, route in queues.routes.items()}
    prefix = "toyshop-local-"
    expected = {
        "orders-relay-dead-letters": (f"{prefix}orders-on-dynamodb-record", "stream"),
        "payments-relay-dead-letters": (f"{prefix}payments-on-dynamodb-record", "stream"),
        "payments-charge-dead-letters": (f"{prefix}payments-charge", "topic"),
        "payments-fulfil-dead-letters": (f"{prefix}payments-fulfil", "topic"),
        "file-manager-uploads-dead-letters": (f"{prefix}file-manager-on-s3-event", "queue"),
        "file-manager-relay-dead-letters": (f"{prefix}file-manager-on-dynamodb-record", "stream"),
        "toys-images-dead-letters": (f"{prefix}toys-images", "topic"),
    }
    assert found.items() >= expected.items()
    assert queues.routes["payments-charge-dead-letters"].source.endswith(
        ":toyshop-local-orders-events"
    )


def test_every_owned_dead_letter_queue_is_found(target: Target, queues: DeadLetterQueues) -> None:
    found = services.read(ROOT / "apps").values()
    owned = {name for service in found for name in service.manifest.owns.queues}
    assert {name for name in owned if name.endswith("dead-letters")} == set(queues.routes)


@pytest.mark.parametrize("stage", [STAGING, PROD])
def test_routes_on_aws_have_the_stages_names(stage: Stage) -> None:
    found = routes.find(services.load(ROOT / "apps"), stage)
    charge = next(route for route in found if "charge" in route.queue)
    assert charge.queue == f"toyshop-{stage.name}-payments-charge-dead-letters"
    assert charge.function == f"toyshop-{stage.name}-payments-charge"
    assert f"ap-southeast-2:{stage.account}:" in charge.source


def test_routes_of_a_chalice_stage_have_chalices_function_names() -> None:
    stage = msgspec.structs.replace(STAGING, mode="chalice")
    found = {route.function for route in routes.find(services.load(ROOT / "apps"), stage)}
    assert "toyshop-payments-staging-charge" in found
    assert "toyshop-orders-staging-on_dynamodb_record" in found
