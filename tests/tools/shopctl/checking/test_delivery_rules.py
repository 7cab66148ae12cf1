"""Faults planted in asynchronous delivery and data retention, reported with file and line."""

from pathlib import Path

import pytest

from shopctl.checking.rules import alarms, delivery, retained
from support.checkout_copy import CheckoutCopy

# asynchronous functions


@pytest.mark.parametrize(
    ("path", "old", "new", "what"),
    [
        (
            "toys/delivery.yaml",
            "MaximumRetryAttempts: 2",
            "Unused: 2",
            "images has no valid MaximumRetry",
        ),
        (
            "toys/delivery.yaml",
            "MaximumEventAgeInSeconds: 3600",
            "Unused: 1",
            "images has no valid MaximumEv",
        ),
        ("toys/delivery.yaml", "OnFailure:", "OnSuccess:", "it has no failure destination"),
        ("toys/delivery.yaml", 'toys-images-retry"\n', 'orders-retry"\n', "is not a queue of toys"),
        (
            "orders/delivery.yaml",
            "MaximumRecordAgeInSeconds: 72000",
            "Unused: 1",
            "has no valid MaximumRec",
        ),
        # as long as the stream keeps the record
        (
            "orders/delivery.yaml",
            "MaximumRecordAgeInSeconds: 72000",
            "MaximumRecordAgeInSeconds: 86400",
            "has no valid MaximumRec",
        ),
        (
            "orders/delivery.yaml",
            "MaximumRetryAttempts: 100",
            "MaximumRetryAttempts: -1",
            "has no valid Max",
        ),
        ("orders/delivery.yaml", "OnFailure:", "OnSuccess:", "it has no failure destination"),
        ("orders/delivery.yaml", "[ReportBatchItemFailures]", "[]", "retried with its whole batch"),
        (
            "file_manager/delivery.yaml",
            "[ReportBatchItemFailures]",
            "[]",
            "retried with its whole batch",
        ),
        ("toys/delivery.yaml", "deadLetterTargetArn:", "unused:", "SNS cannot deliver to images"),
        (
            "toys/delivery.yaml",
            'images-dead-letters"\n',
            'images-x"\n',
            "SNS cannot deliver to images",
        ),
        (
            "toys/resources.yaml",
            "Service: sns.",
            "Service: s3.",
            "does not accept messages of the topic",
        ),
        (
            "toys/resources.yaml",
            "-file-manager-events",
            "-orders-events",
            "does not accept messages of the",
        ),
        ("payments/resources.yaml", "maxReceiveCount: 12", "unused: 12", "would retry messages of"),
        (
            "payments/resources.yaml",
            "VisibilityTimeout: 360",
            "VisibilityTimeout: 60",
            "becomes visible again while",
        ),
    ],
)
def test_failed_event_that_would_be_lost_or_retried_forever_is_reported(
    checkout: CheckoutCopy, path: str, old: str, new: str, what: str
) -> None:
    checkout.replace(f"apps/{path}", old, new)
    found = checkout.findings(delivery)
    assert any(what in finding.what for finding in found), [str(item) for item in found]
    assert {finding.path for finding in found} == {Path(f"apps/{path}")}
    assert all(finding.line > 1 and finding.remedy for finding in found)


def test_failure_destination_of_another_owner_is_reported(checkout: CheckoutCopy) -> None:
    checkout.replace(
        "apps/orders/resources.yaml",
        "toyshop-${Stage}-orders-relay-dead-letters",
        "toyshop-${Stage}-orders-attic",
    )
    found = checkout.only(delivery)
    path = "apps/orders/delivery.yaml"
    assert (found.path, found.line) == (Path(path), checkout.line_of(path, "Destination:"))
    assert "orders-relay-dead-letters, is not a queue of orders" in found.what


@pytest.mark.parametrize(
    ("path", "old", "new", "what"),
    [
        ("infra/alarms.yaml", "AlarmActions:", "Comment:", "ThrottlesAlarm has no AlarmActions."),
        ("infra/alarms.yaml", "OKActions:", "Comment:", "ThrottlesAlarm has no OKActions."),
        ("infra/alarms.yaml", "throttling.md", "throttle.md", "{description} of a runbook."),
    ],
)
def test_alarm_without_notification_or_runbook_is_reported(
    checkout: CheckoutCopy, path: str, old: str, new: str, what: str
) -> None:
    checkout.replace(path, old, new)
    found = checkout.only(alarms)
    assert found.path == Path(path)
    assert found.line == checkout.line_of(path, "ThrottlesAlarm:")
    description = "The description of ThrottlesAlarm does not end with the address"
    assert found.what == what.format(description=description)


def test_alarm_of_a_service_is_checked_too(checkout: CheckoutCopy) -> None:
    alarm = "\n  ByHand: {Type: AWS::CloudWatch::Alarm, Properties: {}}\n"
    checkout.append("apps/orders/resources.yaml", alarm)
    found = checkout.findings(alarms)
    assert len(found) == 3
    assert {each.path for each in found} == {Path("apps/orders/resources.yaml")}


# data retention


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
def test_resource_that_would_be_deleted_with_its_stack_is_reported(
    checkout: CheckoutCopy, path: str, kind: str, key: str
) -> None:
    file = checkout.root / f"apps/{path}/resources.yaml"
    before, found, after = file.read_text().partition(f"    Type: {kind}\n")
    file.write_text(before + found + after.replace(f"    {key}\n", "", 1))
    finding = checkout.only(retained)
    assert finding.path == Path(f"apps/{path}/resources.yaml")
    assert f"has no {key.partition(':')[0]} that retains it" in finding.what
    # the line of the resource, just before its type
    assert finding.line == before.count("\n")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("orders", "PointInTimeRecoveryEnabled"),
        ("payments", "DeletionProtectionEnabled"),
        ("storefront_api", "DeletionProtection"),
    ],
)
@pytest.mark.parametrize("value", ["false", '{"Fn::If": [RetainsData, false, true]}', None])
def test_data_that_could_be_deleted_or_not_be_restored_is_reported(
    checkout: CheckoutCopy, path: str, key: str, value: str | None
) -> None:
    file = checkout.root / f"apps/{path}/resources.yaml"
    lines = file.read_text().splitlines()
    (number,) = (n for n, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
    indent = lines[number].partition(key)[0]
    lines[number] = f"{indent}{key}: {value}" if value else f"{indent}Another: 1"
    file.write_text("\n".join(lines) + "\n")
    finding = checkout.only(retained)
    assert finding.path == Path(f"apps/{path}/resources.yaml")
    assert finding.what.endswith(f"has no {key}.")
    assert "Fn::If" in finding.remedy
