"""Which tables and buckets a service's backup contains, and how they are read."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.backup.archive import Item, StoredObject, Writer
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service

_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
)
_CHUNK = 2**20


def service_of(to: Target) -> Service:
    """Return the service to back up or restore.

    Raises
    ------
    ShopProblem
        If it has no data that can be backed up.
    """
    (service,) = to.services
    if not service.manifest.owns.tables and not buckets(service):
        raise ShopProblem(
            f"{service.name} has no table and no bucket with data to back up.",
            "docs/data.md lists the data of each service.",
        )
    return service


def buckets(service: Service) -> list[str]:
    """Return the buckets of a service whose objects cannot be made again."""
    derived = service.manifest.backup.derived_buckets
    return [name for name in service.manifest.owns.buckets if name not in derived]


def table_name(to: Target, name: str) -> str:
    """Return the name of a table."""
    return aws_names.resource(to.stage.name, name)


def temporary_prefix(table: str) -> str:
    """Return how the names of a table's temporary copies begin; the time follows."""
    return f"{table}-at-"


def bucket_name(to: Target, name: str) -> str:
    """Return the name of a bucket."""
    return aws_names.bucket(to.stage, name)


def items(to: Target, table: str) -> Iterator[Item]:
    """Yield the items of a table that are data, with consistent reads.

    Raises
    ------
    ShopProblem
        If the table does not exist.
    """
    (service,) = to.services
    prefix = service.manifest.backup.items
    pages = to.cloud.client("dynamodb").get_paginator("scan")
    try:
        for page in pages.paginate(TableName=table, ConsistentRead=True):
            for item in page["Items"]:
                if not prefix or item["id"]["S"].startswith(prefix):
                    yield item
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise ShopProblem(
                f"There is no table {table}.",
                f"Deploy it: ./shop deploy --stage {to.stage.name} --resources {service.name}.",
            ) from None
        raise


def objects(to: Target, bucket: str, writer: Writer) -> Iterator[StoredObject]:
    """Copy the objects of a bucket, except those that expire, and yield their records."""
    s3 = to.cloud.client("s3")
    expiring = _expiring_prefixes(s3, bucket)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for listed in page.get("Contents", []):
            key = listed["Key"]
            if key.startswith(expiring):
                continue
            try:
                answer = s3.get_object(Bucket=bucket, Key=key)
            except s3.exceptions.NoSuchKey:
                # deleted since it was listed
                continue
            size, sha256 = writer.add(answer["Body"].iter_chunks(_CHUNK))
            headers = {name: answer[name] for name in _HEADERS if answer.get(name)}
            yield StoredObject(key, size, sha256, headers)


def _expiring_prefixes(s3: Any, bucket: str) -> tuple[str, ...]:
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            return ()
        raise
    return tuple(
        prefix
        for rule in rules
        if rule["Status"] == "Enabled" and "Expiration" in rule
        if (prefix := rule.get("Prefix") or rule.get("Filter", {}).get("Prefix"))
    )
