"""Faults planted in templates, policies and documents, each seen by its rule with file and line."""

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from shopctl.checking import run
from shopctl.checking.diagrams import graph
from shopctl.checking.repository import Repository
from shopctl.checking.rules import (
    configured,
    delivery,
    functions,
    logs,
    network,
    owned,
    policies,
    private,
    retained,
    skeleton,
    templates,
)
from shopctl.deploying import stage_config
from shopctl.project.errors import ShopProblem
from support.checkout_copy import Copy
from support.paths import ROOT

POLICY = "apps/orders/.chalice/policy-api_handler-local.json"
TABLE = "arn:aws:dynamodb:*:*:table/toyshop-local-orders"


def test_the_shop_as_it_is_passes_every_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    # the templates take ten seconds; `tox -e check` looks at them
    quick = tuple(rule for rule in run.RULES if rule not in (logs, templates))
    monkeypatch.setattr(run, "RULES", quick)
    found = [str(finding) for _, findings in run.results(Repository(ROOT)) for finding in findings]
    assert found == []


def test_nothing_else_is_looked_at_while_a_manifest_is_wrong(copy: Copy) -> None:
    copy.replace("apps/toys/service.toml", "[events]", "[events")
    results = list(run.results(Repository(copy.root)))
    assert len(results) == 1
    assert "apps/toys/service.toml" in str(results[0][1][0])


# policies


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (f'"{TABLE}"', f'"{TABLE.replace("orders", "payments")}"', "is not orders's own"),
        (f'"{TABLE}"', f'"{TABLE.replace("local-orders", "*")}"', "is not orders's own"),
        (f'"{TABLE}"', '"*"', "is allowed on everything, and AWS lets it be narrower"),
        (f'"{TABLE}"', '"table/orders"', "is no ARN"),
        (f'"{TABLE}"', '"arn:aws:kms:*:*:key/1"', "orders has nothing in kms"),
        ('"dynamodb:GetItem"', '"dynamodb:Get*"', "dynamodb:Get* allows more than one action"),
        ('"dynamodb:GetItem"', '"dynamodb:ReadItem"', "AWS has no action dynamodb:ReadItem"),
        ('"dynamodb:GetItem"', '"sqs:SendMessage"', "sqs:SendMessage can never apply to"),
    ],
)
def test_policy_that_allows_too_much(copy: Copy, old: str, new: str, what: str) -> None:
    line = copy.line_of(POLICY, old)
    copy.replace(POLICY, old, new)
    found = [finding for finding in copy.findings(policies) if what in finding.what]
    assert found
    assert {finding.path for finding in found} == {Path(POLICY)}
    assert all(finding.remedy for finding in found)
    assert what.startswith("sqs:") or found[0].line == line


def test_policy_that_is_not_json(copy: Copy) -> None:
    copy.replace(POLICY, '"Version": "2012-10-17",', '"Version": "2012-10-17"')
    found = copy.only(policies)
    assert (found.path, found.line) == (Path(POLICY), 3)
    assert found.what.startswith("This is not JSON")


def test_policy_with_an_exception(copy: Copy) -> None:
    copy.replace(POLICY, '"Action": "dynamodb:Query"', '"NotAction": "dynamodb:Scan"')
    assert "does not say what it allows" in copy.only(policies).what


def test_policy_that_lets_call_what_is_not_declared(copy: Copy) -> None:
    path = "apps/toys/.chalice/policy-images-local.json"
    copy.replace(
        path,
        "toyshop-local-file-manager/api/DELETE/files/*",
        "toyshop-local-file-manager/api/*/files/*",
    )
    found = copy.only(policies)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "api/*/files"))
    assert "call lookUpFiles of file_manager" in found.what


def test_declared_call_that_no_policy_allows(copy: Copy) -> None:
    for function in ("fulfil", "fulfil_retry"):
        copy.replace(
            f"apps/payments/.chalice/policy-{function}-local.json",
            "local-notifications/api/PUT/messages/*",
            "local-file-manager/api/PUT/documents/x",
        )
    found = copy.only(policies)
    assert found.path == Path("apps/payments/service.toml")
    assert "lets payments call sendMessage of notifications" in found.what


# functions


def test_function_without_a_policy_file(copy: Copy) -> None:
    (copy.root / POLICY).unlink()
    found = copy.only(functions)
    config = "apps/orders/.chalice/config.json"
    assert (found.path, found.line) == (Path(config), copy.line_of(config, '"api_handler"'))
    assert "api_handler has no policy file of its own" in found.what


def test_policy_file_without_a_function(copy: Copy) -> None:
    shutil.copy(copy.root / POLICY, (copy.root / POLICY).with_name("policy-refund-local.json"))
    found = copy.only(functions)
    assert found.path.name == "policy-refund-local.json"
    assert "No function of orders has this policy" in found.what


def test_policy_file_that_two_functions_share(copy: Copy) -> None:
    copy.replace(
        "apps/orders/.chalice/config.json",
        "policy-on_dynamodb_record-local.json",
        "policy-api_handler-local.json",
    )
    assert any("named after another" in finding.what for finding in copy.findings(functions))


def test_role_with_another_name(copy: Copy) -> None:
    path = "apps/orders/delivery.yaml"
    copy.replace(
        path, 'RoleName: {"Fn::Sub": "toyshop-${Stage}-orders-api', 'RoleName: {"Fn::Sub": "my-api'
    )
    found = copy.only(functions)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "my-api"))


# private means private


def test_private_service_on_a_public_endpoint(copy: Copy) -> None:
    path = "apps/orders/delivery.yaml"
    copy.replace(path, "Type: PRIVATE", "Type: REGIONAL")
    found = copy.only(private)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "REGIONAL"))
    assert "orders is private, and its endpoint is REGIONAL" in found.what


def test_public_route_on_a_private_service(copy: Copy) -> None:
    path = "apps/orders/app.py"
    copy.replace(path, "@app.serves(api.LIST)", "@app.serves(api.LIST, authorizer=None)")
    found = copy.only(private)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "authorizer=None"))


def test_private_service_whose_app_is_public(copy: Copy) -> None:
    path = "apps/orders/app.py"
    copy.replace(
        path, 'ServiceApp("toyshop-orders", settings)', 'ServiceApp("o", settings, public=True)'
    )
    found = copy.only(private)
    assert found.line == copy.line_of(path, "public=True")
    assert "orders is private by its service.toml, and its app is public" in found.what


def test_api_that_another_role_may_call(copy: Copy) -> None:
    path = "apps/orders/.chalice/callers-local.json"
    copy.replace(path, "storefront-api-api-handler", "storefront-api-jwt-authorizer")
    found = copy.only(configured)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "jwt-authorizer"))
    assert "run ./shop configure" in found.remedy


def test_generated_files_that_are_stale_or_left_over(copy: Copy) -> None:
    # GIVEN a permission that service.toml does not have, a policy that is missing, and one that
    # no function has
    directory = copy.root / "apps/orders/.chalice"
    copy.replace(POLICY, '"dynamodb:GetItem"', '"dynamodb:Scan"')
    line = copy.line_of(POLICY, "Scan")
    (directory / "policy-backfill-local.json").rename(directory / "policy-refund-local.json")
    # WHEN they are compared with what ./shop configure would write THEN each is found
    assert [(finding.path.name, finding.line) for finding in copy.findings(configured)] == [
        ("policy-api_handler-local.json", line),
        ("policy-backfill-local.json", 1),
        ("policy-refund-local.json", 1),
    ]


def test_manifest_that_cannot_be_rendered(copy: Copy) -> None:
    copy.replace("apps/orders/service.toml", '"table:orders"\n', '"table:toys"\n')
    found = copy.only(configured)
    assert found.path == Path("apps/orders/service.toml")
    assert "`environment.TABLE_NAME` names toys, which is not in owns.tables" in found.what


def test_api_whose_policy_is_not_packaged(copy: Copy) -> None:
    path = "apps/orders/.chalice/config.json"
    line = copy.line_of(path, "api_gateway_policy_file")
    copy.replace(path, "callers-local.json", "everyone.json")
    found = copy.only(private)
    assert (found.path, found.line) == (Path(path), line)


# asynchronous functions


@pytest.mark.parametrize(
    ("path", "old", "new", "what"),
    [
        (
            "toys/delivery.yaml",
            "MaximumRetryAttempts: 2",
            "Unused: 2",
            "images has no MaximumRetry",
        ),
        (
            "toys/delivery.yaml",
            "MaximumEventAgeInSeconds: 3600",
            "Unused: 1",
            "images has no MaximumEv",
        ),
        ("toys/delivery.yaml", "OnFailure:", "OnSuccess:", "it has no failure destination"),
        ("toys/delivery.yaml", 'toys-images-retry"\n', 'orders-retry"\n', "is not toys's"),
        (
            "orders/delivery.yaml",
            "MaximumRecordAgeInSeconds: 86400",
            "Unused: 1",
            "has no MaximumRec",
        ),
        (
            "orders/delivery.yaml",
            "MaximumRetryAttempts: 100",
            "MaximumRetryAttempts: -1",
            "has no Max",
        ),
        ("orders/delivery.yaml", "OnFailure:", "OnSuccess:", "it has no failure destination"),
        ("orders/delivery.yaml", "[ReportBatchItemFailures]", "[]", "its whole batch again"),
        ("file_manager/delivery.yaml", "[ReportBatchItemFailures]", "[]", "its whole batch again"),
        ("toys/delivery.yaml", "deadLetterTargetArn:", "unused:", "SNS cannot hand to images"),
        (
            "toys/delivery.yaml",
            'images-dead-letters"\n',
            'images-x"\n',
            "SNS cannot hand to images",
        ),
        ("toys/resources.yaml", "Service: sns.", "Service: s3.", "takes nothing of the topic"),
        ("toys/resources.yaml", "-file-manager-events", "-orders-events", "takes nothing of the"),
        ("orders/resources.yaml", "AlarmActions:", "OKActions:", "RelayDeadLettersAlarm tells no"),
        ("orders/resources.yaml", "/alarms/topic-arn", "/orders/topic-arn", "tells nobody"),
        (
            "orders/resources.yaml",
            "[RelayDeadLetters, QueueName]",
            "[Other, QueueName]",
            "Nobody is told",
        ),
        ("payments/resources.yaml", "maxReceiveCount: 12", "unused: 12", "would try what is in"),
        (
            "payments/resources.yaml",
            "VisibilityTimeout: 360",
            "VisibilityTimeout: 60",
            "comes back while",
        ),
    ],
)
def test_failure_that_would_be_lost(copy: Copy, path: str, old: str, new: str, what: str) -> None:
    copy.replace(f"apps/{path}", old, new)
    found = copy.findings(delivery)
    assert any(what in finding.what for finding in found), [str(item) for item in found]
    assert {finding.path for finding in found} == {Path(f"apps/{path}")}
    assert all(finding.line > 1 and finding.remedy for finding in found)


def test_missing_dead_letter_queue(copy: Copy) -> None:
    copy.replace(
        "apps/orders/resources.yaml",
        "toyshop-${Stage}-orders-relay-dead-letters",
        "toyshop-${Stage}-orders-attic",
    )
    found = copy.only(delivery)
    path = "apps/orders/delivery.yaml"
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "Destination:"))
    assert "orders-relay-dead-letters, is not orders's" in found.what


# what is kept


@pytest.mark.parametrize(
    ("path", "kind", "key"),
    [
        ("orders", "AWS::SNS::Topic", "DeletionPolicy: RetainExceptOnCreate"),
        ("orders", "AWS::SecretsManager::Secret", "UpdateReplacePolicy: Retain"),
        ("payments", "AWS::SQS::Queue", "DeletionPolicy: RetainExceptOnCreate"),
        ("storefront_api", "AWS::Cognito::UserPool", "UpdateReplacePolicy: Retain"),
        ("file_manager", "AWS::S3::Bucket", "DeletionPolicy: RetainExceptOnCreate"),
    ],
)
def test_resource_that_would_go_with_its_stack(copy: Copy, path: str, kind: str, key: str) -> None:
    file = copy.root / f"apps/{path}/resources.yaml"
    before, found, after = file.read_text().partition(f"    Type: {kind}\n")
    file.write_text(before + found + after.replace(f"    {key}\n", "", 1))
    finding = copy.only(retained)
    assert finding.path == Path(f"apps/{path}/resources.yaml")
    assert f"has no {key.partition(':')[0]} that keeps it" in finding.what
    # the line of the resource, which stands before its type
    assert finding.line == before.count("\n")


# the network

NETWORK = "infra/network.yaml"


def test_service_without_an_endpoint_in_the_network(copy: Copy) -> None:
    copy.replace(NETWORK, "${AWS::Region}.secretsmanager", "${AWS::Region}.kms")
    idle, missing = sorted(copy.findings(network), key=lambda finding: finding.path, reverse=True)
    assert (idle.path, idle.line) == (Path(NETWORK), copy.line_of(NETWORK, "  SecretsManager:"))
    assert idle.what == "No function in the network calls kms."
    assert missing.path == Path("apps/toys/.chalice/policy-api_handler-local.json")
    assert "which has no endpoint of secretsmanager" in missing.what


def test_function_in_the_network_that_calls_something_else(copy: Copy) -> None:
    path = "apps/payments/.chalice/policy-fulfil-local.json"
    copy.replace(path, '"dynamodb:PutItem"', '"ses:SendEmail"')
    found = copy.only(network)
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "ses:SendEmail"))


def test_way_out_of_the_network(copy: Copy) -> None:
    copy.append(NETWORK, "  Way:\n    Type: AWS::EC2::InternetGateway\n")
    found = copy.only(network)
    assert (found.line, found.what) == (
        copy.line_of(NETWORK, "  Way:"),
        "Way leads to the internet.",
    )


# what is owned


def test_resource_that_is_not_declared(copy: Copy) -> None:
    copy.replace("apps/orders/service.toml", 'topics = ["orders-events"]\n', "")
    found = copy.only(owned)
    path = "apps/orders/resources.yaml"
    assert (found.path, found.line) == (Path(path), copy.line_of(path, "  Topic:"))


def test_resource_with_another_services_name(copy: Copy) -> None:
    copy.replace("apps/orders/resources.yaml", "-orders-events", "-payments-events")
    found = copy.findings(owned)
    assert any("does not begin with toyshop-<stage>-orders" in item.what for item in found)


def test_declared_resource_that_no_template_creates(copy: Copy) -> None:
    copy.replace("apps/orders/service.toml", "[owns]", '[owns]\nbuckets = ["orders-attic"]')
    assert "owns orders-attic, and no template creates it" in copy.only(owned).what


# one skeleton


def test_file_that_an_app_lacks(copy: Copy) -> None:
    (copy.root / "apps/orders/README.md").unlink()
    assert copy.only(skeleton).what == "orders lacks README.md."


def test_file_that_no_other_app_has(copy: Copy) -> None:
    (copy.root / "apps/orders/utils.py").write_text("")
    found = copy.only(skeleton)
    assert found.path == Path("apps/orders/utils.py")


def test_lib_that_is_copied_instead_of_linked(copy: Copy) -> None:
    link = copy.root / "apps/orders/vendor/chassis"
    link.unlink()
    link.mkdir()
    assert copy.only(skeleton).what == "orders does not ship chassis."


# diagrams


def test_a_state_machine_that_was_changed(copy: Copy) -> None:
    copy.replace(
        "apps/orders/chalicelib/orders/domain.py",
        '"cancelled": frozenset(),',
        '"cancelled": frozenset({"placed"}),',
    )
    found = copy.findings(graph)
    assert [finding.path for finding in found] == [
        Path("apps/orders/README.md"),
        Path("docs/states.md"),
    ]
    assert all("the states of orders" in finding.what for finding in found)
    graph.write(Repository(copy.root))
    assert copy.findings(graph) == []
    assert "cancelled --> placed" in (copy.root / "docs/states.md").read_text()


def test_a_state_that_a_machine_begins_in(copy: Copy) -> None:
    copy.replace("apps/payments/chalicelib/payments/domain.py", "def opened(", "def _opened(")
    assert [finding.path for finding in copy.findings(graph)] == [
        Path("apps/payments/README.md"),
        Path("docs/states.md"),
    ]


def test_diagram_that_has_drifted_is_seen_and_written_anew(copy: Copy) -> None:
    copy.replace("README.md", "toys --> file_manager", "toys --> orders")
    found = copy.only(graph)
    assert (found.path, found.line) == (Path("README.md"), copy.line_of("README.md", "<!-- depend"))
    assert graph.write(Repository(copy.root)) == [copy.root / "README.md"]
    assert (copy.root / "README.md").read_text() == (ROOT / "README.md").read_text()
    assert copy.findings(graph) == []


def test_diagram_that_is_gone(copy: Copy) -> None:
    copy.replace("docs/architecture.md", "<!-- event flow", "<!-- no flow")
    assert "The diagram of the event flow is not here" in copy.only(graph).what


def test_diagrams_are_drawn_for_people_too(copy: Copy, tmp_path: Path) -> None:
    # WHEN the pictures are asked for
    paths = graph.save(Repository(copy.root), tmp_path / "pictures")
    diagrams = graph.diagrams(Repository(copy.root))
    # THEN each is an SVG with all that its Mermaid text has
    assert [path.stem for path in paths] == [name.replace(" ", "-") for name in diagrams]
    assert {"dependencies", "event-flow"} < {path.stem for path in paths}
    for path, diagram in zip(paths, diagrams.values(), strict=True):
        picture = ElementTree.parse(path)
        svg = "{http://www.w3.org/2000/svg}"
        kinds = [group.get("class") for group in picture.iter(f"{svg}g")]
        assert kinds.count("node") == len(diagram.nodes)
        assert kinds.count("edge") == len(diagram.arrows)
        texts = {text.text for text in picture.iter(f"{svg}text")}
        assert texts >= {label for label, _ in diagram.nodes.values()}


def test_pictures_that_cannot_be_written_are_a_sentence(copy: Copy, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ShopProblem, match="cannot be written"):
        graph.save(Repository(copy.root), tmp_path / "file")


# templates


def only_orders(copy: Copy) -> None:
    for name in ("file_manager", "notifications", "payments", "storefront_api", "toys"):
        shutil.rmtree(copy.root / "apps" / name)


def test_app_without_log_groups(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a configuration without log retention, for which Chalice makes no log groups at all
    only_orders(copy)
    monkeypatch.setattr(stage_config, "LOG_RETENTION_DAYS", None)
    group = '  ApiHandlerLogGroup:\n    Properties:\n      LogGroupName: {"Fn::Sub": "/aws/lambda/'
    copy.replace("apps/orders/delivery.yaml", group + '${APIHandler}"}\n', "")
    # THEN every function is found, in each of the three stages
    assert len(copy.findings(logs)) == 9


def test_template_that_cloudformation_would_not_take(copy: Copy) -> None:
    only_orders(copy)
    copy.replace("apps/orders/resources.yaml", "SSEEnabled: true", "SSEEnabled: perhaps")
    function = 'FunctionName: {"Fn::Sub": "toyshop-${Stage}-orders-on-dynamodb-record"}'
    copy.replace("apps/orders/delivery.yaml", function, f"{function}\n      MemorySize: 7")
    found = {finding.path: finding for finding in copy.findings(templates)}
    assert set(found) == {Path("apps/orders/resources.yaml"), Path("apps/orders/delivery.yaml")}
    in_resources = found[Path("apps/orders/resources.yaml")]
    assert in_resources.line == copy.line_of("apps/orders/resources.yaml", "perhaps")
    assert "E3012" in in_resources.what
    # the packaged template has no lines of its own: the function's in delivery.yaml stands in
    in_delivery = found[Path("apps/orders/delivery.yaml")]
    assert in_delivery.line == copy.line_of("apps/orders/delivery.yaml", "  OnDynamodbRecord:")


def test_function_without_log_retention(copy: Copy) -> None:
    only_orders(copy)
    copy.replace("apps/orders/delivery.yaml", "${APIHandler}", "orders")
    found = copy.findings(logs)
    # once for each stage
    assert len(found) == 3
    assert {finding.path for finding in found} == {Path("apps/orders/delivery.yaml")}
    assert found[0].what.startswith("What APIHandler logs in the stage ")


def test_template_of_another_stage_that_cloudformation_would_not_take(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN a fault that is in the templates of stages on AWS alone
    only_orders(copy)
    settings = {"subnet_ids": ["here"], "security_group_ids": ["sg-0123456789abcdef0"]}
    monkeypatch.setattr(stage_config.network, "is_inside", lambda _: True)
    monkeypatch.setattr(stage_config.network, "settings", lambda _: settings)
    # WHEN the templates are looked at
    found = copy.findings(templates)
    # THEN it is seen, in both of them, of each function
    assert len(found) == 6
    assert all("VpcConfig.SubnetIds" in finding.what for finding in found)


def test_template_of_what_no_service_owns(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    only_orders(copy)
    copy.replace("infra/alarms.yaml", "Statistic: Sum", "Statistic: Most")
    found = copy.only(templates)
    line = copy.line_of("infra/alarms.yaml", "Most")
    assert (found.path, found.line) == (Path("infra/alarms.yaml"), line)
    # AND what cfn-lint was content with it is not asked about again
    asked: list[Path] = []
    monkeypatch.setattr(templates, "_lint", lambda paths: asked.extend(paths) or [])
    assert copy.findings(templates) == []
    assert asked == [copy.root / "infra/alarms.yaml"]


def test_app_that_chalice_cannot_package(copy: Copy) -> None:
    only_orders(copy)
    copy.append("apps/orders/app.py", "raise RuntimeError\n")
    assert "Chalice cannot package orders" in copy.only(templates).what
