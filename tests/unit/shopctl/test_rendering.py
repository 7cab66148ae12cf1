"""A stage's settings and policies, rendered from those of `local`."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shopctl import rendering, services, stages
from shopctl.layout import Layout
from shopctl.problems import ShopProblem
from shopctl.rendering import Published
from shopctl.services import Service

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
    return values


ON_LAPTOP = published("local", "http://127.0.0.1:4566/restapis/{}/api/_user_request_")
ON_AWS = published("prod", "https://{}.execute-api/api")


def section(service: Service, stage: str, files: dict[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files["config.json"])["stages"][stage]
    return content


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_committed_section_is_what_is_rendered_for_local(service: Service) -> None:
    for name, content in rendering.render(service, LOCAL, ON_LAPTOP).items():
        committed = json.loads((service.directory / ".chalice" / name).read_text())
        assert json.loads(content) == committed, name


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_nothing_local_is_left_in_another_stage(service: Service) -> None:
    files = rendering.render(service, PROD, ON_AWS)
    others = [content for name, content in files.items() if name != "config.json"]
    text = json.dumps(section(service, "prod", files)) + "".join(others)
    assert not re.findall(r"[a-z-]*local[a-z-]*|127\.0\.0\.1[:0-9]*|0{12}|us-east-1", text)
    assert not [name for name in files if name.endswith("-local.json")]


def test_settings_name_what_is_in_the_stage() -> None:
    shop = section(s := SERVICES["storefront_api"], "prod", rendering.render(s, PROD, ON_AWS))
    settings = shop["environment_variables"]
    assert settings["ORDERS_URL"] == "https://idorders.execute-api/api"
    assert settings["TOKEN_ISSUER"] == "https://cognito-idp.ap-southeast-2.amazonaws.com/ap_Pool"
    assert settings["JWKS_URL"] == f"{settings['TOKEN_ISSUER']}/.well-known/jwks.json"
    assert settings["AUTO_CONFIRM_USERS"] == "false"
    files = rendering.render(SERVICES["payments"], PROD, ON_AWS)
    settings = section(SERVICES["payments"], "prod", files)["environment_variables"]
    assert settings["CHARGE_RETRY_URL"] == (
        "https://sqs.ap-southeast-2.amazonaws.com/222222222222/toyshop-prod-payments-charge-retry"
    )
    assert settings["STRIPE_API_KEY"].startswith("{{resolve:secretsmanager:toyshop-prod-payments")
    assert "STRIPE_API_BASE" not in settings
    assert "RETRY_BASE_SECONDS" not in settings


def test_policies_name_the_api_and_the_bucket_of_the_stage() -> None:
    files = rendering.render(SERVICES["toys"], PROD, ON_AWS)
    assert ":idfile-manager/api/POST/images" in files["policy-api_handler-prod.json"]
    files = rendering.render(SERVICES["file_manager"], PROD, ON_AWS)
    bucket = "arn:aws:s3:::toyshop-prod-file-manager-private-222222222222/incoming/*"
    assert bucket in files["policy-api_handler-prod.json"]


def test_chalice_names_functions_its_own_way_and_is_told_their_sources() -> None:
    stage = msgspec.structs.replace(PROD, mode="chalice")
    payments = SERVICES["payments"]
    files = rendering.render(payments, stage, ON_AWS)
    assert "/toyshop-payments-prod-charge_retry:*" in files["policy-charge_retry-prod.json"]
    assert "/toyshop-payments-prod:*" in files["policy-api_handler-prod.json"]
    settings = section(payments, "prod", files)["environment_variables"]
    assert settings["ON_DYNAMODB_RECORD_SOURCE"] == "arn:aws:dynamodb:stream/payments"
    topic = "arn:aws:sns:ap-southeast-2:222222222222:toyshop-prod-orders-events"
    assert settings["CHARGE_SOURCE"] == topic


def test_what_is_not_published_yet_is_named() -> None:
    with pytest.raises(ShopProblem, match="has not published its api-id") as missing:
        rendering.render(SERVICES["toys"], PROD, Published({"file-manager/api-url": "x"}))
    assert missing.value.remedy == "Deploy file_manager first."


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    service = Service("x", tmp_path, frozenset(), frozenset())
    files = {"config.json": '{"a": 1}'}
    assert rendering.write(service, files) == ["config.json"]
    assert rendering.write(service, files) == []
