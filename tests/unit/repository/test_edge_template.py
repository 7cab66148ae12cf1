"""The distribution on AWS: its security headers, which the local edge sends too, and its limits."""

import re

import msgspec
import pytest
import yaml

from chassis.api import EDGE_HEADER
from local_edge import distribution
from shopctl.project import stages
from shopctl.project.layout import Layout
from support.paths import APPS, ROOT

TEMPLATE = yaml.safe_load((ROOT / "infra" / "edge.yaml").read_text())
EDGE = TEMPLATE["Resources"]


BUCKET = (
    "https://s3.${AWS::Region}.${AWS::URLSuffix}/"
    "{{resolve:ssm:/toyshop/${Stage}/file-manager/private-bucket}}"
)


def headers(name: str) -> dict[str, str]:
    """Return the headers that a policy adds, with names and values as CloudFront sends them."""
    config = EDGE[name]["Properties"]["ResponseHeadersPolicyConfig"]
    found = {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]}
    security = config["SecurityHeadersConfig"]
    assert all(one["Override"] for one in security.values())
    found["Strict-Transport-Security"] = (
        f"max-age={security['StrictTransportSecurity']['AccessControlMaxAgeSec']}"
    )
    if "ContentTypeOptions" in security:
        found["X-Content-Type-Options"] = "nosniff"
    if "FrameOptions" in security:
        found["X-Frame-Options"] = security["FrameOptions"]["FrameOption"]
    if "ReferrerPolicy" in security:
        found["Referrer-Policy"] = security["ReferrerPolicy"]["ReferrerPolicy"]
    return found


def sources(text: str) -> dict[str, set[str]]:
    """Return the sources of a Content-Security-Policy by directive."""
    directives = [directive.split() for directive in text.split(";")]
    assert len({name for name, *_ in directives}) == len(directives)
    return {name: set(values) for name, *values in directives}


def sources_of_page(*, uses_stripe: bool) -> dict[str, set[str]]:
    config = EDGE["PageHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    policy = config["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    text, values = policy["Fn::Sub"]
    for name, value in values.items():
        if "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            assert condition == "UsesStripe"
            value = yes if uses_stripe else no
        else:
            value = value["Fn::Sub"]
        text = text.replace(f"${{{name}}}", value)
    return sources(text)


WITHOUT_STRIPE = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'", "data:", "blob:"},
    "font-src": {"'self'"},
    "manifest-src": {"'self'"},
    # the URL of an upload is the bucket's; that of a receipt is below it
    "connect-src": {"'self'", BUCKET, f"{BUCKET}/"},
    "frame-src": {"'none'"},
    "object-src": {"'none'"},
    "base-uri": {"'none'"},
    "form-action": {"'self'"},
    "frame-ancestors": {"'none'"},
}


def test_page_connects_to_its_own_origin_and_its_bucket_only() -> None:
    assert sources_of_page(uses_stripe=False) == WITHOUT_STRIPE


def test_page_loads_stripe_only_where_the_stage_has_its_key() -> None:
    allowed = sources_of_page(uses_stripe=True)
    added = {name: allowed[name] - found for name, found in WITHOUT_STRIPE.items()}
    assert {name: found for name, found in added.items() if found} == {
        "script-src": {"https://js.stripe.com", "https://*.js.stripe.com"},
        "connect-src": {"https://api.stripe.com"},
        "frame-src": {
            "https://js.stripe.com",
            "https://*.js.stripe.com",
            "https://hooks.stripe.com",
        },
    }
    assert TEMPLATE["Conditions"]["UsesStripe"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "StripePublishableKey"}, ""]}]
    }
    stage = stages.load(Layout.find().stages, "local")
    assert "StripePublishableKey" not in stage.parameters
    keyed = msgspec.structs.replace(stage, stripe_publishable_key="pk_test_1")
    assert keyed.parameters["StripePublishableKey"] == "pk_test_1"


def test_page_has_security_headers() -> None:
    assert headers("PageHeaders") == {
        "Cache-Control": "no-cache",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def test_public_files_execute_nothing() -> None:
    assert headers("FileHeaders") == {
        "Cross-Origin-Resource-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
    }
    config = EDGE["FileHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    policy = config["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert policy == "default-src 'none'; sandbox"


def test_local_edge_sends_the_headers_of_the_distribution() -> None:
    uploads = "http://127.0.0.1:4566"
    local = dict(distribution.page_headers(uploads))
    bucket = f"{uploads}/toyshop-local-file-manager-private"
    assert sources(local.pop("Content-Security-Policy")) == WITHOUT_STRIPE | {
        "connect-src": {"'self'", bucket, f"{bucket}/"}
    }
    # it has no certificate
    secure = {"Strict-Transport-Security": "max-age=31536000"}
    assert local | secure == headers("PageHeaders")
    files = dict(distribution.file_headers())
    assert files.pop("Content-Security-Policy") == "default-src 'none'; sandbox"
    assert files | secure == headers("FileHeaders")


def test_document_has_no_policy_of_its_own() -> None:
    assert "http-equiv" not in (ROOT / "web" / "index.html").read_text()


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
    config = EDGE["Distribution"]["Properties"]["DistributionConfig"]
    assert config["PriceClass"] == {"Ref": "PriceClass"}
    assert TEMPLATE["Parameters"]["PriceClass"]["Default"] == "PriceClass_All"


def test_distribution_compresses_and_speaks_http_2_and_3() -> None:
    config = EDGE["Distribution"]["Properties"]["DistributionConfig"]
    assert config["HttpVersion"] == "http2and3"
    page = config["DefaultCacheBehavior"]
    assert page["Compress"] is True
    # CloudFront's own policy CachingOptimized, which caches a variant for each Accept-Encoding
    assert page["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"


def test_distribution_forwards_the_trace_context_of_a_request() -> None:
    config = EDGE["Distribution"]["Properties"]["DistributionConfig"]
    (api,) = [one for one in config["CacheBehaviors"] if one["PathPattern"] == "/api/*"]
    # CloudFront's own policy AllViewerExceptHostHeader, which forwards all other headers
    assert api["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
