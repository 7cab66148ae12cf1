"""A stage's settings and policies, rendered from those of `local`."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shopctl.deploying import stage_config
from shopctl.deploying.stage_config import Published
from shopctl.project import services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.services import Service

LAYOUT = Layout.find()
SERVICES = {service.name: service for service in services.load(LAYOUT.apps)}
LOCAL = stages.load(LAYOUT.stages, "local")
PROD = stages.load(LAYOUT.stages, "prod")


def published(stage: str, url: str) -> Published:
    values = Published()
    for service in SERVICES.values():
        api = f"toyshop-local-{service.dashed}" if stage == "local" else f"id{service.dashed}"
        values[f"{service.dashed}/api-id"] = api
        values[f"{service.dashed}/api-url"] = url.format(api)
        values[f"{service.dashed}/stream-arn"] = f"arn:aws:dynamodb:stream/{service.dashed}"
    local = stage == "local"
    values["storefront-api/user-pool-id"] = "us-east-1_ToyshopLo" if local else "ap_Pool"
    client = "toyshoplocalclient00000000" if local else "client"
    values["storefront-api/user-pool-client-id"] = client
    if not local:
        values["network/subnet-ids"] = "subnet-a,subnet-b"
        values["network/security-group-id"] = "sg-f"
        values["network/execute-api-endpoint-id"] = "vpce-e"
    return values


ON_LAPTOP = published("local", "http://127.0.0.1:4566/restapis/{}/api/_user_request_")
ON_AWS = published("prod", "https://{}.execute-api/api")


def section(service: Service, stage: str, files: dict[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files["config.json"])["stages"][stage]
    return content


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_committed_section_is_what_is_rendered_for_local(service: Service) -> None:
    for name, content in stage_config.render(service, LOCAL, ON_LAPTOP).items():
        committed = json.loads((service.directory / ".chalice" / name).read_text())
        assert json.loads(content) == committed, name


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_nothing_local_is_left_in_another_stage(service: Service) -> None:
    files = stage_config.render(service, PROD, ON_AWS)
    others = [content for name, content in files.items() if name != "config.json"]
    text = json.dumps(section(service, "prod", files)) + "".join(others)
    assert not re.findall(r"[a-z-]*local[a-z-]*|127\.0\.0\.1[:0-9]*|0{12}|us-east-1", text)
    assert not [name for name in files if name.endswith("-local.json")]


def test_settings_name_what_is_in_the_stage() -> None:
    shop = section(s := SERVICES["storefront_api"], "prod", stage_config.render(s, PROD, ON_AWS))
    settings = shop["environment_variables"]
    assert settings["ORDERS_URL"] == "https://idorders.execute-api/api"
    assert settings["TOKEN_ISSUER"] == "https://cognito-idp.ap-southeast-2.amazonaws.com/ap_Pool"
    assert settings["JWKS_URL"] == f"{settings['TOKEN_ISSUER']}/.well-known/jwks.json"
    assert settings["AUTO_CONFIRM_USERS"] == "false"
    assert settings["RECONCILE_FIX"] == "false"
    assert "RECONCILE_GRACE_SECONDS" not in settings
    files = stage_config.render(SERVICES["payments"], PROD, ON_AWS)
    settings = section(SERVICES["payments"], "prod", files)["environment_variables"]
    assert settings["CHARGE_RETRY_URL"] == (
        "https://sqs.ap-southeast-2.amazonaws.com/222222222222/toyshop-prod-payments-charge-retry"
    )
    assert settings["STRIPE_API_KEY"].startswith("{{resolve:secretsmanager:toyshop-prod-payments")
    assert "STRIPE_API_BASE" not in settings
    assert "RETRY_BASE_SECONDS" not in settings


def test_policies_name_the_api_and_the_bucket_of_the_stage() -> None:
    files = stage_config.render(SERVICES["toys"], PROD, ON_AWS)
    assert ":idfile-manager/api/POST/images" in files["policy-api_handler-prod.json"]
    files = stage_config.render(SERVICES["file_manager"], PROD, ON_AWS)
    bucket = "arn:aws:s3:::toyshop-prod-file-manager-private-222222222222/incoming/*"
    assert bucket in files["policy-api_handler-prod.json"]


def test_chalice_names_functions_its_own_way_and_is_told_their_sources() -> None:
    stage = msgspec.structs.replace(PROD, mode="chalice")
    payments = SERVICES["payments"]
    files = stage_config.render(payments, stage, ON_AWS)
    assert "/toyshop-payments-prod-charge_retry:*" in files["policy-charge_retry-prod.json"]
    assert "/toyshop-payments-prod:*" in files["policy-api_handler-prod.json"]
    settings = section(payments, "prod", files)["environment_variables"]
    assert settings["ON_DYNAMODB_RECORD_SOURCE"] == "arn:aws:dynamodb:stream/payments"
    topic = "arn:aws:sns:ap-southeast-2:222222222222:toyshop-prod-orders-events"
    assert settings["CHARGE_SOURCE"] == topic


CALLERS = {
    "api_handler": ("storefront_api", "toys"),
    "images": ("toys",),
    "fulfil": ("payments",),
    "reconcile": ("storefront_api",),
}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
@pytest.mark.parametrize("mode", ["cloudformation", "chalice"])
def test_functions_that_call_private_apis_run_in_the_network_and_no_others(
    service: Service, mode: str
) -> None:
    # GIVEN the functions of which it is known that they call
    calling = {name for name, owners in CALLERS.items() if service.name in owners}
    calling |= {f"{name}_retry" for name in calling - {"api_handler", "reconcile"}}
    # WHEN they are rendered for a stage with a network
    stage = msgspec.structs.replace(PROD, mode=mode)
    files = stage_config.render(service, stage, ON_AWS)
    functions = section(service, "prod", files)["lambda_functions"]
    for name, settings in functions.items():
        inside = {key: settings.get(key) for key in ("subnet_ids", "security_group_ids")}
        statements = json.loads(files[settings["iam_policy_file"]])["Statement"]
        allowed = [s for s in statements if "ec2:CreateNetworkInterface" in s["Action"]]
        # THEN these have its subnets, and leave for Lambda to make interfaces there
        if name in calling:
            assert inside == {
                "subnet_ids": ["subnet-a", "subnet-b"],
                "security_group_ids": ["sg-f"],
            }
            allow, deny = allowed
            assert allow["Resource"] == "arn:aws:ec2:ap-southeast-2:222222222222:*/*"
            # AND their own code has none
            assert deny["Effect"] == "Deny"
            function = f"{service.dashed}-{name.replace('_', '-')}"
            assert mode == "chalice" or deny["Condition"]["ArnEquals"] == {
                "lambda:SourceFunctionArn": (
                    f"arn:aws:lambda:ap-southeast-2:222222222222:function:toyshop-prod-{function}"
                )
            }
        else:
            assert inside == {"subnet_ids": None, "security_group_ids": None}
            assert not allowed


def test_private_apis_take_calls_through_the_networks_endpoint_alone() -> None:
    private = [s for s in SERVICES.values() if s.name != "storefront_api"]
    for service in private:
        policy = json.loads(stage_config.render(service, PROD, ON_AWS)["callers-prod.json"])
        *_, last = policy["Statement"]
        assert last["Effect"] == "Deny"
        assert last["Condition"] == {"StringNotEquals": {"aws:SourceVpce": "vpce-e"}}


def test_stage_without_its_network_is_refused() -> None:
    published = Published({n: v for n, v in ON_AWS.items() if not n.startswith("network/")})
    with pytest.raises(ShopProblem, match="The stage has no network yet") as missing:
        stage_config.render(SERVICES["orders"], PROD, published)
    assert missing.value.remedy == "Deploy it first: ./shop deploy --stage … --infra network."
    stage_config.render(SERVICES["orders"], msgspec.structs.replace(PROD, network=False), published)


def test_what_is_not_published_yet_is_named() -> None:
    with pytest.raises(ShopProblem, match="has not published its api-id") as missing:
        stage_config.render(SERVICES["toys"], PROD, Published({"file-manager/api-url": "x"}))
    assert missing.value.remedy == "Deploy file_manager first."


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    service = Service("x", tmp_path, frozenset(), frozenset())
    files = {"config.json": '{"a": 1}'}
    assert stage_config.write(service, files) == ["config.json"]
    assert stage_config.write(service, files) == []


def test_limits_are_told_to_chalice_which_would_take_them_away() -> None:
    stage = msgspec.structs.replace(PROD, mode="chalice")
    files = stage_config.render(SERVICES["payments"], stage, ON_AWS)
    functions = section(SERVICES["payments"], "prod", files)["lambda_functions"]
    limits = {name: each.get("reserved_concurrency") for name, each in functions.items()}
    # as delivery.yaml has them; a queue's functions are limited by their mapping
    assert limits["charge"] == limits["fulfil"] == 20
    assert limits["charge_retry"] is None
