"""What no service owns: the network fits its functions, the edge is as strict as the local one."""

from pathlib import Path
from typing import Any

import yaml

from shopctl import services
from shopctl.callers import as_list, policies
from shopctl.edge import files, page

ROOT = Path(__file__).parents[2]
EDGE = yaml.safe_load((ROOT / "infra" / "edge.yaml").read_text())["Resources"]
NETWORK = yaml.safe_load((ROOT / "infra" / "network.yaml").read_text())["Resources"]


def endpoints(kind: str) -> set[str]:
    return {
        resource["Properties"]["ServiceName"]["Fn::Sub"].rpartition(".")[2]
        for resource in NETWORK.values()
        if resource["Type"] == "AWS::EC2::VPCEndpoint"
        and resource["Properties"]["VpcEndpointType"] == kind
    }


def actions(policy: dict[str, Any]) -> set[str]:
    return {action for each in policy["Statement"] for action in as_list(each["Action"])}


def test_functions_inside_find_an_endpoint_of_what_they_call_and_none_is_idle() -> None:
    inside = [
        actions(policy)
        for name in services.read(ROOT / "apps")
        for policy in policies(ROOT / "apps" / name, "local").values()
        if "execute-api:Invoke" in actions(policy)
    ]
    called = {action.partition(":")[0] for policy in inside for action in policy}
    # Lambda writes the logs, not through the VPC
    assert called - {"logs"} - endpoints("Gateway") == endpoints("Interface")


def test_nothing_leads_to_the_internet() -> None:
    kinds = {resource["Type"] for resource in NETWORK.values()}
    ways_out = ("AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route")
    assert kinds.isdisjoint(ways_out)


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
