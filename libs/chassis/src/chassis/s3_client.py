"""S3 operations of the hot paths: read, write, inspect or delete an object, or presign its URL.

Everything else, such as the policy of a presigned POST, goes through botocore. Buckets are in the
region of the service and are addressed by path (``https://host/bucket/key``).
"""

import io
from base64 import b64encode
from binascii import crc32
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any
from urllib.parse import quote, urlencode

from chassis import credentials
from chassis.aws_client import (
    Answer,
    AwsClient,
    Params,
    Request,
    endpoint_of,
    is_generic,
    parsed_xml,
)
from chassis.connections import Response
from chassis.signing import presigned

_METHODS = {"PutObject": "PUT", "GetObject": "GET", "HeadObject": "HEAD", "DeleteObject": "DELETE"}
_HEADERS = {
    "CacheControl": "Cache-Control",
    "ContentType": "Content-Type",
    "IfNoneMatch": "If-None-Match",
}
_PARAMETERS = {
    "ResponseContentDisposition": "response-content-disposition",
    "ResponseContentType": "response-content-type",
}
_METADATA = "x-amz-meta-"
_CHECKSUM = "x-amz-checksum-crc32"
_READ = {"CacheControl": "cache-control", "ContentType": "content-type", "ETag": "etag"}
_WRITTEN = {"ChecksumCRC32": _CHECKSUM, "ETag": "etag"}


class S3Client(AwsClient):
    """A client of S3, with botocore's parameters and answers except for rarely used ones."""

    def generate_presigned_url(
        self,
        ClientMethod: str,  # noqa: N803 - botocore's names
        Params: Params,  # noqa: N803
        ExpiresIn: int = 3600,  # noqa: N803
    ) -> str:
        """Return a URL that reads an object; for other operations, botocore creates the URL.

        Parameters
        ----------
        ClientMethod, Params
            The name of the client's method for the operation, and its parameters.
        ExpiresIn
            Seconds for which the URL is valid.

        Raises
        ------
        botocore.exceptions.NoCredentialsError
            If there are no credentials to sign with.
        """
        found = credentials.current()
        if ClientMethod != "get_object" or found is None:
            url: str = self._botocore.generate_presigned_url(ClientMethod, Params, ExpiresIn)
            return url
        region = credentials.region() or ""
        url = _url_of(endpoint_of(self.service, region).rstrip("/"), Params)
        return presigned(url, seconds=ExpiresIn, service="s3", region=region, credentials=found)

    def _request(self, operation: str, params: Params, endpoint: str) -> Request:
        headers = {_HEADERS[name]: params[name] for name in _HEADERS.keys() & params.keys()}
        for name, value in params.get("Metadata", {}).items():
            headers[_METADATA + name] = value
        body: bytes = params.get("Body", b"")
        if operation == "PutObject":
            headers[_CHECKSUM] = _checksum_of(body)
            headers["x-amz-sdk-checksum-algorithm"] = "CRC32"
        elif operation == "GetObject":
            headers["x-amz-checksum-mode"] = "ENABLED"
        return Request(_METHODS[operation], _url_of(endpoint, params), headers, body)

    def _attempt(self, operation: str, request: Request, region: str) -> Response | Exception:
        received = super()._attempt(operation, request, region)
        if operation == "GetObject" and not isinstance(received, Exception):
            checksum = received.headers.get(_CHECKSUM)
            if checksum not in (None, _checksum_of(received.data)):
                from botocore.exceptions import FlexibleChecksumError

                damaged: Exception = FlexibleChecksumError(error_msg="wrong checksum of an object")
                return damaged
        return received

    def _parsed(self, operation: str, response: Response, attempt: int) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = _answer(operation, response, headers)
        answer["ResponseMetadata"] = self._metadata(response, headers, attempt) | {
            name: headers[header]
            for name, header in (("RequestId", "x-amz-request-id"), ("HostId", "x-amz-id-2"))
            if header in headers
        }
        return answer


def _url_of(endpoint: str, params: Params) -> str:
    url = f"{endpoint}/{params['Bucket']}/{quote(params['Key'], safe='/~')}"
    query = {_PARAMETERS[name]: value for name, value in params.items() if name in _PARAMETERS}
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url


def _checksum_of(body: bytes) -> str:
    return b64encode(crc32(body).to_bytes(4, "big")).decode()


def _answer(operation: str, response: Response, headers: Mapping[str, str]) -> Answer:
    if response.status >= 300:
        return {"Error": _error(response)}
    if operation == "DeleteObject":
        return {}
    if operation == "PutObject":
        return {name: headers[header] for name, header in _WRITTEN.items() if header in headers}
    answer: Answer = {name: headers[header] for name, header in _READ.items() if header in headers}
    answer["ContentLength"] = int(headers["content-length"])
    if "last-modified" in headers:
        answer["LastModified"] = parsedate_to_datetime(headers["last-modified"])
    answer["Metadata"] = {
        name.removeprefix(_METADATA): value
        for name, value in headers.items()
        if name.startswith(_METADATA)
    }
    if operation == "GetObject":
        answer["Body"] = io.BytesIO(response.data)
    return answer


def _error(response: Response) -> dict[str, Any]:
    if is_generic(response.data):  # as is the error of a HEAD request
        status = response.status
        return {"Code": str(status), "Message": responses.get(status, "")}
    error = {member.tag: member.text or "" for member in parsed_xml(response.data)}
    return {name: text for name, text in error.items() if name not in ("RequestId", "HostId")}
