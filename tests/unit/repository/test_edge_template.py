"""The edge on AWS is as strict as the local one."""

import yaml

from local_edge import files, page
from support.paths import ROOT

EDGE = yaml.safe_load((ROOT / "infra" / "edge.yaml").read_text())["Resources"]


def headers(name: str) -> dict[str, str]:
    """Return the headers that a policy of the distribution adds to an answer."""
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


def test_the_distribution_sends_the_headers_that_the_local_edge_sends() -> None:
    uploads = "https://s3.${AWS::Region}.${AWS::URLSuffix}"
    assert headers("PageHeaders") == page.policy(uploads)
    # the bucket itself says how long a file may be kept
    assert headers("FileHeaders") == {
        name: value for name, value in files.POLICY.items() if name != "Cache-Control"
    }
