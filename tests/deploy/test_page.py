"""A stage without a domain name of its own: its services, its edge and its web page.

Each test continues where the one before it ended.
"""

import gzip
import json
import re
from typing import Any

from support.deploy.trial import Trial

DEPLOY = ("deploy", "--stage", "edged")


def page_bucket(trial: Trial) -> str:
    (bucket,) = (
        found["Name"]
        for found in trial.cloud.client("s3").list_buckets()["Buckets"]
        if found["Name"].startswith("toyshop-edged-web-")
    )
    return str(bucket)


def served(trial: Trial, key: str) -> dict[str, Any]:
    found = trial.cloud.client("s3").get_object(Bucket=page_bucket(trial), Key=key)
    body = found["Body"].read()
    if found.get("ContentEncoding") == "gzip":
        body = gzip.decompress(body)
    return {**found, "Body": body.decode()}


def assets(trial: Trial) -> str:
    """Return the directory of what the published page loads."""
    (found,) = set(re.findall(r'"/(assets/\w+)/', served(trial, "index.html")["Body"]))
    return str(found)


def invalidations(trial: Trial) -> int:
    cloudfront = trial.cloud.client("cloudfront")
    items = cloudfront.list_distributions()["DistributionList"]["Items"]
    (found,) = (each["Id"] for each in items if each["Comment"] == "Toy shop edged")
    return int(cloudfront.list_invalidations(DistributionId=found)["InvalidationList"]["Quantity"])


def policies(trial: Trial) -> list[dict[str, Any]]:
    found = trial.cloud.client("cloudfront").list_response_headers_policies(Type="custom")
    return list(found["ResponseHeadersPolicyList"]["Items"])


def published_functions(trial: Trial) -> list[str]:
    found = trial.cloud.client("cloudfront").list_functions(Stage="LIVE")
    names = [each["Name"] for each in found["FunctionList"].get("Items", [])]
    return sorted(name for name in names if name.startswith("toyshop-edged-"))


def links(trial: Trial) -> str | None:
    """Return the origin of the links in emails."""
    found = trial.cloud.client("lambda").get_function_configuration(
        FunctionName="toyshop-edged-notifications-api-handler"
    )
    variables: dict[str, str] = found["Environment"]["Variables"]
    return variables.get("SHOP_URL")


def allowed_origins(trial: Trial) -> list[str]:
    bucket = "toyshop-edged-file-manager-private"
    rules = trial.cloud.client("s3").get_bucket_cors(Bucket=bucket)["CORSRules"]
    return [origin for rule in rules for origin in rule["AllowedOrigins"]]


def test_services_are_deployed_before_their_origin_is_known(trial: Trial) -> None:
    trial.shop(*DEPLOY, "--infra", "alarms")
    # a step that comes before the services does not speak of the edge
    assert "origin" not in trial.shop(*DEPLOY, "--resources", "notifications")
    output = trial.shop(*DEPLOY)
    assert "The stage edged has no origin yet: emails have no links" in output
    assert links(trial) is None
    refused = trial.shop(*DEPLOY, "web", fails=True)
    assert refused.startswith("The stage edged has no edge yet")
    assert "has no edge yet" in trial.shop("smoke", "--stage", "edged", fails=True)


def test_edge_publishes_the_page_and_says_that_services_need_its_name(trial: Trial) -> None:
    output = trial.shop(*DEPLOY, "--infra", "distribution-acl", "--infra", "edge")
    assert "web created" in output
    origin = trial.published("edge/origin", "edged")
    assert origin.endswith(".cloudfront.net")
    assert f"The stage's origin is {origin}, which its services do not know yet." in output
    index, script = served(trial, "index.html"), served(trial, f"{assets(trial)}/app.js")
    assert (index["ContentType"], index["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    assert script["ContentType"] == "text/javascript; charset=utf-8"
    assert "immutable" in script["CacheControl"]
    assert script["ContentEncoding"] == "gzip"
    # AND the storefront has the document of the pages of toys
    name = trial.published("storefront-api/page-bucket", "edged")
    document = (
        trial.cloud.client("s3").get_object(Bucket=name, Key="page/index.html")["Body"].read()
    )
    assert document.decode() == index["Body"]
    settings = json.loads(served(trial, "settings.json")["Body"])
    assert settings["stripe_publishable_key"] == "pk_test_edged"
    # AND the page may load what its key is for, and the functions of its addresses are published
    (policy,) = (
        each["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
        for each in policies(trial)
        if each["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]["Name"]
        == "toyshop-edged-page"
    )
    allowed = policy["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert "script-src 'self' https://js.stripe.com https://*.js.stripe.com;" in allowed
    frames = "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com"
    assert f"frame-src {frames};" in allowed
    assert "amazonaws.com/toyshop-edged-file-manager-private/ https://api.stripe.com;" in allowed
    assert published_functions(trial) == ["toyshop-edged-addresses", "toyshop-edged-not-found"]
    assert invalidations(trial) == 1


def test_services_get_the_name_of_the_distribution(trial: Trial) -> None:
    # the services and their page differ from the repository by the name only
    _, found = trial.diff("--stage", "edged")
    outcomes = {stack["name"]: stack["outcome"] for stack in found["stacks"]}
    changed = sorted(name for name, outcome in outcomes.items() if outcome != "unchanged")
    assert changed == [
        "toyshop-edged-file-manager-resources",
        "toyshop-edged-notifications",
        "toyshop-edged-storefront-api",
    ]
    assert outcomes["web"] == "unchanged"
    output = trial.shop(*DEPLOY)
    assert "3 of 12 stacks changed" in output
    assert "web unchanged" in output
    assert "no origin" not in output
    origin = trial.published("edge/origin", "edged")
    assert links(trial) == origin
    assert allowed_origins(trial) == [origin]
    assert trial.diff("--stage", "edged")[0] == 0
    assert trial.diff("--stage", "edged", "web", "--live")[0] == 0
    # AND nothing of the infrastructure is reported as unknown
    status, found = trial.diff("--stage", "edged", "--live")
    assert (status, found["resources"]) == (0, [])


def test_changed_page_is_published_alone_and_rolled_back(trial: Trial) -> None:
    before = assets(trial)
    script = trial.root / "web" / "app.js"
    text = script.read_text()
    script.write_text(f"{text}// changed\n")
    status, found = trial.diff("--stage", "edged", "web")
    assert status == 1
    (stack,) = found["stacks"]
    assert (stack["name"], stack["outcome"]) == ("web", "changed")
    assert stack["code"] == [{"kind": "changed", "path": "app.js"}]
    assert trial.shop(*DEPLOY, "web") == "web updated\n"
    assert "// changed" in served(trial, f"{assets(trial)}/app.js")["Body"]
    # a page that is open still loads its files
    assert "// changed" not in served(trial, f"{before}/app.js")["Body"]
    # WHEN it is rolled back
    assert trial.shop("rollback", "--stage", "edged", "web") == "web rolled back\n"
    assert assets(trial) == before
    assert invalidations(trial) == 3
    script.write_text(text)
    assert trial.shop(*DEPLOY, "web") == "web unchanged\n"


def test_edge_is_deleted_with_its_bucket(trial: Trial) -> None:
    bucket = page_bucket(trial)
    output = trial.shop("delete", "--stage", "edged", "--infra", "edge")
    assert output == "toyshop-edged-edge deleted\n"
    buckets = trial.cloud.client("s3").list_buckets()["Buckets"]
    assert bucket not in [found["Name"] for found in buckets]
    # AND can be deployed again
    assert "web created" in trial.shop(*DEPLOY, "--infra", "edge")
    trial.shop("delete", "--stage", "edged", "--infra", "distribution-acl", "--infra", "edge")
    trial.shop("delete", "--stage", "edged")
    trial.shop("delete", "--stage", "edged", "--infra", "alarms")
    assert trial.stacks("edged") == {}
