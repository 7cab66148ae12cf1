"""The kinds of resources that are compared, each as the repository and as AWS has it."""

from shopctl.drift.kinds import access, apis, functions, messaging, settings, storage
from shopctl.drift.kinds.kind import Kind

KINDS: tuple[Kind, ...] = (
    *functions.KINDS,
    *messaging.KINDS,
    *storage.KINDS,
    *access.KINDS,
    *apis.KINDS,
    *settings.KINDS,
)
