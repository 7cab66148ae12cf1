"""The VPC has an endpoint for each AWS service that functions in it call, and no route out."""

from collections.abc import Iterator

from shopctl.checking import iam
from shopctl.checking.repository import Repository
from shopctl.checking.service_source import Policy, ServiceSource
from shopctl.deploying import network
from shopctl.project.finding import Finding
from shopctl.project.manifest import Function
from shopctl.project.yaml_lines import Block, line_containing, read_yaml

# Lambda itself writes the logs, not through the VPC
_BY_LAMBDA = "logs"
_ROUTES_OUT = ("AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield called services without an endpoint, unused endpoints, and routes to the internet."""
    path = repository.root / "infra" / "network.yaml"
    template = read_yaml(path)
    resources: Block = template.at("Resources") or Block()
    for logical_id, resource in resources.items():
        if resource.get("Type") in _ROUTES_OUT:
            yield repository.finding(
                path,
                template.line_of("Resources", logical_id),
                f"{logical_id} is a route to the internet.",
                "Remove it: functions that need the internet run outside the VPC.",
            )
    endpoints = _endpoints(resources)
    called: set[str] = set()
    for service, policy, action in _actions_inside(repository):
        aws_service = action.partition(":")[0]
        called.add(aws_service)
        if aws_service not in endpoints and aws_service != _BY_LAMBDA:
            yield repository.finding(
                policy.path,
                line_containing(policy.path, f'"{action}"'),
                f"{policy.function} of {service.name} runs in the VPC, which has no endpoint for"
                f" {aws_service}.",
                "Add it to infra/network.yaml, or call private APIs from another function.",
            )
    for aws_service, (logical_id, is_paid) in endpoints.items():
        if is_paid and aws_service not in called:
            yield repository.finding(
                path,
                template.line_of("Resources", logical_id),
                f"No function in the VPC calls {aws_service}.",
                "Remove its endpoint, which is charged by the hour.",
            )


def _endpoints(resources: Block) -> dict[str, tuple[str, bool]]:
    """Return the logical id of each AWS service's endpoint, and whether it is charged."""
    endpoints: dict[str, tuple[str, bool]] = {}
    for logical_id, resource in resources.items():
        if resource.get("Type") == "AWS::EC2::VPCEndpoint":
            properties = resource["Properties"]
            aws_service = properties["ServiceName"]["Fn::Sub"].rpartition(".")[2]
            is_interface = properties["VpcEndpointType"] == "Interface"
            endpoints[aws_service] = (logical_id, is_interface)
    return endpoints


def _actions_inside(repository: Repository) -> Iterator[tuple[ServiceSource, Policy, str]]:
    """Yield the actions that functions inside the VPC are allowed."""
    for service in repository.services.values():
        for policy in service.policies:
            function = service.manifest.functions.get(policy.function, Function())
            if network.is_inside(function):
                for action in iam.actions(policy):
                    yield service, policy, action
