"""Functions in the network find an endpoint of each AWS service that they call, and no way out."""

from collections.abc import Iterator

from shopctl.checking.repository import App, Policy, Repository
from shopctl.checking.rules.policies import listed
from shopctl.deploying import network
from shopctl.project.finding import Finding
from shopctl.project.manifest import Function
from shopctl.project.yaml_lines import line_containing, read_yaml

# Lambda writes the logs itself, not through the network
_BY_LAMBDA = "logs"
_WAYS_OUT = ("AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield services without an endpoint, endpoints without a caller, and ways out."""
    path = repository.root / "infra" / "network.yaml"
    template = read_yaml(path)
    endpoints: dict[str, tuple[str, bool]] = {}
    for logical_id, resource in (template.at("Resources") or {}).items():
        properties = resource.get("Properties", {})
        if resource.get("Type") in _WAYS_OUT:
            yield repository.finding(
                path,
                template.line_of("Resources", logical_id),
                f"{logical_id} leads to the internet.",
                "Take it out: what needs the internet runs outside the network.",
            )
        if resource.get("Type") == "AWS::EC2::VPCEndpoint":
            service = properties["ServiceName"]["Fn::Sub"].rpartition(".")[2]
            endpoints[service] = (logical_id, properties["VpcEndpointType"] == "Interface")
    called: set[str] = set()
    for app in repository.apps.values():
        for policy in app.policies:
            if not policy.statements or not _is_inside(app, policy):
                continue
            for statement in policy.statements:
                for action in listed(statement.get("Action")):
                    service = action.partition(":")[0]
                    called.add(service)
                    if service not in endpoints and service != _BY_LAMBDA:
                        yield repository.finding(
                            policy.path,
                            line_containing(policy.path, f'"{action}"'),
                            f"{policy.function} of {app.name} runs in the network, which has no"
                            f" endpoint of {service}.",
                            "Add it to infra/network.yaml, or call private APIs from another"
                            " function.",
                        )
    for service, (logical_id, is_paid) in endpoints.items():
        if is_paid and service not in called:
            yield repository.finding(
                path,
                template.line_of("Resources", logical_id),
                f"No function in the network calls {service}.",
                "Take its endpoint out: it is paid by the hour.",
            )


def _is_inside(app: App, policy: Policy) -> bool:
    return network.is_inside(app.manifest.functions.get(policy.function, Function()))
