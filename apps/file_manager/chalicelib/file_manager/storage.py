"""The bytes of files, in two buckets: what anyone may see, and what nobody may see unasked.

========= ==================== =====================================================
bucket    key                  holds
========= ==================== =====================================================
private   ``incoming/<id>``    what was uploaded and is not checked yet
private   ``documents/<id>``   documents, written once
public    ``files/<id>``       pictures that were checked, written once
========= ==================== =====================================================
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from chassis.problems import ServiceUnavailable
from contracts.files import File

INCOMING = "incoming/"
DOCUMENTS = "documents/"
PUBLIC = "files/"
UPLOAD_SECONDS = 15 * 60
LINK_SECONDS = 5 * 60
IMMUTABLE = "public, max-age=31536000, immutable"
_SHA256 = "sha256"


@dataclass(frozen=True)
class Kept:
    """A document as it is kept: the digest of its bytes and how many they are."""

    sha256: str
    size: int


class Storage:
    """The buckets of the service.

    Parameters
    ----------
    s3
        A botocore S3 client.
    public_bucket, private_bucket
        Their names.
    """

    def __init__(self, s3: Any, public_bucket: str, private_bucket: str) -> None:
        self._s3 = s3
        self._public = public_bucket
        self._private = private_bucket

    def ticket(self, file: File) -> tuple[str, dict[str, str]]:
        """Return where the bytes of a picture go, and the form fields that let them in."""
        post = self._s3.generate_presigned_post(
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

    def incoming(self, file_id: str, size: int) -> bytes | None:
        """Return what was uploaded, or ``None`` if nothing is there (any more).

        Parameters
        ----------
        size
            Bytes that are wanted: of a longer upload no more than one byte beyond is read.
        """
        try:
            answer = self._s3.get_object(Bucket=self._private, Key=INCOMING + file_id)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        with answer["Body"] as body:
            content: bytes = body.read(size + 1)
        return content

    def publish(self, file: File, content: bytes) -> None:
        """Make the bytes of a picture public, for good: what is there already stays.

        The bytes themselves are written, not a copy of the object, which could have been
        uploaded anew since it was checked.
        """
        try:
            self._s3.put_object(
                Bucket=self._public,
                Key=PUBLIC + file.id,
                Body=content,
                ContentType=file.content_type,
                CacheControl=IMMUTABLE,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if not _is_taken(error):
                raise

    def keep_document(self, file_id: str, content: bytes, content_type: str, sha256: str) -> Kept:
        """Keep a document unless there is one, and return what is kept now.

        Raises
        ------
        ServiceUnavailable
            If another writer is at the same document right now.
        """
        key = DOCUMENTS + file_id
        try:
            self._s3.put_object(
                Bucket=self._private,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata={_SHA256: sha256},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalRequestConflict":
                raise ServiceUnavailable("This document is being archived right now.") from None
            if not _is_taken(error):
                raise
            head = self._s3.head_object(Bucket=self._private, Key=key)
            return Kept(head["Metadata"].get(_SHA256, ""), head["ContentLength"])
        return Kept(sha256, len(content))

    def link(self, file: File, filename: str) -> str:
        """Return a short-lived URL of a document, which a browser shows rather than saves."""
        url: str = self._s3.generate_presigned_url(
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

    def discard_incoming(self, file_id: str) -> None:
        """Delete what was uploaded."""
        self._s3.delete_object(Bucket=self._private, Key=INCOMING + file_id)

    def discard_picture(self, file_id: str) -> None:
        """Delete all bytes of a picture. What was uploaded goes first: nothing follows it."""
        self.discard_incoming(file_id)
        self._s3.delete_object(Bucket=self._public, Key=PUBLIC + file_id)

    def discard(self, file_id: str) -> None:
        """Delete all bytes of a file, whatever it is."""
        self.discard_picture(file_id)
        self._s3.delete_object(Bucket=self._private, Key=DOCUMENTS + file_id)


def uploaded_id(key: str) -> str | None:
    """Return the id of the file that an S3 event's key is the upload of, if it is one.

    Parameters
    ----------
    key
        As S3 writes it into events: like a form field, percent-encoded, spaces as plus signs.
    """
    plain = unquote_plus(key)
    return plain.removeprefix(INCOMING) if plain.startswith(INCOMING) else None


def _is_taken(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in ("PreconditionFailed", "412")
