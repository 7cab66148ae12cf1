"""Faults planted in an app's code and manifest, each seen by its rule with file and line."""

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
from support.checkout_copy import Copy

ROUTES = "apps/storefront_api/chalicelib/storefront_api/routes"
CATALOGUE = "apps/storefront_api/chalicelib/storefront_api/catalogue.py"
ORDERS = "apps/orders/chalicelib/orders"


# manifests


@pytest.mark.parametrize(
    ("path", "old", "new", "what"),
    [
        ("toys", "[objectives]", "[wishes]", "`wishes` is not a key of a manifest."),
        ("toys", 'visibility = "private"', 'visibility = "secret"', "`visibility` is wrong"),
        ("toys", "[events]", "[events", "is not valid TOML"),
        ("toys", '"deleteFile"', '"shredFile"', "file_manager has no operation shredFile."),
        ("toys", "file_manager = [", "returns = [", "It calls returns, a service that is not"),
        ("toys", "shop.file.ready.v1", "shop.file.lost.v1", "No service emits shop.file.lost.v1."),
        ("orders", "order.placed.v1", "order.planned.v1", "There is no event shop.order.planned"),
        ("toys", "contracts.toys", "contracts.games", "There is no contract `contracts.games`."),
    ],
)
def test_manifest_that_is_wrong(copy: Copy, path: str, old: str, new: str, what: str) -> None:
    manifest = f"apps/{path}/service.toml"
    line = copy.line_of(manifest, old)
    copy.replace(manifest, old, new)
    found = [finding for finding in copy.findings(manifests) if what in finding.what]
    assert [(finding.path, finding.line) for finding in found] == [(Path(manifest), line)]
    assert found[0].remedy


# the graph


def test_cycle_of_calls(copy: Copy) -> None:
    copy.replace(
        "apps/orders/service.toml", "[calls]", '[calls]\npayments = ["lookUpTransactions"]'
    )
    found = copy.only(cycles)
    assert "cycle: " in found.what
    assert found.what.count("→") == 2
    assert found.path in (Path("apps/orders/service.toml"), Path("apps/payments/service.toml"))
    assert found.line > 1


def test_cycle_through_an_event(copy: Copy) -> None:
    copy.replace(
        "apps/orders/service.toml", "listens = []", 'listens = ["shop.payment.succeeded.v1"]'
    )
    assert "cycle: " in copy.only(cycles).what


def test_own_events_are_no_cycle(copy: Copy) -> None:
    # payments listens to itself as it is
    assert copy.findings(cycles) == []


# calls


def test_call_that_is_not_declared(copy: Copy) -> None:
    copy.replace("apps/storefront_api/service.toml", '    "createToy",\n', "")
    found = copy.only(calls)
    assert (found.path, found.line) == (
        Path(CATALOGUE),
        copy.line_of(CATALOGUE, "call(api.CREATE"),
    )
    assert "calls createToy of toys, which its service.toml does not say" in found.what
    assert found.remedy.startswith('Add "createToy" to `calls.toys`')


def test_declared_call_that_no_code_makes(copy: Copy) -> None:
    copy.replace("apps/toys/service.toml", '"deleteFile"', '"deleteFile", "lookUpFiles"')
    found = copy.only(calls)
    assert found.line == copy.line_of("apps/toys/service.toml", '"lookUpFiles"')
    assert "declares that it calls lookUpFiles of file_manager, and no code does" in found.what


def test_call_of_something_unknown(copy: Copy) -> None:
    copy.replace(CATALOGUE, "self._toys.call(api.CREATE,", "self._toys.call(pick(),")
    found = copy.findings(calls)
    assert any("`pick()`, cannot be told" in finding.what for finding in found)


# what is served


def test_operation_without_a_handler(copy: Copy) -> None:
    copy.replace("apps/orders/app.py", "@app.serves(api.CANCEL)\n", "")
    assert "No handler serves cancelOrder" in copy.only(served).what


def test_route_outside_the_contract(copy: Copy) -> None:
    line = copy.append("apps/orders/app.py", '\n\n@app.route("/all")\ndef everything(): ...\n')
    found = copy.only(served)
    assert (found.path, found.line) == (Path("apps/orders/app.py"), line + 2)


def test_blueprint_operation_without_a_handler(copy: Copy) -> None:
    copy.replace(f"{ROUTES}/orders.py", "@routes.serves(api.CANCEL_ORDER)\n", "")
    assert "No handler serves cancelOrder" in copy.only(served).what


def test_blueprint_that_is_not_registered(copy: Copy) -> None:
    copy.replace("apps/storefront_api/app.py", "app.register_blueprint(webhooks.routes)\n", "")
    assert "No handler serves receivePaymentWebhook" in copy.only(served).what


def test_blueprint_route_outside_the_contract(copy: Copy) -> None:
    path = f"{ROUTES}/orders.py"
    line = copy.append(path, '\n\n@routes.route("/all")\ndef everything(): ...\n')
    found = copy.only(served)
    assert (found.path, found.line) == (Path(path), line + 2)


# events


def test_emitted_event_that_is_not_declared(copy: Copy) -> None:
    copy.replace("apps/orders/service.toml", '"shop.order.changed.v1", ', "")
    found = copy.only(events)
    assert found.path == Path(f"{ORDERS}/events.py")
    assert found.line > 1
    assert "emits shop.order.changed.v1, which its service.toml does not say" in found.what


def test_consumed_event_that_is_not_declared(copy: Copy) -> None:
    copy.replace("apps/toys/service.toml", 'listens = ["shop.file.ready.v1"]', "listens = []")
    found = copy.only(events)
    path = "apps/toys/chalicelib/toys/bootstrap.py"
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "events.FILE_READY"))
    assert "consumes shop.file.ready.v1" in found.what


def test_declared_event_that_no_code_knows(copy: Copy) -> None:
    copy.replace(
        "apps/toys/service.toml",
        '"shop.file.ready.v1"',
        '"shop.file.ready.v1", "shop.file.rejected.v1"',
    )
    assert "declares that it consumes shop.file.rejected.v1" in copy.only(events).what


def test_event_that_no_subscription_lets_through(copy: Copy) -> None:
    copy.replace("apps/payments/delivery.yaml", "                - shop.order.cancelled.v1\n", "")
    found = copy.only(events)
    assert found.path == Path("apps/payments/delivery.yaml")
    assert "No subscription lets shop.order.cancelled.v1 through" in found.what


def test_subscription_to_a_topic_that_never_carries_the_event(copy: Copy) -> None:
    copy.replace("apps/toys/delivery.yaml", "-file-manager-events", "-orders-events")
    found = copy.only(events)
    assert found.line == copy.line_of("apps/toys/delivery.yaml", "type:")
    assert "waits for shop.file.ready.v1 on the topic orders-events" in found.what


# imports


def test_import_of_another_app(copy: Copy) -> None:
    copy.append(f"{ORDERS}/store.py", "\nfrom chalicelib.toys import domain as toys\n")
    line = copy.line_of(f"{ORDERS}/store.py", "chalicelib.toys")
    found = copy.only(imports)
    assert (found.path, found.line) == (Path(f"{ORDERS}/store.py"), line)
    assert "orders imports chalicelib.toys.domain, which belongs to toys" in found.what


def test_lib_that_imports_an_app(copy: Copy) -> None:
    path = "libs/chassis/src/chassis/ids.py"
    copy.append(path, "\nfrom chalicelib.orders.domain import place\n")
    found = copy.only(imports)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "chalicelib"))
    assert "a part of an app" in found.what


def test_contracts_that_import_the_chassis(copy: Copy) -> None:
    path = "libs/contracts/src/contracts/money.py"
    copy.append(path, "\nfrom chassis import log\n")
    assert "contracts are types alone" in copy.only(imports).what


# layers


@pytest.mark.parametrize(
    ("module", "statement", "what"),
    [
        (
            "domain",
            "from chalicelib.orders.store import OrderStore",
            "the rules stand on their own",
        ),
        ("domain", "import urllib3", "the rules know no AWS, HTTP or database"),
        ("domain", "from chassis import aws", "the rules know no AWS, HTTP or database"),
        ("service", "import botocore.session", "the use cases know no AWS"),
        ("store", "from chalicelib.orders.service import OrderService", "store imports service"),
        ("events", "from chalicelib.orders.bootstrap import build", "which is above it"),
        ("service", "import app", "the entry point"),
    ],
)
def test_import_that_goes_upwards(copy: Copy, module: str, statement: str, what: str) -> None:
    path = f"{ORDERS}/{module}.py"
    line = copy.append(path, f"{statement}\n")
    found = [finding for finding in copy.findings(layers) if what in finding.what]
    assert [(finding.path, finding.line) for finding in found] == [(Path(path), line)]


def test_modules_that_import_each_other(copy: Copy) -> None:
    copy.append(f"{ORDERS}/store.py", "import chalicelib.orders.events\n")
    found = copy.only(layers)
    assert "import each other: " in found.what
    assert "events" in found.what
    assert "store" in found.what


# clients


def test_client_that_is_not_declared(copy: Copy) -> None:
    copy.replace("apps/orders/service.toml", '"sns", ', "")
    found = copy.only(clients)
    path = f"{ORDERS}/bootstrap.py"
    assert (found.path, found.line) == (Path(path), copy.line_of(path, 'aws.client("sns")'))


def test_declared_client_that_no_code_makes(copy: Copy) -> None:
    copy.replace("apps/orders/service.toml", '"sns", ', '"sns", "kms", ')
    assert "declares that it uses kms, and no code does" in copy.only(clients).what


# actions


def test_action_that_the_code_no_longer_uses(copy: Copy) -> None:
    path = "apps/orders/.chalice/policy-api_handler-local.json"
    copy.replace(path, '"dynamodb:GetItem"', '"dynamodb:GetItem", "dynamodb:Scan"')
    found = copy.only(actions)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "Scan"))
    assert "may dynamodb:Scan, and no code that it reaches does" in found.what


def test_action_that_the_policy_lacks(copy: Copy) -> None:
    copy.replace(
        "apps/payments/.chalice/policy-charge-local.json", '"dynamodb:GetItem"', '"sqs:SendMessage"'
    )
    found = copy.only(actions)
    path = "apps/payments/chalicelib/payments/store.py"
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "TransactionRecord.get("))
    assert "charge needs dynamodb:GetItem here" in found.what


def test_use_that_disappears_from_one_function_alone(copy: Copy) -> None:
    """Two consumers of one app are told apart: only the receipt asks neighbours."""
    copy.replace(
        "apps/payments/.chalice/policy-charge-local.json",
        '"Statement": [',
        '"Statement": [{"Sid": "Mail", "Effect": "Allow", "Action": "execute-api:Invoke",'
        ' "Resource": "arn:aws:execute-api:*:*:toyshop-local-notifications/api/PUT/messages/*"},',
    )
    found = copy.only(actions)
    assert "charge may call sendMessage of notifications, and no code" in found.what


def test_call_that_the_policy_does_not_allow(copy: Copy) -> None:
    copy.replace(
        "apps/toys/.chalice/policy-images-local.json", "api/DELETE/files/*", "api/DELETE/nothing"
    )
    found = copy.only(actions)
    assert found.path == Path("apps/toys/chalicelib/toys/service.py")
    assert "images calls deleteFile of file_manager here" in found.what


def test_new_call_of_aws_is_seen_where_it_is_made(copy: Copy) -> None:
    path = f"{ORDERS}/store.py"
    copy.replace(
        path,
        "return Stored(record.to_order()",
        "record.save()\n        OrderRecord.scan()\n        return Stored(record.to_order()",
    )
    found = copy.only(actions)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "OrderRecord.scan"))
    assert "api_handler needs dynamodb:Scan here" in found.what


def test_action_that_lambda_itself_needs(copy: Copy) -> None:
    copy.replace(
        "apps/orders/.chalice/policy-on_dynamodb_record-local.json",
        '        "dynamodb:GetShardIterator",\n',
        "",
    )
    assert "Lambda needs dynamodb:GetShardIterator to run" in copy.only(actions).what


# schemas


def test_event_field_that_is_removed(copy: Copy) -> None:
    """What `./shop contracts` finds, this finds too; its own tests say what that is."""
    copy.replace("libs/contracts/src/contracts/files.py", "    reason: str\n", "")
    found = copy.findings(contracts)
    path = Path("libs/contracts/src/contracts/files.py")
    assert any(finding.path == path and "was removed" in finding.what for finding in found)
