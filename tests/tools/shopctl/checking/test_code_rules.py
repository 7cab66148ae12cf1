"""Faults planted in code and manifests, which the rules report with file and line."""

from pathlib import Path

import pytest

from shopctl.checking.rules import (
    actions,
    calls,
    clients,
    contracts,
    cycles,
    events,
    imports,
    layers,
    manifests,
    served,
)
from support.checkout_copy import CheckoutCopy

ROUTES = "apps/storefront_api/chalicelib/storefront_api/routes"
CATALOGUE = "apps/storefront_api/chalicelib/storefront_api/catalogue.py"
ORDERS = "apps/orders/chalicelib/orders"


# manifests


@pytest.mark.parametrize(
    ("path", "old", "new", "what"),
    [
        ("toys", "[objectives]", "[goals]", "`goals` is not a key of a manifest."),
        ("toys", 'visibility = "private"', 'visibility = "secret"', "`visibility` is wrong"),
        ("toys", "[events]", "[events", "is not valid TOML"),
        ("toys", '"deleteFile"', '"shredFile"', "file_manager has no operation shredFile."),
        (
            "toys",
            "file_manager = [",
            "returns = [",
            "It calls returns, a service that does not exist",
        ),
        ("toys", "shop.file.ready.v1", "shop.file.lost.v1", "No service emits shop.file.lost.v1."),
        ("orders", "order.placed.v1", "order.planned.v1", "There is no event shop.order.planned"),
        ("toys", "contracts.toys", "contracts.games", "There is no contract `contracts.games`."),
    ],
)
def test_invalid_manifest_is_reported_with_its_line(
    checkout: CheckoutCopy, path: str, old: str, new: str, what: str
) -> None:
    manifest = f"apps/{path}/service.toml"
    line = checkout.line_of(manifest, old)
    checkout.replace(manifest, old, new)
    found = [finding for finding in checkout.findings(manifests) if what in finding.what]
    assert [(finding.path, finding.line) for finding in found] == [(Path(manifest), line)]
    assert found[0].remedy


# dependency cycles


def test_cycle_of_calls_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/orders/service.toml", "[calls]", '[calls]\npayments = ["lookUpTransactions"]'
    )
    found = checkout.only(cycles)
    assert "cycle: " in found.what
    assert found.what.count("→") == 2
    assert found.path in (Path("apps/orders/service.toml"), Path("apps/payments/service.toml"))
    assert found.line > 1


def test_cycle_through_an_event_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/orders/service.toml", "listens = []", 'listens = ["shop.payment.succeeded.v1"]'
    )
    assert "cycle: " in checkout.only(cycles).what


def test_own_events_are_not_a_cycle(checkout: CheckoutCopy) -> None:
    # payments listens to its own events
    assert checkout.findings(cycles) == []


# calls


def test_undeclared_call_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/storefront_api/service.toml", '    "createToy",\n', "")
    found = checkout.only(calls)
    assert (found.path, found.line) == (
        Path(CATALOGUE),
        checkout.line_of(CATALOGUE, "call(api.CREATE"),
    )
    assert "calls createToy of toys, which its service.toml does not declare" in found.what
    assert found.remedy.startswith('Add "createToy" to `calls.toys`')


def test_declared_call_that_no_code_makes_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/toys/service.toml", '"deleteFile"', '"deleteFile", "lookUpFiles"')
    found = checkout.only(calls)
    assert found.line == checkout.line_of("apps/toys/service.toml", '"lookUpFiles"')
    assert "declares a call of lookUpFiles of file_manager, which no code makes" in found.what


def test_call_of_an_unknown_operation_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(CATALOGUE, "self._toys.call(api.CREATE,", "self._toys.call(pick(),")
    found = checkout.findings(calls)
    assert any("`pick()` is not a constant of a contract" in finding.what for finding in found)


# routes


def test_operation_without_a_handler_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/orders/app.py", "@app.serves(api.CANCEL)\n", "")
    assert "No handler serves cancelOrder" in checkout.only(served).what


def test_route_outside_the_contract_is_reported(checkout: CheckoutCopy) -> None:
    line = checkout.append("apps/orders/app.py", '\n\n@app.route("/all")\ndef everything(): ...\n')
    found = checkout.only(served)
    assert (found.path, found.line) == (Path("apps/orders/app.py"), line + 2)


def test_blueprint_operation_without_a_handler_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(f"{ROUTES}/orders.py", "@routes.serves(api.CANCEL_ORDER)\n", "")
    assert "No handler serves cancelOrder" in checkout.only(served).what


def test_blueprint_that_is_not_registered_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/storefront_api/app.py", "app.register_blueprint(webhooks.routes)\n", "")
    assert "No handler serves receivePaymentWebhook" in checkout.only(served).what


def test_blueprint_route_outside_the_contract_is_reported(checkout: CheckoutCopy) -> None:
    path = f"{ROUTES}/orders.py"
    line = checkout.append(path, '\n\n@routes.route("/all")\ndef everything(): ...\n')
    found = checkout.only(served)
    assert (found.path, found.line) == (Path(path), line + 2)


# events


def test_emitted_event_that_is_not_declared_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/orders/service.toml", '"shop.order.changed.v1", ', "")
    found = checkout.only(events)
    assert found.path == Path(f"{ORDERS}/events.py")
    assert found.line > 1
    assert "emits shop.order.changed.v1, which its service.toml does not declare" in found.what


def test_consumed_event_that_is_not_declared_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/toys/service.toml", 'listens = ["shop.file.ready.v1"]', "listens = []")
    found = checkout.only(events)
    path = "apps/toys/chalicelib/toys/bootstrap.py"
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "events.FILE_READY"))
    assert "consumes shop.file.ready.v1" in found.what


def test_declared_event_that_no_code_uses_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/toys/service.toml",
        '"shop.file.ready.v1"',
        '"shop.file.ready.v1", "shop.file.rejected.v1"',
    )
    assert "declares that it consumes shop.file.rejected.v1" in checkout.only(events).what


def test_consumed_event_that_no_filter_policy_selects_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/payments/delivery.yaml", "                - shop.order.cancelled.v1\n", ""
    )
    found = checkout.only(events)
    assert found.path == Path("apps/payments/delivery.yaml")
    assert "No filter policy selects shop.order.cancelled.v1" in found.what


def test_subscription_to_a_topic_without_the_event_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/toys/delivery.yaml", "-file-manager-events", "-orders-events")
    found = checkout.only(events)
    assert found.line == checkout.line_of("apps/toys/delivery.yaml", "type:")
    assert "expects shop.file.ready.v1 on the topic orders-events" in found.what


# imports


def test_import_of_another_app_is_reported(checkout: CheckoutCopy) -> None:
    checkout.append(f"{ORDERS}/store.py", "\nfrom chalicelib.toys import domain as toys\n")
    line = checkout.line_of(f"{ORDERS}/store.py", "chalicelib.toys")
    found = checkout.only(imports)
    assert (found.path, found.line) == (Path(f"{ORDERS}/store.py"), line)
    assert "orders imports chalicelib.toys.domain, which belongs to toys" in found.what


def test_lib_that_imports_an_app_is_reported(checkout: CheckoutCopy) -> None:
    path = "libs/chassis/src/chassis/ids.py"
    checkout.append(path, "\nfrom chalicelib.orders.domain import place\n")
    found = checkout.only(imports)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "chalicelib"))
    assert "which is part of an app" in found.what


def test_contract_that_imports_the_chassis_is_reported(checkout: CheckoutCopy) -> None:
    path = "libs/contracts/src/contracts/money.py"
    checkout.append(path, "\nfrom chassis import log\n")
    assert "contracts contain only types" in checkout.only(imports).what


# layers


@pytest.mark.parametrize(
    ("module", "statement", "what"),
    [
        (
            "domain",
            "from chalicelib.orders.store import OrderStore",
            "the domain imports no other module of the app",
        ),
        ("domain", "import urllib3", "the domain knows no AWS, HTTP or database"),
        ("domain", "from chassis import aws", "the domain knows no AWS, HTTP or database"),
        ("service", "import botocore.session", "use cases know neither AWS nor a database"),
        ("store", "from chalicelib.orders.service import OrderService", "store imports service"),
        ("events", "from chalicelib.orders.bootstrap import build", "a higher layer"),
        ("service", "import app", "the entry point"),
    ],
)
def test_import_of_a_higher_layer_or_technology_is_reported(
    checkout: CheckoutCopy, module: str, statement: str, what: str
) -> None:
    path = f"{ORDERS}/{module}.py"
    line = checkout.append(path, f"{statement}\n")
    found = [finding for finding in checkout.findings(layers) if what in finding.what]
    assert [(finding.path, finding.line) for finding in found] == [(Path(path), line)]


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import dataclasses", True),
        ("from chassis.ids import derived_id", True),
        ("import urllib3", False),
        ("from chassis import aws", False),
        ("from chalicelib.orders.events import events_of", False),
    ],
)
def test_domain_may_be_several_modules_if_each_is_pure(
    checkout: CheckoutCopy, statement: str, allowed: bool
) -> None:
    (checkout.root / ORDERS / "rules.py").write_text(f"{statement}\n")
    line = checkout.append(f"{ORDERS}/domain.py", "from chalicelib.orders import rules\n")
    found = [(finding.path.name, finding.line) for finding in checkout.findings(layers)]
    assert found == ([] if allowed else [("domain.py", line)])


def test_import_cycle_within_an_app_is_reported(checkout: CheckoutCopy) -> None:
    checkout.append(f"{ORDERS}/store.py", "import chalicelib.orders.events\n")
    found = checkout.only(layers)
    assert "import each other: " in found.what
    assert "events" in found.what
    assert "store" in found.what


# clients


def test_undeclared_client_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/orders/service.toml", '"sns", ', "")
    found = checkout.only(clients)
    path = f"{ORDERS}/bootstrap.py"
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, 'aws.client("sns")'))


def test_declared_client_that_no_code_creates_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace("apps/orders/service.toml", '"sns", ', '"sns", "kms", ')
    assert "declares that it uses kms, which no code does" in checkout.only(clients).what


# actions


def test_action_that_the_code_no_longer_uses_is_reported(checkout: CheckoutCopy) -> None:
    path = "apps/orders/.chalice/policy-api_handler-local.json"
    checkout.replace(path, '"dynamodb:GetItem"', '"dynamodb:GetItem", "dynamodb:Scan"')
    found = checkout.only(actions)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "Scan"))
    assert "is allowed dynamodb:Scan, which its code never uses" in found.what


def test_action_that_the_policy_lacks_is_reported_at_its_call(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/payments/.chalice/policy-charge-local.json", '"dynamodb:GetItem"', '"sqs:SendMessage"'
    )
    found = checkout.only(actions)
    path = "apps/payments/chalicelib/payments/store.py"
    assert (found.path, found.line) == (
        Path(path),
        checkout.line_of(path, "TransactionRecord.get("),
    )
    assert "charge needs dynamodb:GetItem here" in found.what


def test_write_in_a_transaction_needs_its_own_action(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/toys/.chalice/policy-api_handler-local.json",
        '"dynamodb:DeleteItem"',
        '"dynamodb:ConditionCheckItem"',
    )
    path = "apps/toys/chalicelib/toys/store.py"
    lacking, unused = sorted(
        checkout.findings(actions), key=lambda finding: "never" in finding.what
    )
    assert (lacking.path, lacking.line) == (
        Path(path),
        checkout.line_of(path, "transaction.delete("),
    )
    assert "api_handler needs dynamodb:DeleteItem here" in lacking.what
    assert "is allowed dynamodb:ConditionCheckItem, which its code never uses" in unused.what


def test_consumers_of_one_app_are_distinguished(checkout: CheckoutCopy) -> None:
    """Only `fulfil` calls other services, so `charge` must not be allowed to."""
    checkout.replace(
        "apps/payments/.chalice/policy-charge-local.json",
        '"Statement": [',
        '"Statement": [{"Sid": "Mail", "Effect": "Allow", "Action": "execute-api:Invoke",'
        ' "Resource": "arn:aws:execute-api:*:*:toyshop-local-notifications/api/PUT/messages/*"},',
    )
    found = checkout.only(actions)
    assert (
        "charge is allowed to call sendMessage of notifications, which its code never" in found.what
    )


def test_call_that_the_policy_does_not_allow_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/toys/.chalice/policy-images-local.json", "api/DELETE/files/*", "api/DELETE/nothing"
    )
    found = checkout.only(actions)
    assert found.path == Path("apps/toys/chalicelib/toys/service.py")
    assert "images calls deleteFile of file_manager here" in found.what


def test_new_aws_call_is_reported_where_it_is_made(checkout: CheckoutCopy) -> None:
    path = f"{ORDERS}/store.py"
    checkout.replace(
        path,
        "return Stored(record.to_order()",
        "record.save()\n        OrderRecord.scan()\n        return Stored(record.to_order()",
    )
    found = checkout.only(actions)
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "OrderRecord.scan"))
    assert "api_handler needs dynamodb:Scan here" in found.what


def test_action_that_lambda_itself_needs_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/orders/.chalice/policy-on_dynamodb_record-local.json",
        '        "dynamodb:GetShardIterator",\n',
        "",
    )
    assert "Lambda needs dynamodb:GetShardIterator to run" in checkout.only(actions).what


# contracts


def test_breaking_change_of_a_contract_is_reported(checkout: CheckoutCopy) -> None:
    """The rule reports the findings of `./shop contracts`, which has tests of its own."""
    checkout.replace("libs/contracts/src/contracts/files.py", "    reason: str\n", "")
    found = checkout.findings(contracts)
    path = Path("libs/contracts/src/contracts/files.py")
    assert any(finding.path == path and "was removed" in finding.what for finding in found)
