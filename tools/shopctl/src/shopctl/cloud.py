"""Clients of AWS, or of the embedded one."""

import os
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"


@dataclass
class Cloud:
    """One account and region of AWS, or the local cloud.

    Attributes
    ----------
    stage
        The stage that is deployed there.
    endpoint
        The embedded AWS; None is the real one, with the caller's own credentials.
    """

    stage: str
    endpoint: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether this is the embedded AWS."""
        return self.endpoint is not None

    @property
    def poll_seconds(self) -> float:
        """How long to wait between two looks at something in progress."""
        return 0.05 if self.is_local else 3.0

    def client(self, service: str) -> Any:
        """Return the client of an AWS service, always the same one."""
        if service not in self._clients:
            self._clients[service] = self._create(service)
        return self._clients[service]

    def account(self) -> str:
        """Return the account's id."""
        if self.is_local:
            return LOCAL_ACCOUNT
        return str(self.client("sts").get_caller_identity()["Account"])

    def _create(self, service: str) -> Any:
        config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 3},
            max_pool_connections=20,
        )
        if not self.is_local:
            aws: Any = boto3.Session()
            return aws.client(service, config=config)
        # a developer's own profile must not decide what happens in the local cloud
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        local: Any = boto3.Session(
            aws_access_key_id=LOCAL_ACCOUNT,
            aws_secret_access_key="local",  # noqa: S106 - the embedded AWS knows no secrets
            region_name=LOCAL_REGION,
        )
        return local.client(service, endpoint_url=self.endpoint, config=config)
