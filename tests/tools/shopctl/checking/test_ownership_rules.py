"""Faults planted in the network, owned resources and files of the apps, with file and line."""

from pathlib import Path

from shopctl.checking.rules import network, owned, skeleton
from support.checkout_copy import CheckoutCopy

# the network

NETWORK = "infra/network.yaml"


def test_called_service_without_an_endpoint_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(NETWORK, "${AWS::Region}.secretsmanager", "${AWS::Region}.kms")
    unused, missing = sorted(
        checkout.findings(network), key=lambda finding: finding.path, reverse=True
    )
    assert (unused.path, unused.line) == (
        Path(NETWORK),
        checkout.line_of(NETWORK, "  SecretsManager:"),
    )
    assert unused.what == "No function in the VPC calls kms."
    assert missing.path == Path("apps/toys/.chalice/policy-api_handler-local.json")
    assert "which has no endpoint for secretsmanager" in missing.what


def test_function_in_the_vpc_that_calls_a_service_without_an_endpoint_is_reported(
    checkout: CheckoutCopy,
) -> None:
    path = "apps/payments/.chalice/policy-fulfil-local.json"
    checkout.replace(path, '"dynamodb:PutItem"', '"ses:SendEmail"')
    found = checkout.only(network)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "ses:SendEmail"))


def test_route_to_the_internet_is_reported(checkout: CheckoutCopy) -> None:
    checkout.append(NETWORK, "  Gateway:\n    Type: AWS::EC2::InternetGateway\n")
    found = checkout.only(network)
    assert (found.line, found.what) == (
        checkout.line_of(NETWORK, "  Gateway:"),
        "Gateway is a route to the internet.",
    )


# owned resources


def test_resource_that_is_not_declared_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/orders/service.toml", 'topics = ["orders-events"]\n', "")
    found = checkout.only(owned)
    path = "apps/orders/resources.yaml"
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "  Topic:"))


def test_resource_with_another_services_name_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/orders/resources.yaml", "-orders-events", "-payments-events")
    found = checkout.findings(owned)
    assert any("does not start with toyshop-<stage>-orders" in item.what for item in found)


def test_declared_resource_that_no_template_creates_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/orders/service.toml", "[owns]", '[owns]\nbuckets = ["orders-archive"]')
    assert "owns orders-archive, which no template creates" in checkout.only(owned).what


# files of the apps


def test_missing_file_of_an_app_is_reported(checkout: CheckoutCopy) -> None:
    (checkout.root / "apps/orders/README.md").unlink()
    assert checkout.only(skeleton).what == "orders lacks README.md."


def test_file_that_no_other_app_has_is_reported(checkout: CheckoutCopy) -> None:
    (checkout.root / "apps/orders/utils.py").write_text("")
    found = checkout.only(skeleton)
    assert found.path == Path("apps/orders/utils.py")


def test_lib_that_is_copied_instead_of_linked_is_reported(checkout: CheckoutCopy) -> None:
    link = checkout.root / "apps/orders/vendor/chassis"
    link.unlink()
    link.mkdir()
    assert checkout.only(skeleton).what == "The package of orders does not contain chassis."
