"""The distribution on AWS: security headers as the local edge sends them, and rate limits."""

import re

import pytest
import yaml

from chassis.api import EDGE_HEADER
from local_edge import files, page
from support.paths import APPS, ROOT

EDGE = yaml.safe_load((ROOT / "infra" / "edge.yaml").read_text())["Resources"]


def headers(name: str) -> dict[str, str]:
    """Return the headers that a policy of the distribution adds to a response."""
    config = EDGE[name]["Properties"]["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    csp = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    found = {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]} | {
        "Content-Security-Policy": csp["Fn::Sub"] if isinstance(csp, dict) else csp
    }
    if "ContentTypeOptions" in security:
        found["X-Content-Type-Options"] = "nosniff"
    if "FrameOptions" in security:
        found["X-Frame-Options"] = security["FrameOptions"]["FrameOption"]
    if "ReferrerPolicy" in security:
        found["Referrer-Policy"] = security["ReferrerPolicy"]["ReferrerPolicy"]
    return found


def test_distribution_sends_the_headers_of_the_local_edge() -> None:
    uploads = "https://s3.${AWS::Region}.${AWS::URLSuffix}"
    assert headers("PageHeaders") == page.policy(uploads)
    # the bucket sets the lifetime of cached files
    assert headers("FileHeaders") == {
        name: value for name, value in files.POLICY.items() if name != "Cache-Control"
    }


@pytest.mark.parametrize(
    ("path", "limited"),
    [
        ("/api/sessions", True),
        ("/api/sessions/", True),
        ("/api/users", True),
        ("/api/users/confirmation", True),
        ("/api/users/password-reset", True),
        ("/api/toys", False),
        ("/api/orders", False),
        ("/sessions", False),
    ],
)
def test_sign_ins_of_an_address_have_a_limit_of_their_own(path: str, limited: bool) -> None:
    template = yaml.safe_load((ROOT / "infra" / "distribution-acl.yaml").read_text())
    rules = {rule["Name"]: rule for rule in template["Resources"]["Acl"]["Properties"]["Rules"]}
    assert rules["sign-ins-of-an-address"]["Action"] == {"Block": {}}
    statement = rules["sign-ins-of-an-address"]["Statement"]["RateBasedStatement"]
    limits = template["Parameters"]
    own, general = limits[statement["Limit"]["Ref"]], limits["RequestsPerFiveMinutes"]
    assert own["Default"] < general["Default"]
    pattern = statement["ScopeDownStatement"]["RegexMatchStatement"]["RegexString"]
    assert bool(re.search(pattern, path)) == limited


def test_distribution_and_web_acl_use_the_key_that_the_storefront_requires() -> None:
    resources = yaml.safe_load((APPS / "storefront_api" / "resources.yaml").read_text())
    name = resources["Resources"]["EdgeKey"]["Properties"]["Name"]["Fn::Sub"]
    key = {"Fn::Sub": f"{{{{resolve:secretsmanager:{name}:SecretString}}}}"}
    origins = EDGE["Distribution"]["Properties"]["DistributionConfig"]["Origins"]
    (api,) = [origin for origin in origins if origin["Id"] == "api"]
    assert api["OriginCustomHeaders"] == [{"HeaderName": EDGE_HEADER, "HeaderValue": key}]
    (rule,) = EDGE["ApiAcl"]["Properties"]["Rules"]
    match = rule["Statement"]["ByteMatchStatement"]
    assert match["FieldToMatch"] == {"SingleHeader": {"Name": EDGE_HEADER.lower()}}
    assert match["SearchString"] == key


def test_distribution_serves_australia_from_australia() -> None:
    template = yaml.safe_load((ROOT / "infra" / "edge.yaml").read_text())
    config = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    assert config["PriceClass"] == {"Ref": "PriceClass"}
    assert template["Parameters"]["PriceClass"]["Default"] == "PriceClass_All"
