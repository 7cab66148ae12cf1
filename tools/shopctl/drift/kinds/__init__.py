"""What is compared of a stage, by kind: what the repository says, and what AWS answers."""

from shopctl.drift.kinds import access, apis, functions, kept, messaging, settings
from shopctl.drift.kinds.kind import Kind

KINDS: tuple[Kind, ...] = (
    *functions.KINDS,
    *messaging.KINDS,
    *kept.KINDS,
    *access.KINDS,
    *apis.KINDS,
    *settings.KINDS,
)
