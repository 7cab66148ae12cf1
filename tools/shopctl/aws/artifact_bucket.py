"""The S3 bucket that holds a stage's packages, large templates and releases."""

from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud
from shopctl.project import aws_names


def of(cloud: Cloud) -> str:
    """Return the name of a stage's bucket."""
    return aws_names.deployment_bucket(cloud.stage, cloud.account())


def ensure(cloud: Cloud) -> str:
    """Create the bucket unless it exists; return its name."""
    bucket = of(cloud)
    client = cloud.client("s3")
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError:
        region = client.meta.region_name
        place = {} if region == "us-east-1" else {"LocationConstraint": region}
        options = {"CreateBucketConfiguration": place} if place else {}
        client.create_bucket(Bucket=bucket, **options)
    return bucket


def upload(cloud: Cloud, bucket: str, key: str, content: bytes) -> None:
    """Store content under a key that is derived from it, unless the key exists."""
    if not exists(cloud, bucket, key):
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=content)


def exists(cloud: Cloud, bucket: str, key: str) -> bool:
    """Return whether a key exists."""
    try:
        cloud.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def read(cloud: Cloud, bucket: str, key: str) -> bytes | None:
    """Return the content of a key; None if it does not exist."""
    client = cloud.client("s3")
    try:
        content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "404"):
            return None
        raise
    return content


def keys(cloud: Cloud, bucket: str, prefix: str) -> list[str]:
    """Return the keys with a prefix in alphabetical order."""
    pages = cloud.client("s3").get_paginator("list_objects_v2")
    try:
        return sorted(
            item["Key"]
            for page in pages.paginate(Bucket=bucket, Prefix=prefix)
            for item in page.get("Contents", [])
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return []
        raise


def delete(cloud: Cloud, bucket: str, key: str) -> None:
    """Delete a key."""
    cloud.client("s3").delete_object(Bucket=bucket, Key=key)


def url(cloud: Cloud, bucket: str, key: str) -> str:
    """Return the URL of a key for CloudFormation."""
    return f"{cloud.client('s3').meta.endpoint_url}/{bucket}/{key}"
