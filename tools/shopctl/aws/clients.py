"""Clients of AWS, or of the embedded one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shopctl.project.errors import ShopProblem
from shopctl.project.stages import Stage

LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"


@dataclass
class Cloud:
    """A stage's account and region of AWS, or of the embedded AWS.

    Attributes
    ----------
    stage
        Name of the stage that is deployed there.
    endpoint
        URL of the embedded AWS; None for AWS itself, with the caller's own credentials.
    region
        Region of the stage; None for the one in the caller's settings.
    access_key
        Account id, which the embedded AWS accepts as an access key.
    parameters
        Values of the parameters that templates may declare.
    """

    stage: str
    endpoint: str | None = None
    region: str | None = None
    access_key: str = LOCAL_ACCOUNT
    parameters: Mapping[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether this is the embedded AWS."""
        return self.endpoint is not None

    @property
    def poll_seconds(self) -> float:
        """Seconds between two polls of an operation in progress."""
        return 0.05 if self.is_local else 3.0

    def client(self, service: str, read_timeout: float = 60) -> Any:
        """Return the client of an AWS service; it is created once.

        Parameters
        ----------
        read_timeout
            Seconds to wait for a response.
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
        # a developer's own AWS profile must not affect the embedded AWS
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        local: Any = boto3.Session(
            aws_access_key_id=self.access_key,
            aws_secret_access_key="local",  # noqa: S106 - the embedded AWS knows no secrets
            region_name=self.region or LOCAL_REGION,
        )
        return local.client(service, endpoint_url=self.endpoint, config=config)


def connect(stage: Stage, endpoint: str | None = None) -> Cloud:
    """Return the cloud of a stage after verifying that the credentials belong to its account.

    Parameters
    ----------
    endpoint
        URL of an embedded AWS to use instead of AWS itself.

    Raises
    ------
    ShopProblem
        If there are no credentials, AWS rejects them or does not answer, or they belong to another
        account.
    """
    cloud = Cloud(stage.name, endpoint, stage.region, parameters=stage.parameters)
    if stage.account == LOCAL_ACCOUNT:
        if endpoint is None:
            raise ShopProblem(
                f"The stage {stage.name} is on the embedded AWS, which is not running.",
                "Start it with ./shop up, or set AWS_ENDPOINT_URL to another one.",
            )
        return cloud
    needed = f"The stage {stage.name} needs credentials of the account {stage.account}"
    remedy = f"{needed}: {_SIGN_IN}"
    if endpoint is not None:
        # the embedded AWS accepts an account id as an access key
        cloud.access_key = os.environ.get("AWS_ACCESS_KEY_ID", "")
        if not cloud.access_key:
            raise ShopProblem(
                "There are no AWS credentials.",
                f"{needed}: on the embedded AWS, set AWS_ACCESS_KEY_ID to the account's id.",
            )
    try:
        account = cloud.account()
    except (BotoCoreError, ClientError) as error:
        raise _problem(error, remedy) from None
    if account != stage.account:
        raise ShopProblem(f"The credentials belong to the account {account}.", remedy)
    return cloud


_SIGN_IN = "sign in with aws sso login, or set AWS_PROFILE to one of its profiles."

_NO_ANSWER = (exceptions.ConnectionError, exceptions.HTTPClientError)
_NONE = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
_SIGNED_OUT = (
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
    exceptions.NoAuthTokenError,
    exceptions.LoginError,
)
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}


def _problem(error: BotoCoreError | ClientError, sign_in: str) -> ShopProblem:
    """Return what kept AWS from saying whose credentials these are.

    Parameters
    ----------
    sign_in
        How to get credentials of the right account.
    """
    reason = str(error).rstrip(".")
    if isinstance(error, _NO_ANSWER):
        return ShopProblem(f"AWS does not answer: {reason}.", "Check the connection and the proxy.")
    if isinstance(error, exceptions.ProfileNotFound):
        return ShopProblem(
            f"{reason}.", "Set AWS_PROFILE to a profile that aws configure list-profiles prints."
        )
    if isinstance(error, _NONE):
        return ShopProblem("There are no AWS credentials, or they are incomplete.", sign_in)
    if isinstance(error, _SIGNED_OUT):
        return ShopProblem(f"The sign-in to AWS is missing or has expired: {reason}.", sign_in)
    if isinstance(error, ClientError):
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            return ShopProblem(f"AWS fails: {reason}.", "Run the command again.")
        if error.response["Error"]["Code"] in _EXPIRED:
            return ShopProblem("The AWS credentials have expired.", sign_in)
        return ShopProblem(f"AWS rejects the credentials: {reason}.", sign_in)
    return ShopProblem(f"The AWS credentials cannot be used: {reason}.", sign_in)
