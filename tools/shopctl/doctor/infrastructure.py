"""The stacks that no service owns, the certificate, the alarm subscription and DNS."""

import socket
from contextlib import suppress

import requests

from shopctl.aws import cloudformation, ssm_parameters
from shopctl.aws.target import Target
from shopctl.deploying import infra
from shopctl.deploying.alarms import TOPIC
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem

HEALTH = "https://{}/api/health"
_SECONDS = 10
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def network(to: Target) -> str:
    """Check that the stage's network is deployed, if it has one."""
    return _stack(to, "network") if to.stage.network else "The stage has no network."


def alarms(to: Target) -> str:
    """Check that the topic of the alarms is deployed, if there are alarms."""
    return _stack(to, "alarms") if to.stage.alarm_email else "The stage has no alarms."


def web_acl(to: Target) -> str:
    """Check that the distribution's web ACL is deployed."""
    return _stack(to, "distribution-acl")


def edge(to: Target) -> str:
    """Check that the edge is deployed."""
    return _stack(to, "edge")


def subscription(to: Target) -> str:
    """Check that the address for alarms has confirmed its subscription."""
    address = to.stage.alarm_email
    if not address:
        return "The stage has no alarms."
    topic = ssm_parameters.read(to.cloud)[TOPIC]
    pages = to.cloud.client("sns").get_paginator("list_subscriptions_by_topic")
    found = [
        one["SubscriptionArn"]
        for page in pages.paginate(TopicArn=topic)
        for one in page["Subscriptions"]
        if one["Endpoint"] == address
    ]
    if not any(arn.startswith("arn:") for arn in found):
        raise ShopProblem(
            f"{address} has not confirmed the subscription to alarms.",
            "Follow the link in the email from AWS Notifications. After two days, request another:"
            f" aws sns subscribe --region {to.stage.region} --topic-arn {topic} --protocol email"
            f" --notification-endpoint {address}.",
        )
    return f"Alarms are sent to {address}."


def certificate(to: Target) -> str:
    """Check that the certificate of the stage's domain is issued and covers it."""
    if not to.stage.domain:
        return "The stage uses the distribution's own name."
    infra.check_certificate(to)
    return f"The certificate for {to.stage.domain} is issued."


def dns(to: Target) -> str:
    """Check that the stage's domain leads to the distribution.

    An alias record has no canonical name, and CloudFront's addresses differ from answer to answer.
    Without a CNAME, an HTTPS request shows it: a name belongs to one distribution only, so an
    answer of CloudFront to a name of this distribution comes from this distribution.
    """
    domain = to.stage.domain
    if not domain:
        return f"The origin is {to.stage.origin}."
    distribution, served = _distribution(to)
    if domain not in served:
        raise ShopProblem(
            f"{distribution} does not serve {domain}.",
            f"Deploy it again: ./shop deploy --stage {to.stage.name} --infra edge.",
        )
    remedy = f"Add a CNAME record to DNS (or an alias): {domain} CNAME {distribution}."
    names, addresses = resolve(domain)
    if not addresses:
        raise ShopProblem(f"{domain} has no address.", remedy)
    if distribution not in names and not is_answered_by_cloudfront(domain):
        raise ShopProblem(f"{domain} does not lead to {distribution}.", remedy)
    return f"{domain} leads to {distribution}."


def is_answered_by_cloudfront(domain: str) -> bool:
    """Return whether an HTTPS request to a name is answered by CloudFront, with any status."""
    try:
        answer = requests.get(HEALTH.format(domain), timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException:
        # nothing listens there, or it has no certificate for this name
        return False
    return "X-Amz-Cf-Id" in answer.headers


def resolve(host: str) -> tuple[set[str], set[str]]:
    """Return the canonical names and the addresses of a host; empty if it has none."""
    names: set[str] = set()
    addresses: set[str] = set()
    with suppress(OSError):
        for *_, name, address in socket.getaddrinfo(
            host, 443, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME
        ):
            names.add(name.rstrip("."))
            addresses.add(str(address[0]))
    return names, addresses


def _distribution(to: Target) -> tuple[str, list[str]]:
    """Return the distribution's own name, and the other names that it serves."""
    ids = cloudformation.physical_ids(to.cloud, aws_names.resource(to.stage.name, "edge"))
    found = to.cloud.client("cloudfront").get_distribution(Id=ids["Distribution"])["Distribution"]
    aliases = found["DistributionConfig"].get("Aliases", {})
    return str(found["DomainName"]), aliases.get("Items", [])


def _stack(to: Target, name: str) -> str:
    stack = aws_names.resource(to.stage.name, name)
    found = cloudformation.describe(infra.cloud_of(to, name), stack)
    deploy = f"Deploy it: ./shop deploy --stage {to.stage.name} --infra {name}."
    if found is None:
        raise ShopProblem(f"There is no stack {stack}.", deploy)
    if found["StackStatus"] not in _GOOD:
        raise ShopProblem(f"The stack {stack} is {found['StackStatus']}.", deploy)
    if not infra.is_current(to, name):
        raise ShopProblem(
            f"{stack} was deployed from another template, or with other values.",
            deploy.replace("Deploy it", "Deploy it again"),
        )
    return f"{stack} is deployed."
