"""In-memory fakes of SNS, SQS, S3, SES, Cognito and X-Ray, behind the real clients of AWS.

They replace the clients' last step before a request is serialized.
"""

import contextlib
import io
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from support.order_traces import FakeXRay
from support.world.calls import Fault
from support.world.event_sources import MemoryQueue
from support.world.tables import MemoryTables, client_error

_MESSAGE_ID = re.compile(rb"Message-ID:\s*<(msg_[0-9A-Z]{26})@")


class MemoryCloud:
    """SNS, SQS, S3, SES, Cognito, X-Ray and DynamoDB.

    Parameters
    ----------
    tables
        The tables of DynamoDB.
    queues
        The queues of SQS by name.
    publish
        Receives each published message: the topic's name, the body and the event type.
    now
        Returns the current Unix time in seconds.
    on_email
        Receives the message id of each email that SES accepts.
    delay
        Receives the name and the action of each request that is carried out later.

    Attributes
    ----------
    objects
        The S3 objects of all buckets by key.
    user
        The attributes of Cognito's only user.
    passwords
        The passwords of Cognito by user name.
    reset_codes
        The codes to set a new password that were sent; the last one is valid.
    xray
        X-Ray, with no traces by default.
    """

    def __init__(
        self,
        tables: MemoryTables,
        queues: dict[str, MemoryQueue],
        publish: Callable[[str, str, str], None],
        now: Callable[[], float],
        on_email: Callable[[str], None],
        delay: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self.tables = tables
        self.queues = queues
        self.objects: dict[str, dict[str, Any]] = {}
        self.user = {
            "sub": "cus_1",
            "email": "a@example.com",
            "email_verified": "true",
            "name": "A",
        }
        self.passwords: dict[str, str] = {}
        self.reset_codes: list[str] = []
        self.xray = FakeXRay({})
        self._publish = publish
        self._now = now
        self._on_email = on_email
        self._delay = delay

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Answer an operation as AWS does.

        Raises
        ------
        ClientError
            If the operation fails as it does on AWS, for example a condition of DynamoDB.
        NotImplementedError
            If the fakes do not support the operation.
        """
        if service == "dynamodb":
            return self.tables.call(operation, params, self._now())
        handler = getattr(self, f"_{service.replace('-', '_')}_{operation}", None)
        if handler is None:
            raise NotImplementedError(f"the fake of AWS does not support {service}.{operation}")
        answer: dict[str, Any] = handler(**params)
        return answer

    def call_with_fault(
        self, fault: Fault, service: str, operation: str, params: dict[str, Any]
    ) -> dict[str, Any]:
        """Answer an operation with a fault.

        Raises
        ------
        ClientError, EndpointConnectionError, ReadTimeoutError
            If the fault leaves the call without a valid response.
        """
        no_response = ReadTimeoutError(endpoint_url=f"https://{service}")
        match fault:
            case "throttled":
                raise client_error(operation, "ThrottlingException", 429)
            case "error":
                raise client_error(operation, "InternalServerError", 500)
            case "connection_refused":
                raise EndpointConnectionError(endpoint_url=f"https://{service}")
            case "delayed_by_aws":
                self._delay(
                    service, partial(self._call_ignoring_errors, service, operation, params)
                )
                raise no_response
            case "request_lost" | "delayed":
                raise no_response
            case "response_lost":
                self.call(service, operation, params)
                raise no_response
            case "error_after" | "garbage":
                self.call(service, operation, params)
                raise client_error(operation, "InternalServerError", 500)
            case "repeated" if service != "sesv2":  # its client does not retry
                self.call(service, operation, params)
            case "partial" if operation == "PublishBatch":
                return self._sns_PublishBatch(**params, reject_every=2)
        return self.call(service, operation, params)

    def _call_ignoring_errors(self, service: str, operation: str, params: dict[str, Any]) -> None:
        with contextlib.suppress(ClientError):  # its client has given up
            self.call(service, operation, params)

    def _secretsmanager_GetSecretValue(  # noqa: N802 (AWS's name)
        self,
        SecretId: str,  # noqa: N803
        VersionStage: str,  # noqa: N803
    ) -> dict[str, Any]:
        if VersionStage != "AWSCURRENT":
            raise client_error("GetSecretValue", "ResourceNotFoundException")
        return {"SecretString": f"the secret {SecretId}"}

    def _sns_PublishBatch(  # noqa: N802 (AWS's name)
        self,
        TopicArn: str,  # noqa: N803
        PublishBatchRequestEntries: list[dict[str, Any]],  # noqa: N803
        reject_every: int = 0,
    ) -> dict[str, Any]:
        """Publish; with ``reject_every=n``, the first of every ``n`` entries is rejected."""
        ids: dict[bool, list[str]] = {True: [], False: []}
        for number, entry in enumerate(PublishBatchRequestEntries):
            accepted = not reject_every or number % reject_every != 0
            ids[accepted].append(entry["Id"])
            if accepted:
                event_type = entry["MessageAttributes"]["type"]["StringValue"]
                self._publish(TopicArn.rpartition(":")[2], entry["Message"], event_type)
        return {
            "Successful": [{"Id": one, "MessageId": one} for one in ids[True]],
            "Failed": [
                {"Id": one, "Code": "InternalError", "SenderFault": False} for one in ids[False]
            ],
        }

    def _sqs_SendMessage(  # noqa: N802
        self,
        QueueUrl: str,  # noqa: N803
        MessageBody: str,  # noqa: N803
        MessageAttributes: dict[str, Any],  # noqa: N803
    ) -> dict[str, Any]:
        attributes = {name: value["StringValue"] for name, value in MessageAttributes.items()}
        self.queues[QueueUrl.rpartition("/")[2]].send(MessageBody, self._now(), attributes)
        return {"MessageId": "m"}

    def _sqs_ChangeMessageVisibility(  # noqa: N802
        self,
        QueueUrl: str,  # noqa: N803
        ReceiptHandle: str,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
    ) -> dict[str, Any]:
        for message in self.queues[QueueUrl.rpartition("/")[2]].messages:
            if message.id == ReceiptHandle:
                message.visible_at = self._now() + VisibilityTimeout
        return {}

    def _s3_PutObject(self, Bucket: str, Key: str, Body: bytes, **rest: Any) -> dict[str, Any]:  # noqa: N802, N803
        if rest.get("IfNoneMatch") == "*" and Key in self.objects:
            raise client_error("PutObject", "PreconditionFailed", 412)
        self.objects[Key] = {
            "Metadata": rest.get("Metadata", {}),
            "ContentLength": len(Body),
            "Body": Body,
        }
        return {}

    def _s3_HeadObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        if Key not in self.objects:
            raise client_error("HeadObject", "404", 404)
        return {name: self.objects[Key][name] for name in ("Metadata", "ContentLength")}

    def _s3_GetObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        if Key not in self.objects:
            raise client_error("GetObject", "NoSuchKey", 404)
        return {"Body": io.BytesIO(self.objects[Key]["Body"])}

    def _s3_ListObjectVersions(self, Bucket: str, Prefix: str) -> dict[str, Any]:  # noqa: N802, N803
        return {"Versions": [{"Key": Prefix, "VersionId": "null", "IsLatest": True}]}

    def _s3_DeleteObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        self.objects.pop(Key, None)
        return {}

    def _cognito_idp_GetUser(self, AccessToken: str) -> dict[str, Any]:  # noqa: N802, N803
        return {"UserAttributes": [{"Name": n, "Value": v} for n, v in self.user.items()]}

    def _cognito_idp_AdminGetUser(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return self._cognito_idp_GetUser("")

    def _cognito_idp_UpdateUserAttributes(  # noqa: N802
        self,
        AccessToken: str,  # noqa: N803
        UserAttributes: list[dict[str, str]],  # noqa: N803
    ) -> dict[str, Any]:
        self.user.update((each["Name"], each["Value"]) for each in UserAttributes)
        return {}

    def _cognito_idp_SignUp(  # noqa: N802
        self,
        Username: str,  # noqa: N803
        Password: str,  # noqa: N803
        UserAttributes: list[dict[str, str]],  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        if Username in self.passwords:
            raise client_error("SignUp", "UsernameExistsException", 400)
        self.passwords[Username] = Password
        self.user = {each["Name"]: each["Value"] for each in UserAttributes} | {"sub": "cus_1"}
        return {"UserSub": "cus_1"}

    def _cognito_idp_AdminUpdateUserAttributes(  # noqa: N802
        self,
        UserAttributes: list[dict[str, str]],  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        return self._cognito_idp_UpdateUserAttributes("", UserAttributes)

    def _cognito_idp_AdminConfirmSignUp(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def _cognito_idp_ConfirmSignUp(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def _cognito_idp_ResendConfirmationCode(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def _cognito_idp_InitiateAuth(self, AuthParameters: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        if self.passwords.get(AuthParameters["USERNAME"]) != AuthParameters["PASSWORD"]:
            raise client_error("InitiateAuth", "NotAuthorizedException", 400)
        tokens = {"AccessToken": "token", "IdToken": "id", "RefreshToken": "refresh"}
        return {"AuthenticationResult": {**tokens, "ExpiresIn": 3600}}

    def _cognito_idp_ForgotPassword(self, Username: str, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        self.reset_codes.append(f"{len(self.reset_codes):06}")
        return {}

    def _cognito_idp_ConfirmForgotPassword(  # noqa: N802
        self,
        Username: str,  # noqa: N803
        ConfirmationCode: str,  # noqa: N803
        Password: str,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        if ConfirmationCode != self.reset_codes[-1]:
            raise client_error("ConfirmForgotPassword", "CodeMismatchException", 400)
        self.reset_codes.append("used")
        self.passwords[Username] = Password
        return {}

    def _cognito_idp_AdminDisableUser(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def _cognito_idp_AdminDeleteUser(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def _cognito_idp_AdminUserGlobalSignOut(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def _xray_GetTraceSummaries(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        return self.xray.get_trace_summaries(**request)

    def _xray_BatchGetTraces(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        return self.xray.batch_get_traces(**request)

    def _sesv2_SendEmail(self, Content: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        match = _MESSAGE_ID.search(Content["Raw"]["Data"])
        assert match is not None, "an email of the shop contains its message id"
        self._on_email(match[1].decode())
        return {"MessageId": "ses"}
