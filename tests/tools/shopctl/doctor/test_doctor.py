"""`./shop doctor` on an embedded AWS: each item of the checklist, broken in turn."""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from click.testing import CliRunner

from shopctl import doctor, drift
from shopctl.aws.clients import Cloud
from shopctl.aws.target import find_target
from shopctl.cli.main import cli
from shopctl.deploying import infra, page
from shopctl.doctor import gateway, infrastructure, shop
from shopctl.drift import Differences
from shopctl.drift.planned import Stack
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.embedded_aws import EmbeddedAws, aws
from support.paths import ROOT

__all__ = ["aws"]

DOMAIN = "shop.example.com"
API_KEY, WEBHOOK_SECRET = "sk_test_51Planted", "whsec_planted"
PASSWORD = "Toyshop-2026!"
REGION = "us-east-1"
CREATE = Cloud._create
STAFF, SMOKE = "kim@example.com", "smoke@example.com"
STAGE = """
[trial]
account = "000000000000"
region = "us-east-1"
mode = "cloudformation"
currency = "AUD"
retain_data = false
origin = "https://shop.example.com"
sender_domain = "shop.example.com"
seller_name = "Trial"
seller_address = "1 Trial Street"
seller_tax_number = "1"
tax_name = "GST"
tax_percent = 10
alarm_email = "operations@example.com"
bucket_suffix = "-trial"
test_payments = true
stripe_publishable_key = "pk_test_51Planted"
"""
EDGE = {
    "Resources": {
        "Web": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "toyshop-trial-web"}},
        "Distribution": {
            "Type": "AWS::CloudFront::Distribution",
            "Properties": {
                "DistributionConfig": {
                    "Enabled": True,
                    "Aliases": [DOMAIN],
                    "Origins": [{"Id": "web", "DomainName": "web.example.com"}],
                    "DefaultCacheBehavior": {
                        "TargetOriginId": "web",
                        "ViewerProtocolPolicy": "redirect-to-https",
                    },
                }
            },
        },
    }
}


@functools.cache
def _client(service: str, endpoint: str, access_key: str, region: str) -> Any:
    return CREATE(Cloud("trial", endpoint, region, access_key), service, 60)


def create(cloud: Cloud, service: str, _: float) -> Any:
    """Create each client once for all tests, which is slow."""
    return _client(service, cloud.endpoint or "", cloud.access_key, cloud.region or REGION)


class Stripe:
    """Stripe's list of webhook endpoints."""

    def __init__(self) -> None:
        self.endpoint: dict[str, Any] = {
            "url": f"https://{DOMAIN}/api/webhooks/payments",
            "status": "enabled",
            "api_version": gateway.API_VERSION,
            "enabled_events": list(gateway.EVENT_TYPES),
        }
        self.status = 200

    @contextmanager
    def serve(self) -> Iterator[str]:
        stripe = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(stripe.status)
                self.end_headers()
                self.wfile.write(json.dumps({"data": [stripe.endpoint]}).encode())

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class Healthy:
    """A stage that lacks nothing, on an embedded AWS."""

    def __init__(self, aws: EmbeddedAws, root: Path) -> None:
        self.aws, self.layout = aws, Layout(root=root, home=root / ".shop")
        for name in ("apps", "web", "infra"):
            (root / name).symlink_to(ROOT / name)
        self.outcome = "unchanged"
        self.outdated: set[str] = set()
        self.stripe = Stripe()
        # an alias: neither the canonical name nor the addresses are the distribution's
        self.resolved = {DOMAIN: ({DOMAIN}, {"192.0.2.1"})}
        self.answered = {DOMAIN}
        self._topic()
        self._mail()
        self._users()
        client = aws.client
        arn = client("acm").request_certificate(DomainName=DOMAIN)["CertificateArn"]
        self.settings = f'{STAGE}\n[trial.infra]\nCertificateArn = "{arn}"\n'
        self.layout.stages.write_text(self.settings)
        secret = {"api_key": API_KEY, "webhook_secret": WEBHOOK_SECRET}
        client("secretsmanager").create_secret(
            Name="toyshop-trial-payments-gateway", SecretString=json.dumps(secret)
        )
        client("dynamodb").create_table(
            TableName="toyshop-trial-toys",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        client("dynamodb").put_item(TableName="toyshop-trial-toys", Item={"id": {"S": "toy_1"}})
        for name in ("network", "alarms", "distribution-acl"):
            self.stack(name)
        self.stack("edge", EDGE)

    def stack(self, name: str, template: Any = None) -> None:
        queue = {"Resources": {"Any": {"Type": "AWS::SQS::Queue"}}}
        self.aws.client("cloudformation").create_stack(
            StackName=f"toyshop-trial-{name}", TemplateBody=json.dumps(template or queue)
        )

    def publish(self, name: str, value: str) -> None:
        self.aws.client("ssm").put_parameter(
            Name=f"/toyshop/trial/{name}", Value=value, Type="String", Overwrite=True
        )

    def _topic(self) -> None:
        sns = self.aws.client("sns")
        self.topic = sns.create_topic(Name="toyshop-trial-alarms")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="email", Endpoint="operations@example.com")
        self.publish("alarms/topic-arn", self.topic)

    def _mail(self) -> None:
        self.aws.client("sesv2").create_email_identity(EmailIdentity=DOMAIN)

    def _users(self) -> None:
        cognito = self.aws.client("cognito-idp")
        arn = f"arn:aws:ses:us-east-1:000000000000:identity/{DOMAIN}"
        sender = {"EmailSendingAccount": "DEVELOPER", "SourceArn": arn}
        pool = cognito.create_user_pool(PoolName="users", EmailConfiguration=sender)
        self.pool = pool["UserPool"]["Id"]
        cognito.create_group(UserPoolId=self.pool, GroupName="staff")
        for email in (STAFF, SMOKE):
            user = {"UserPoolId": self.pool, "Username": email}
            cognito.admin_create_user(**user, MessageAction="SUPPRESS")
            cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
        cognito.admin_add_user_to_group(UserPoolId=self.pool, Username=STAFF, GroupName="staff")
        self.publish("storefront-api/user-pool-id", self.pool)


@pytest.fixture(scope="module")
def healthy(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Healthy:
    stage = Healthy(aws, tmp_path_factory.mktemp("healthy"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", aws.cloud.endpoint or "")
        page.publish(find_target(stage.layout, "trial"), print)
    return stage


@pytest.fixture(autouse=True)
def stage(healthy: Healthy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Healthy]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", healthy.aws.cloud.endpoint or "")
    monkeypatch.setenv(shop.SMOKE_EMAIL, SMOKE)
    monkeypatch.setattr(Layout, "find", lambda: healthy.layout)
    monkeypatch.setattr(Cloud, "_create", create)

    def find(*_: Any, **__: Any) -> Differences:
        return Differences("trial", [Stack("toyshop-trial-orders", healthy.outcome)], [], {})  # type: ignore[arg-type]

    def resolve(host: str) -> tuple[set[str], set[str]]:
        return healthy.resolved[host]

    monkeypatch.setattr(drift, "find", find)
    monkeypatch.setattr(infrastructure, "resolve", resolve)
    monkeypatch.setattr(infra, "is_current", lambda _, name: name not in healthy.outdated)
    monkeypatch.setattr(
        infrastructure, "is_answered_by_cloudfront", lambda name: name in healthy.answered
    )
    with healthy.stripe.serve() as url:
        monkeypatch.setattr(gateway, "STRIPE", url)
        yield healthy


def found(healthy: Healthy) -> dict[str, doctor.Item]:
    return {item.item: item for item in doctor.examine(healthy.layout, "trial")}


def test_complete_stage_lacks_nothing(stage: Healthy) -> None:
    items = found(stage)
    assert {name: item.what for name, item in items.items() if item.status != "ok"} == {}
    # AND the command says so
    done = CliRunner().invoke(cli, ["doctor", "--stage", "trial"])
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert len(lines) == len(doctor.CHECKS)
    assert all(line.startswith("ok ") for line in lines)


@contextmanager
def settings(healthy: Healthy, old: str, new: str) -> Iterator[None]:
    """Change the stage's section of `stages.toml`."""
    assert old in healthy.settings
    healthy.layout.stages.write_text(healthy.settings.replace(old, new, 1))
    yield
    healthy.layout.stages.write_text(healthy.settings)


@contextmanager
def secret(healthy: Healthy, text: str) -> Iterator[None]:
    """Change the secret with the gateway's keys."""
    secrets = healthy.aws.client("secretsmanager")
    name = {"SecretId": "toyshop-trial-payments-gateway"}
    before = secrets.get_secret_value(**name)["SecretString"]
    secrets.put_secret_value(**name, SecretString=text)
    yield
    secrets.put_secret_value(**name, SecretString=before)


@contextmanager
def no_secret(healthy: Healthy) -> Iterator[None]:
    secrets = healthy.aws.client("secretsmanager")
    name = "toyshop-trial-payments-gateway"
    before = secrets.get_secret_value(SecretId=name)["SecretString"]
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    yield
    secrets.create_secret(Name=name, SecretString=before)


@contextmanager
def no_stack(healthy: Healthy, name: str) -> Iterator[None]:
    healthy.aws.client("cloudformation").delete_stack(StackName=f"toyshop-trial-{name}")
    yield
    healthy.stack(name)


@contextmanager
def answers(operation: str, **changed: Any) -> Iterator[None]:
    """Change what AWS answers to an operation that the embedded AWS has one answer to."""
    from botocore.client import BaseClient

    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def changing(client: Any, name: str, arguments: Any) -> Any:
        answer = call(client, name, arguments)
        return {**answer, **changed} if name == operation else answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", changing)
        yield


@contextmanager
def attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, value)
        yield


@contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        yield


@contextmanager
def no_staff(healthy: Healthy) -> Iterator[None]:
    cognito = healthy.aws.client("cognito-idp")
    member = {"UserPoolId": healthy.pool, "Username": STAFF, "GroupName": "staff"}
    cognito.admin_remove_user_from_group(**member)
    yield
    # the remedy repairs it
    done = CliRunner().invoke(cli, ["staff", "add", STAFF, "--stage", "trial"])
    assert done.output == f"{STAFF} is staff from the next sign-in on.\n"


@contextmanager
def no_toys(healthy: Healthy) -> Iterator[None]:
    table = {"TableName": "toyshop-trial-toys"}
    healthy.aws.client("dynamodb").delete_item(**table, Key={"id": {"S": "toy_1"}})
    yield
    healthy.aws.client("dynamodb").put_item(**table, Item={"id": {"S": "toy_1"}})


@contextmanager
def other_page(healthy: Healthy) -> Iterator[None]:
    storage = healthy.aws.client("s3")
    storage.delete_object(Bucket="toyshop-trial-web", Key="index.html")
    yield
    page.publish(find_target(healthy.layout, "trial"), print)


def keys(api_key: str = API_KEY, webhook_secret: str = WEBHOOK_SECRET) -> str:
    return json.dumps({"api_key": api_key, "webhook_secret": webhook_secret})


Fault = Callable[[Healthy], Any]
EDGE_ITEMS = {"web page", "dns", "webhook endpoint"}
FAULTS: dict[str, tuple[Fault, str, str, set[str]]] = {
    "a placeholder": (
        lambda s: settings(s, '"1 Trial Street"', '"TODO: address in one line"'),
        "settings",
        "stages.toml lacks seller_address of trial.",
        set(),
    ),
    "the tax": (
        lambda s: settings(s, 'tax_name = "GST"\ntax_percent = 10\n', ""),
        "settings",
        "stages.toml lacks tax_percent of trial.",
        set(),
    ),
    "a live publishable key": (
        lambda s: settings(s, "pk_test_51", "pk_live_51"),
        "settings",
        "stripe_publishable_key is not a test key",
        set(),
    ),
    "a low limit of Lambda": (
        lambda _: answers(
            "GetAccountSettings",
            AccountLimit={"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10},
        ),
        "concurrency",
        "its limit is 10",
        set(),
    ),
    "the network": (
        lambda s: no_stack(s, "network"),
        "network",
        "There is no stack toyshop-trial-network.",
        {"services"},
    ),
    "the alarms": (
        lambda s: no_stack(s, "alarms"),
        "alarms",
        "There is no stack toyshop-trial-alarms.",
        {"alarm subscription", "services"},
    ),
    "an outdated network": (
        lambda s: attribute(s, "outdated", {"network"}),
        "network",
        "toyshop-trial-network was deployed from another template",
        {"services"},
    ),
    "an unconfirmed address": (
        lambda _: answers(
            "ListSubscriptionsByTopic",
            Subscriptions=[
                {
                    "SubscriptionArn": "PendingConfirmation",
                    "Protocol": "email",
                    "Endpoint": "operations@example.com",
                }
            ],
        ),
        "alarm subscription",
        "operations@example.com has not confirmed",
        set(),
    ),
    "no secret": (
        no_secret,
        "gateway keys",
        "There is no secret toyshop-trial-payments-gateway.",
        {"webhook endpoint"},
    ),
    "an incomplete secret": (
        lambda s: secret(s, json.dumps({"api_key": API_KEY})),
        "gateway keys",
        "toyshop-trial-payments-gateway is incomplete",
        {"webhook endpoint"},
    ),
    "a secret that is no JSON": (
        lambda s: secret(s, API_KEY),
        "gateway keys",
        "toyshop-trial-payments-gateway is incomplete",
        {"webhook endpoint"},
    ),
    "a secret that is no text": (
        lambda _: answers("GetSecretValue", SecretString=""),
        "gateway keys",
        "toyshop-trial-payments-gateway is incomplete",
        {"webhook endpoint"},
    ),
    "a live key with test payments": (
        lambda s: secret(s, keys("sk_live_51Planted")),
        "gateway keys",
        "is a live key",
        {"webhook endpoint"},
    ),
    "the publishable key as secret key": (
        lambda s: secret(s, keys("pk_test_51Planted")),
        "gateway keys",
        "is not a Stripe secret key",
        {"webhook endpoint"},
    ),
    "another signing secret": (
        lambda s: secret(s, keys(webhook_secret="planted")),
        "gateway keys",
        "is not the signing secret",
        {"webhook endpoint"},
    ),
    "no webhook endpoint": (
        lambda s: attribute(s.stripe, "endpoint", {"url": "https://else.example"}),
        "webhook endpoint",
        f"no webhook endpoint https://{DOMAIN}/api/webhooks/payments",
        set(),
    ),
    "a disabled webhook endpoint": (
        lambda s: attribute(s.stripe, "endpoint", {**s.stripe.endpoint, "status": "disabled"}),
        "webhook endpoint",
        "is disabled",
        set(),
    ),
    "a webhook endpoint of another API version": (
        lambda s: attribute(
            s.stripe, "endpoint", {**s.stripe.endpoint, "api_version": "2020-08-27"}
        ),
        "webhook endpoint",
        f"is 2020-08-27, not {gateway.API_VERSION}.",
        set(),
    ),
    "a webhook endpoint without an API version": (
        lambda s: attribute(s.stripe, "endpoint", {**s.stripe.endpoint, "api_version": None}),
        "webhook endpoint",
        "is the account's default",
        set(),
    ),
    "a missing event type": (
        lambda s: attribute(
            s.stripe,
            "endpoint",
            {**s.stripe.endpoint, "enabled_events": list(gateway.EVENT_TYPES[:-1])},
        ),
        "webhook endpoint",
        "does not receive charge.dispute.closed.",
        set(),
    ),
    "a key that Stripe refuses": (
        lambda s: attribute(s.stripe, "status", 401),
        "webhook endpoint",
        "Stripe does not let this key",
        set(),
    ),
    "a service that is not deployed": (
        lambda s: attribute(s, "outcome", "created"),
        "services",
        "Not deployed: toyshop-trial-orders.",
        set(),
    ),
    "an old release": (
        lambda s: attribute(s, "outcome", "changed"),
        "services",
        "Different from this checkout: toyshop-trial-orders.",
        set(),
    ),
    "an unknown email domain": (
        lambda s: settings(s, "sender_domain = ", 'sender_domain = "b.example.com" #'),
        "email domain",
        "SES does not know the domain b.example.com.",
        set(),
    ),
    "an email domain that is not verified": (
        lambda _: answers("GetEmailIdentity", VerifiedForSendingStatus=False),
        "email domain",
        "DKIM is PENDING",
        set(),
    ),
    "the sandbox of SES": (
        lambda _: answers("GetAccount", ProductionAccessEnabled=False),
        "email sending",
        "SES is in the sandbox",
        set(),
    ),
    "suspended sending": (
        lambda _: answers("GetAccount", SendingEnabled=False),
        "email sending",
        "SES has suspended sending",
        set(),
    ),
    "Cognito's own emails": (
        lambda _: answers("DescribeUserPool", UserPool={"Id": "x"}),
        "sign-up emails",
        "only about 50 a day",
        set(),
    ),
    "a certificate that does not exist": (
        lambda s: settings(s, "certificate/", "certificate/0"),
        "certificate",
        "There is no certificate arn:aws:acm",
        set(),
    ),
    "a certificate of another region": (
        lambda s: settings(s, "acm:us-east-1:", "acm:eu-west-1:"),
        "certificate",
        "no certificate of the account",
        set(),
    ),
    "a certificate that is not issued": (
        lambda _: answers(
            "DescribeCertificate",
            Certificate={
                "Status": "PENDING_VALIDATION",
                "DomainValidationOptions": [
                    {"ResourceRecord": {"Name": "_a.", "Type": "CNAME", "Value": "_b."}}
                ],
            },
        ),
        "certificate",
        "is PENDING_VALIDATION",
        set(),
    ),
    "a certificate for another name": (
        lambda _: answers(
            "DescribeCertificate",
            Certificate={"Status": "ISSUED", "DomainName": "*.shop.example.com"},
        ),
        "certificate",
        "not for shop.example.com",
        set(),
    ),
    "the web ACL": (
        lambda s: no_stack(s, "distribution-acl"),
        "web ACL",
        "There is no stack toyshop-trial-distribution-acl.",
        set(),
    ),
    "the web page": (other_page, "web page", "is not published", set()),
    "the DNS record": (
        lambda s: attribute(s, "resolved", {DOMAIN: (set(), set())}),
        "dns",
        f"{DOMAIN} has no address",
        set(),
    ),
    "a DNS record of another site": (
        lambda s: attribute(s, "answered", set()),
        "dns",
        f"{DOMAIN} does not lead to",
        set(),
    ),
    "a distribution without the domain": (
        lambda s: settings(s, "origin = ", 'origin = "https://www.example.com" #'),
        "dns",
        "does not serve www.example.com",
        set(),
    ),
    "staff": (no_staff, "staff", "Nobody is staff.", set()),
    "toys": (no_toys, "toys", "The catalogue has no toys.", set()),
    "the smoke user's name": (
        lambda _: variable(shop.SMOKE_EMAIL, ""),
        "smoke user",
        "SHOP_SMOKE_EMAIL does not name",
        set(),
    ),
    "the smoke user": (
        lambda _: variable(shop.SMOKE_EMAIL, "nobody@example.com"),
        "smoke user",
        "nobody@example.com cannot sign in.",
        set(),
    ),
}


# the page is published with the key
ALSO_MISSING = {
    "a live publishable key": {"web page"},
    "a distribution without the domain": {"certificate", "webhook endpoint"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_and_nothing_else(stage: Healthy, fault: str) -> None:
    # GIVEN a stage with one fault
    plant, item, what, follows = FAULTS[fault]
    with plant(stage):
        items = found(stage)
    # THEN exactly that item is missing, what needs it waits, and a sentence says how to fix it
    missing = {name for name, one in items.items() if one.status == "missing"}
    assert missing == {item} | ALSO_MISSING.get(fault, set())
    assert {name for name, one in items.items() if one.status == "waiting"} == follows
    assert what in items[item].what
    assert items[item].remedy.endswith(".")
    # AND no key is printed
    text = repr(items)
    assert "Planted" not in text
    assert "planted" not in text


def test_missing_user_pool_stops_what_needs_it(stage: Healthy) -> None:
    # GIVEN a stage whose services are not deployed yet
    name = "/toyshop/trial/storefront-api/user-pool-id"
    stage.aws.client("ssm").delete_parameter(Name=name)
    try:
        items = found(stage)
    finally:
        stage.publish("storefront-api/user-pool-id", stage.pool)
    # THEN what needs its users waits for them
    waiting = {name: item.what for name, item in items.items() if item.status == "waiting"}
    assert waiting == dict.fromkeys(
        ("sign-up emails", "staff", "smoke user"), "It depends on the item services."
    )
    assert all(item.status != "missing" for item in items.values())


def test_missing_edge_stops_what_needs_it(stage: Healthy) -> None:
    with attribute(infrastructure, "edge", _no_edge):
        checks = [
            doctor.Check(one.item, _no_edge, one.needs) if one.item == "edge" else one
            for one in doctor.CHECKS
        ]
        items = {one.item: one for one in doctor.examine(stage.layout, "trial", checks)}
    assert {name for name, one in items.items() if one.status == "waiting"} == EDGE_ITEMS


def _no_edge(_: Any) -> str:
    raise ShopProblem("There is no stack.", "Deploy it.")


def test_python_that_cannot_build_is_named(stage: Healthy) -> None:
    with attribute(doctor.prerequisites.deploy, "check_python", _no_edge):
        items = found(stage)
    assert items["python"].status == "missing"
    assert {name for name, one in items.items() if one.status == "waiting"} == {"services"}


def test_credentials_of_another_account_stop_all_that_calls_aws(
    stage: Healthy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "000000000000")
    with settings(stage, 'account = "000000000000"', 'account = "123456789012"'):
        items = found(stage)
        done = CliRunner().invoke(cli, ["doctor", "--stage", "trial", "--json"])
    assert items["credentials"].status == "missing"
    assert "000000000000" in items["credentials"].what
    # apart from the Python that runs the tests
    working = {name for name, one in items.items() if one.status == "ok"}
    assert working - {"python"} == {"settings"}
    # AND the command prints the same as JSON, and fails
    assert done.exit_code == 1
    answer = json.loads(done.output)
    assert not answer["complete"]
    assert [one["status"] for one in answer["items"]] == [one.status for one in items.values()]


def test_aws_that_does_not_answer_stops_all_that_calls_it(
    stage: Healthy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://sts.example")

    monkeypatch.setattr(doctor, "find_target", fails)
    items = found(stage)
    assert items["credentials"].what.startswith("AWS does not answer: ")
    assert {name for name, one in items.items() if one.status == "ok"} - {"python"} == {"settings"}


def test_service_that_does_not_answer_is_unknown(stage: Healthy) -> None:
    with attribute(gateway, "STRIPE", "http://127.0.0.1:1"):
        items = found(stage)
    assert [name for name, one in items.items() if one.status != "ok"] == ["webhook endpoint"]
    assert items["webhook endpoint"].status == "unknown"


def test_stage_marked_as_sandbox_may_be_in_it(stage: Healthy) -> None:
    with (
        settings(stage, "test_payments", "ses_sandbox = true\ntest_payments"),
        answers("GetAccount", ProductionAccessEnabled=False),
    ):
        assert found(stage)["email sending"].status == "ok"


def test_cname_of_the_distribution_needs_no_answer(stage: Healthy) -> None:
    distributions = stage.aws.client("cloudfront").list_distributions()["DistributionList"]
    [name] = [one["DomainName"] for one in distributions["Items"]]
    with (
        attribute(stage, "resolved", {DOMAIN: ({name}, {"192.0.2.1"})}),
        attribute(stage, "answered", set()),
    ):
        assert found(stage)["dns"].status == "ok"


def test_wildcard_certificate_covers_the_domain(stage: Healthy) -> None:
    names = {"Status": "ISSUED", "DomainName": "example.com"}
    with answers(
        "DescribeCertificate", Certificate={**names, "SubjectAlternativeNames": ["*.example.com"]}
    ):
        assert found(stage)["certificate"].status == "ok"


def test_unknown_stage_is_refused(stage: Healthy) -> None:
    with pytest.raises(ShopProblem, match="There is no stage other"):
        doctor.examine(stage.layout, "other")


def test_doctor_changes_nothing(stage: Healthy) -> None:
    # GIVEN every operation that the checks call
    from botocore.client import BaseClient

    called: set[str] = set()
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def recording(client: Any, name: str, arguments: Any) -> Any:
        called.add(name)
        return call(client, name, arguments)

    with attribute(BaseClient, "_make_api_call", recording):
        found(stage)
    # THEN each only reads
    assert len(called) > 10
    reads = ("Get", "List", "Describe", "Head", "AdminGet", "Scan")
    assert [name for name in sorted(called) if not name.startswith(reads)] == []


def test_pricing_plan_of_ses_is_named(stage: Healthy) -> None:
    with answers("GetAccount", PricingAttributes={"CurrentPlan": "ESSENTIALS"}):
        item = found(stage)["email sending"]
    assert (item.status, item.what) == (
        "ok",
        "SES sends to every address. It is on the ESSENTIALS plan, which the shop does not need.",
    )
    assert found(stage)["email sending"].what == "SES sends to every address."
