"""Clients of AWS, or of the embedded one."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shopctl.deploying import alarms
from shopctl.project.errors import ShopProblem
from shopctl.project.services import Service
from shopctl.project.stages import Stage

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
    region
        Where the stage is; None is where the caller's settings say.
    access_key
        Names the account to the embedded AWS.
    parameters
        Values for what a template declares as its parameters.
    keeps_data
        Whether what holds data outlives its stack.
    alarms
        What watches a service, as resources of a template; None where alarms tell nobody.
    """

    stage: str
    endpoint: str | None = None
    region: str | None = None
    access_key: str = LOCAL_ACCOUNT
    parameters: Mapping[str, str] = field(default_factory=dict)
    keeps_data: bool = True
    alarms: Callable[[Service], Mapping[str, Any]] | None = None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether this is the embedded AWS."""
        return self.endpoint is not None

    @property
    def poll_seconds(self) -> float:
        """How long to wait between two looks at something in progress."""
        return 0.05 if self.is_local else 3.0

    def client(self, service: str, read_timeout: float = 60) -> Any:
        """Return the client of an AWS service, always the same one.

        Parameters
        ----------
        read_timeout
            Seconds to wait for an answer.
        """
        key = f"{service} {read_timeout:g}"
        if key not in self._clients:
            self._clients[key] = self._create(service, read_timeout)
        return self._clients[key]

    def account(self) -> str:
        """Return the account's id."""
        if self.is_local and self.access_key == LOCAL_ACCOUNT:
            return LOCAL_ACCOUNT
        return str(self.client("sts").get_caller_identity()["Account"])

    def _create(self, service: str, read_timeout: float) -> Any:
        config = Config(
            connect_timeout=5,
            read_timeout=read_timeout,
            retries={"mode": "standard", "max_attempts": 3},
            max_pool_connections=20,
        )
        if not self.is_local:
            aws: Any = boto3.Session(region_name=self.region)
            return aws.client(service, config=config)
        # a developer's own profile must not decide what happens in the local cloud
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        local: Any = boto3.Session(
            aws_access_key_id=self.access_key,
            aws_secret_access_key="local",  # noqa: S106 - the embedded AWS knows no secrets
            region_name=self.region or LOCAL_REGION,
        )
        return local.client(service, endpoint_url=self.endpoint, config=config)


def connect(stage: Stage, endpoint: str | None = None) -> Cloud:
    """Return the cloud of a stage, once it is sure that the credentials are of its account.

    Parameters
    ----------
    endpoint
        An embedded AWS, instead of the real one.

    Raises
    ------
    ShopProblem
        If there are no credentials, or they are of another account.
    """
    cloud = Cloud(
        stage.name,
        endpoint,
        stage.region,
        parameters=stage.parameters,
        keeps_data=stage.keeps_data,
        alarms=partial(alarms.of, stage=stage) if stage.alarms_to else None,
    )
    if stage.account == LOCAL_ACCOUNT:
        if endpoint is None:
            raise ShopProblem(
                f"The stage {stage.name} is on the embedded AWS, which is not running.",
                "Start it with ./shop up, or name another one in AWS_ENDPOINT_URL.",
            )
        return cloud
    remedy = f"The stage {stage.name} needs credentials of the account {stage.account}."
    if endpoint is not None:
        # the embedded AWS takes an account's id for its access key
        cloud.access_key = os.environ.get("AWS_ACCESS_KEY_ID", "")
        if not cloud.access_key:
            raise ShopProblem("There are no AWS credentials.", remedy)
    try:
        account = cloud.account()
    except (BotoCoreError, ClientError) as error:
        reason = str(error).rstrip(".")
        raise ShopProblem(f"AWS does not take the credentials: {reason}.", remedy) from None
    if account != stage.account:
        raise ShopProblem(f"The credentials are of the account {account}.", remedy)
    return cloud
