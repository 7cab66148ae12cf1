"""The network on AWS: what its flow logs may do."""

import yaml

from support.paths import ROOT

# "IAM role for publishing flow logs to CloudWatch Logs" in the VPC user guide
PUBLISHING = {
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
}
GROUP = "log-group:/toyshop/${Stage}/network/flows"


def test_flow_logs_have_the_documented_permissions_on_their_group_alone() -> None:
    template = yaml.safe_load((ROOT / "infra" / "network.yaml").read_text())
    (policy,) = template["Resources"]["FlowLogRole"]["Properties"]["Policies"]
    publishing, listing = policy["PolicyDocument"]["Statement"]
    assert {*publishing["Action"], listing["Action"]} == PUBLISHING
    arns = [resource["Fn::Sub"] for resource in publishing["Resource"]]
    prefix = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:"
    assert arns == [f"{prefix}{GROUP}", f"{prefix}{GROUP}:*"]
    assert listing["Action"] == "logs:DescribeLogGroups"
