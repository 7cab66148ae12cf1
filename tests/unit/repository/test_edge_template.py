"""The distribution on AWS sends the same security headers as the local edge."""

import yaml

from local_edge import files, page
from support.paths import ROOT

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
