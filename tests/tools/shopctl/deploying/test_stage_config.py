"""Rendering a stage's `.chalice` files from manifests and published values."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from shopctl.aws.ssm_parameters import PublishedValues
from shopctl.cli.configure import configure_command
from shopctl.deploying import stage_config
from shopctl.project import manifest, services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.manifest import Function, Manifest
from shopctl.project.services import Service
from shopctl.project.stages import Stage
from support.sample_stages import PROD
from support.stage_values import published

LAYOUT = Layout.find()
SERVICES = {service.name: service for service in services.load(LAYOUT.apps)}
LOCAL = stages.load(LAYOUT.stages, "local")
ON_AWS = published(SERVICES.values())


def section(stage: str, files: dict[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(files["config.json"])["stages"][stage]
    return content


def settings(service: str, stage: Stage) -> dict[str, str]:
    files = stage_config.render(SERVICES[service], stage, ON_AWS)
    variables: dict[str, str] = section(stage.name, files)["environment_variables"]
    return variables


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_committed_files_are_those_of_the_stage_local(service: Service) -> None:
    files = stage_config.render_local(service, LOCAL)
    assert stage_config.differing(service, LOCAL, files) == [], "run ./shop configure"


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_stage_on_aws_has_no_local_values(service: Service) -> None:
    files = stage_config.render(service, PROD, ON_AWS)
    others = [content for name, content in files.items() if name != "config.json"]
    text = json.dumps(section("prod", files)) + "".join(others)
    assert not re.findall(r"[a-z-]*local[a-z-]*|127\.0\.0\.1[:0-9]*|0{12}|us-east-1", text)
    assert not [name for name in files if name.endswith("-local.json")]


def test_variables_refer_to_resources_of_the_stage() -> None:
    storefront = settings("storefront_api", PROD)
    assert storefront["ORDERS_URL"] == "https://idorders.execute-api/api"
    assert storefront["TOKEN_ISSUER"] == "https://cognito-idp.ap-southeast-2.amazonaws.com/ap_Pool"
    assert storefront["JWKS_URL"] == f"{storefront['TOKEN_ISSUER']}/.well-known/jwks.json"
    assert storefront["USER_POOL_CLIENT_ID"] == "client"
    assert storefront["AUTO_CONFIRM_USERS"] == "false"
    payments = settings("payments", PROD)
    assert payments["CHARGE_RETRY_URL"] == (
        "https://sqs.ap-southeast-2.amazonaws.com/222222222222/toyshop-prod-payments-charge-retry"
    )
    assert payments["STRIPE_API_KEY"] == (
        "{{resolve:secretsmanager:toyshop-prod-payments-gateway:SecretString:api_key}}"
    )
    files = settings("file_manager", PROD)
    assert files["PRIVATE_BUCKET"] == "toyshop-prod-file-manager-private-222222222222"
    assert settings("notifications", PROD)["SENDER"] == "Toy Shop <orders@toyshop.example>"


def test_storefront_requires_the_key_of_the_edge_on_every_stage_but_local() -> None:
    assert settings("storefront_api", PROD)["EDGE_KEY"] == (
        "{{resolve:secretsmanager:toyshop-prod-storefront-api-edge-key:SecretString}}"
    )
    assert "EDGE_KEY" not in settings("storefront_api", LOCAL)


def test_variable_without_its_setting_is_left_out() -> None:
    assert "RECONCILE_GRACE_SECONDS" not in settings("storefront_api", PROD)
    payments = settings("payments", PROD)
    assert "STRIPE_API_BASE" not in payments
    assert "RETRY_BASE_SECONDS" not in payments
    # AND a stage that has the settings has the variables
    simulated = msgspec.structs.replace(PROD, gateway="http://gateway", retry_base_seconds=3)
    payments = settings("payments", simulated)
    assert payments["STRIPE_API_BASE"] == "http://gateway"
    assert payments["STRIPE_API_KEY"].startswith("sk_test_")
    assert payments["RETRY_BASE_SECONDS"] == "3"


def test_policies_name_the_api_and_the_bucket_of_the_stage() -> None:
    files = stage_config.render(SERVICES["toys"], PROD, ON_AWS)
    assert ":idfile-manager/api/POST/images" in files["policy-api_handler-prod.json"]
    files = stage_config.render(SERVICES["file_manager"], PROD, ON_AWS)
    bucket = "arn:aws:s3:::toyshop-prod-file-manager-private-222222222222/incoming/*"
    assert bucket in files["policy-api_handler-prod.json"]


def test_emails_may_be_sent_from_the_stages_domain_only() -> None:
    def allowed(stage: Stage) -> dict[str, Any]:
        files = stage_config.render(SERVICES["notifications"], stage, ON_AWS)
        policy = json.loads(files["policy-api_handler-prod.json"])
        (found,) = [each for each in policy["Statement"] if "ses:SendEmail" in each["Action"]]
        return {name: found.get(name) for name in ("Resource", "Condition")}

    domain = PROD.sender_domain
    assert allowed(PROD) == {"Resource": f"arn:aws:ses:*:*:identity/{domain}", "Condition": None}
    # in the sandbox, SES asks for a permission on the recipient's identity too
    assert allowed(msgspec.structs.replace(PROD, ses_sandbox=True)) == {
        "Resource": "arn:aws:ses:*:*:identity/*",
        "Condition": {"StringLike": {"ses:FromAddress": f"*@{domain}"}},
    }


def test_chalice_stage_has_chalices_names_and_event_sources() -> None:
    stage = msgspec.structs.replace(PROD, mode="chalice", gradual_release=None)
    files = stage_config.render(SERVICES["payments"], stage, ON_AWS)
    assert "/toyshop-payments-prod-charge_retry:*" in files["policy-charge_retry-prod.json"]
    assert "/toyshop-payments-prod:*" in files["policy-api_handler-prod.json"]
    variables = section("prod", files)["environment_variables"]
    assert variables["ON_DYNAMODB_RECORD_SOURCE"] == "arn:aws:dynamodb:stream/payments"
    topic = "arn:aws:sns:ap-southeast-2:222222222222:toyshop-prod-orders-events"
    assert variables["CHARGE_SOURCE"] == topic


def test_chalice_stage_has_the_concurrency_limits_that_chalice_would_remove() -> None:
    stage = msgspec.structs.replace(PROD, mode="chalice", gradual_release=None)
    files = stage_config.render(SERVICES["payments"], stage, ON_AWS)
    functions = section("prod", files)["lambda_functions"]
    limits = {name: each.get("reserved_concurrency") for name, each in functions.items()}
    # a queue's functions are limited by their event source mapping
    assert limits["charge"] == limits["fulfil"] == 20
    assert limits["charge_retry"] is None


CALLERS = {
    "api_handler": ("storefront_api", "toys"),
    "images": ("toys",),
    "fulfil": ("payments",),
    "cancel_expired": ("storefront_api",),
    "reconcile": ("storefront_api",),
    "forget": ("storefront_api",),
}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
@pytest.mark.parametrize("mode", ["cloudformation", "chalice"])
def test_only_functions_that_call_private_apis_run_in_the_vpc(service: Service, mode: str) -> None:
    # GIVEN the functions that are known to call private APIs
    calling = {name for name, owners in CALLERS.items() if service.name in owners}
    called = {"api_handler", "cancel_expired", "forget", "reconcile"}
    calling |= {f"{name}_retry" for name in calling - called}
    # WHEN they are rendered for a stage with a network
    stage = msgspec.structs.replace(PROD, mode=mode)
    files = stage_config.render(service, stage, ON_AWS)
    functions = section("prod", files)["lambda_functions"]
    for name, function in functions.items():
        inside = {key: function.get(key) for key in ("subnet_ids", "security_group_ids")}
        statements = json.loads(files[function["iam_policy_file"]])["Statement"]
        found = [s for s in statements if "ec2:CreateNetworkInterface" in s["Action"]]
        # THEN they have its subnets, and Lambda may create network interfaces for them
        if name in calling:
            assert inside == {
                "subnet_ids": ["subnet-a", "subnet-b"],
                "security_group_ids": ["sg-f"],
            }
            allow, deny = found
            assert allow["Resource"] == "arn:aws:ec2:ap-southeast-2:222222222222:*/*"
            # AND their own code may not
            assert deny["Effect"] == "Deny"
            aws_name = f"{service.dashed}-{name.replace('_', '-')}"
            assert mode == "chalice" or deny["Condition"]["ArnEquals"] == {
                "lambda:SourceFunctionArn": (
                    f"arn:aws:lambda:ap-southeast-2:222222222222:function:toyshop-prod-{aws_name}"
                )
            }
        else:
            assert inside == {"subnet_ids": None, "security_group_ids": None}
            assert not found


def test_private_apis_accept_calls_through_the_vpc_endpoint_only() -> None:
    for service in SERVICES.values():
        if service.is_public:
            continue
        policy = json.loads(stage_config.render(service, PROD, ON_AWS)["callers-prod.json"])
        *_, last = policy["Statement"]
        assert last["Effect"] == "Deny"
        assert last["Condition"] == {"StringNotEquals": {"aws:SourceVpce": "vpce-e"}}


def test_stage_without_its_network_is_refused() -> None:
    values = {name: value for name, value in ON_AWS.items() if not name.startswith("network/")}
    without = PublishedValues(values, "prod")
    with pytest.raises(ShopProblem, match="The stage has no network yet") as missing:
        stage_config.render(SERVICES["orders"], PROD, without)
    assert missing.value.remedy == "Deploy it first: ./shop deploy --stage prod --infra network."
    stage_config.render(SERVICES["orders"], msgspec.structs.replace(PROD, network=False), without)


def test_unpublished_value_names_the_service_to_deploy() -> None:
    with pytest.raises(ShopProblem, match="has not published its api-url") as missing:
        stage_config.render(SERVICES["toys"], PROD, PublishedValues())
    assert missing.value.remedy.startswith("Deploy it first: ./shop deploy --stage ")
    assert missing.value.remedy.endswith(" file_manager.")


def service(directory: Path, **declared: Any) -> Service:
    head = {"name": "mail", "visibility": "private"}
    return Service(directory, msgspec.convert({**head, **declared}, Manifest))


@pytest.mark.parametrize(
    ("declared", "what"),
    [
        ({"environment": {"A": "table:orders"}}, "`environment.A` names orders, which is not in"),
        ({"environment": {"A": "tabel:mail"}}, "`environment.A` has a reference of the kind tabel"),
        ({"environment": {"A": "api:orders"}}, "names the API of orders, which is not in [calls]"),
        ({"environment": {"A": "{color}"}}, "names the setting color, which no stage has"),
        ({"environment": {"A": "gateway:pin"}}, "names the key pin of the gateway"),
        (
            {"functions": {"f": {"allow": {"queue:mail": ["SendMessage"]}}}},
            '`functions.f.allow."queue:mail"` names mail, which is not in owns.queues',
        ),
        (
            {"functions": {"f": {"allow": {"lambda:f": ["InvokeFunction"]}}}},
            "has a reference of the kind lambda",
        ),
        (
            {"calls": {"toys": []}, "functions": {"f": {"allow": {"api:toys": ["GET o"]}}}},
            "has a route that is not a method and a path",
        ),
        ({"calls": {"o": ["get"]}}, "mail declares calls of o, and no function is allowed to"),
    ],
)
def test_wrong_reference_names_the_file_and_the_key(
    tmp_path: Path, declared: dict[str, Any], what: str
) -> None:
    with pytest.raises(ShopProblem, match=re.escape(what)) as problem:
        stage_config.render(service(tmp_path, **declared), PROD, ON_AWS)
    assert "service.toml" in problem.value.what + problem.value.remedy


def test_settings_of_a_function_differ_from_the_defaults_where_declared(tmp_path: Path) -> None:
    functions = {"slow": {"timeout_seconds": 60, "memory_mib": 1024}, "plain": {}}
    files = stage_config.render_local(service(tmp_path, functions=functions), LOCAL)
    config = json.loads(files["config.json"])
    assert (config["lambda_timeout"], config["lambda_memory_size"]) == (28, 512)
    assert config["stages"]["local"]["lambda_functions"] == {
        "slow": {
            "iam_policy_file": "policy-slow-local.json",
            "lambda_timeout": 60,
            "lambda_memory_size": 1024,
        },
        "plain": {"iam_policy_file": "policy-plain-local.json"},
    }


def test_every_statement_has_its_own_id() -> None:
    for each in SERVICES.values():
        for name, content in stage_config.render(each, PROD, ON_AWS).items():
            if name.startswith("policy-"):
                sids = [statement["Sid"] for statement in json.loads(content)["Statement"]]
                assert len(set(sids)) == len(sids)
                assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)


def test_second_write_changes_nothing_and_a_removed_function_loses_its_policy(
    tmp_path: Path,
) -> None:
    mail = service(tmp_path, functions={"send": {}, "retry": {}})
    files = stage_config.render_local(mail, LOCAL)
    assert set(stage_config.write(mail, LOCAL, files)) == set(files)
    assert stage_config.write(mail, LOCAL, files) == []
    one = msgspec.structs.replace(mail.manifest, functions={"send": Function()})
    files = stage_config.render_local(Service(tmp_path, one), LOCAL)
    changed = stage_config.write(Service(tmp_path, one), LOCAL, files)
    assert set(changed) == {"config.json", "policy-retry-local.json"}
    assert not (tmp_path / ".chalice" / "policy-retry-local.json").exists()


def test_sections_of_other_stages_are_kept(tmp_path: Path) -> None:
    mail = service(tmp_path)
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"stages": {"trial": {"a": 1}}}')
    rendered = json.loads(stage_config.render_local(mail, LOCAL)["config.json"])
    assert rendered["stages"]["trial"] == {"a": 1}
    (tmp_path / ".chalice" / "config.json").write_text("{")
    with pytest.raises(ShopProblem, match=r"config\.json is not valid JSON"):
        stage_config.render_local(mail, LOCAL)


def test_configure_without_a_stage_writes_the_local_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a checkout in which a permission was added
    apps = tmp_path / "apps"
    shutil.copytree(LAYOUT.apps, apps, symlinks=True)
    shutil.copy(LAYOUT.stages, tmp_path)
    layout = Layout(root=tmp_path, home=tmp_path / "home")
    monkeypatch.setattr(Layout, "find", lambda: layout)
    path = apps / "orders" / "service.toml"
    more = '[functions.backfill.allow]\n"secret:orders-cursor-key" = ["GetSecretValue"]'
    path.write_text(path.read_text().replace("[functions.backfill.allow]", more))
    # WHEN ./shop configure runs THEN the policy has it, and no other file changes
    done = CliRunner().invoke(configure_command)
    assert done.exit_code == 0, done.output
    assert "orders: policy-backfill-local.json\n" in done.output
    assert "toys: unchanged\n" in done.output
    policy = (apps / "orders" / ".chalice" / "policy-backfill-local.json").read_text()
    assert "secretsmanager:GetSecretValue" in policy
    # AND once more changes nothing
    done = CliRunner().invoke(configure_command, ["orders"])
    assert done.output == "orders: unchanged\n"


def test_manifests_name_their_callers() -> None:
    found = {name: {tuple(caller) for caller in each.callers} for name, each in SERVICES.items()}
    assert found["toys"] == {("storefront_api", "api_handler")}
    assert ("payments", "fulfil_retry") in found["file_manager"]
    assert found["storefront_api"] == set()
    assert manifest.read(LAYOUT.apps / "toys" / "service.toml").functions["images"].calls == {
        "file_manager"
    }
