"""The content of files, in a public and a private bucket.

========= =========================== ==============================================
bucket    key                         content
========= =========================== ==============================================
private   ``incoming/<id>``           uploads that have not been checked yet
private   ``documents/<id>``          documents, written once
public    ``files/<id>``              images that were encoded again, written once
public    ``files/<id>-<width>.webp`` their smaller copies, written once
========= =========================== ==============================================
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError
from msgspec import Struct

from chalicelib.file_manager.domain import VARIANT_WIDTHS, variant_name
from chassis.problems import ServiceUnavailable
from contracts.files import File

INCOMING = "incoming/"
DOCUMENTS = "documents/"
PUBLIC = "files/"
UPLOAD_SECONDS = 15 * 60
LINK_SECONDS = 5 * 60
IMMUTABLE = "public, max-age=31536000, immutable"
_SHA256 = "sha256"


class StoredDocument(Struct, frozen=True):
    """The content of a document: its SHA-256 in hexadecimal, and its size in bytes."""

    sha256: str
    size: int


class Storage:
    """Reads and writes the buckets of the service.

    Parameters
    ----------
    s3
        Returns a client of S3; called when it is first needed.
    public_bucket, private_bucket
        Names of the buckets.
    """

    def __init__(self, s3: Callable[[], Any], public_bucket: str, private_bucket: str) -> None:
        self._s3 = s3
        self._public = public_bucket
        self._private = private_bucket

    def presign_upload(self, file: File) -> tuple[str, dict[str, str]]:
        """Return the URL and the form fields of a presigned POST for an announced image."""
        post = self._s3().generate_presigned_post(
            self._private,
            INCOMING + file.id,
            Fields={"Content-Type": file.content_type},
            Conditions=[
                {"Content-Type": file.content_type},
                ["content-length-range", 1, file.size],
            ],
            ExpiresIn=UPLOAD_SECONDS,
        )
        return post["url"], post["fields"]

    def read_upload(self, file_id: str, size: int) -> bytes | None:
        """Return the content of an upload, or ``None`` if there is none.

        Parameters
        ----------
        size
            Announced size in bytes; of a longer upload, only one more byte is returned.

        Raises
        ------
        ClientError
            If S3 refuses the request for another reason than a missing object.
        """
        try:
            answer = self._s3().get_object(Bucket=self._private, Key=INCOMING + file_id)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        with answer["Body"] as body:
            content: bytes = body.read(size + 1)
        return content

    def publish(self, name: str, content: bytes, content_type: str) -> bytes:
        """Publish an image unless it has been published before, and return what is public.

        Parameters
        ----------
        name
            The file id of an image, or the name of its smaller copy.

        Raises
        ------
        ClientError
            If S3 does not accept the content.
        """
        try:
            self._s3().put_object(
                Bucket=self._public,
                Key=PUBLIC + name,
                Body=content,
                ContentType=content_type,
                CacheControl=IMMUTABLE,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if not _already_exists(error):
                raise
            with self._s3().get_object(Bucket=self._public, Key=PUBLIC + name)["Body"] as body:
                content = body.read()
        return content

    def store_document(
        self, file_id: str, content: bytes, content_type: str, sha256: str
    ) -> StoredDocument:
        """Store a document unless it exists, and return what is stored.

        Raises
        ------
        ServiceUnavailable
            If another call is storing the same document.
        ClientError
            If S3 does not accept the content.
        """
        key = DOCUMENTS + file_id
        try:
            self._s3().put_object(
                Bucket=self._private,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata={_SHA256: sha256},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalRequestConflict":
                raise ServiceUnavailable(
                    "This document is being archived by another request."
                ) from None
            if not _already_exists(error):
                raise
            head = self._s3().head_object(Bucket=self._private, Key=key)
            return StoredDocument(head["Metadata"].get(_SHA256, ""), head["ContentLength"])
        return StoredDocument(sha256, len(content))

    def replace_document(
        self, file_id: str, content: bytes, content_type: str, sha256: str
    ) -> None:
        """Store other content of a document, and delete all earlier versions of its object.

        Raises
        ------
        ClientError
            If S3 does not accept the content.
        """
        key = DOCUMENTS + file_id
        self._s3().put_object(
            Bucket=self._private,
            Key=key,
            Body=content,
            ContentType=content_type,
            Metadata={_SHA256: sha256},
        )
        found = self._s3().list_object_versions(Bucket=self._private, Prefix=key)
        earlier = [
            {"Key": key, "VersionId": version["VersionId"]}
            for version in found.get("Versions", [])
            if version["Key"] == key and not version["IsLatest"]
        ]
        if earlier:
            self._s3().delete_objects(
                Bucket=self._private, Delete={"Objects": earlier, "Quiet": True}
            )

    def link(self, file: File, filename: str) -> str:
        """Return a short-lived URL of a document, which a browser displays instead of saving."""
        url: str = self._s3().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._private,
                "Key": DOCUMENTS + file.id,
                "ResponseContentType": file.content_type,
                "ResponseContentDisposition": f'inline; filename="{filename}"',
            },
            ExpiresIn=LINK_SECONDS,
        )
        return url

    def delete_upload(self, file_id: str) -> None:
        """Delete the upload of an image."""
        self._s3().delete_object(Bucket=self._private, Key=INCOMING + file_id)

    def delete_image(self, file_id: str) -> None:
        """Delete the upload and the public content of an image.

        The upload is deleted first, so that it cannot be published again.
        """
        self.delete_upload(file_id)
        for name in (file_id, *(variant_name(file_id, width) for width in VARIANT_WIDTHS)):
            self._s3().delete_object(Bucket=self._public, Key=PUBLIC + name)

    def delete_all(self, file_id: str) -> None:
        """Delete all content of a file, whether it is an image or a document."""
        self.delete_image(file_id)
        self._s3().delete_object(Bucket=self._private, Key=DOCUMENTS + file_id)


def uploaded_file_id(key: str) -> str | None:
    """Return the file id in the key of an S3 event, or ``None`` if it is not an upload.

    Parameters
    ----------
    key
        Key as S3 encodes it in events: percent-encoded, with plus signs for spaces.
    """
    plain = unquote_plus(key)
    return plain.removeprefix(INCOMING) if plain.startswith(INCOMING) else None


def _already_exists(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in ("PreconditionFailed", "412")
