"""The bucket of a stage that its packages, large templates and releases are kept in."""

from botocore.exceptions import ClientError

from shopctl.aws.clients import Cloud


def name(stage: str, account: str) -> str:
    """Return the bucket's name."""
    return f"toyshop-{stage}-deployments-{account}"


def of(cloud: Cloud) -> str:
    """Return the name of the bucket of a cloud's stage."""
    return name(cloud.stage, cloud.account())


def make(cloud: Cloud) -> str:
    """Make sure that the bucket is there; return its name."""
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
    """Store content under a key that is made from it, unless it is there."""
    if not exists(cloud, bucket, key):
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=content)


def exists(cloud: Cloud, bucket: str, key: str) -> bool:
    """Whether there is something under a key."""
    try:
        cloud.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def read(cloud: Cloud, bucket: str, key: str) -> bytes | None:
    """Return what is under a key; None if there is nothing."""
    client = cloud.client("s3")
    try:
        content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "404"):
            return None
        raise
    return content


def keys(cloud: Cloud, bucket: str, prefix: str) -> list[str]:
    """Return the keys that begin with a prefix, in order."""
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
    """Delete what is under a key."""
    cloud.client("s3").delete_object(Bucket=bucket, Key=key)


def url(cloud: Cloud, bucket: str, key: str) -> str:
    """Return where CloudFormation finds what is under a key."""
    return f"{cloud.client('s3').meta.endpoint_url}/{bucket}/{key}"
