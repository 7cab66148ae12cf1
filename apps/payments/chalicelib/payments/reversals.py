"""The refunds and disputes of a charge, whatever the order in which the gateway reports them."""

from msgspec import Struct
from msgspec.structs import replace

from chassis.ids import derived_id
from contracts.payments import DisputeState

_REFUND_PROGRESS: dict[str, int] = {"succeeded": 1, "failed": 2, "canceled": 2}
"""A refund that has succeeded may still fail, and nothing follows a failure."""

_CLOSED_DISPUTES: dict[str, DisputeState] = {
    "won": "won",
    "warning_closed": "won",
    # the shop's account has paid the customer back, before there was a dispute (Visa RDR)
    "prevented": "lost",
    "lost": "lost",
}


class Refund(Struct, frozen=True, kw_only=True):
    """A refund of some or all of a charge.

    Attributes
    ----------
    id
        The gateway's id.
    amount
        Amount in minor units of the charge's currency.
    status
        The gateway's status; a refund counts unless it has failed or was cancelled.
    by_shop
        Whether the shop requested it, and not a person in the gateway's dashboard.
    """

    id: str
    amount: int
    status: str
    by_shop: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether the money is not returned to the customer."""
        return self.status in ("failed", "canceled")


class Dispute(Struct, frozen=True, kw_only=True):
    """A dispute of a charge by the customer's bank.

    Attributes
    ----------
    id
        The gateway's id.
    amount
        Disputed amount in minor units of ``currency``.
    currency
        ISO 4217 code; it may differ from the charge's.
    status
        The gateway's status.
    as_of
        Time at which the gateway reported the status, in seconds since 1970.
    refundable
        Whether the charge can still be refunded, because the bank has only asked about it.
    """

    id: str
    amount: int
    currency: str
    status: str
    as_of: int
    refundable: bool = False

    @property
    def state(self) -> DisputeState:
        """Whether the dispute is open, or how it was decided."""
        return _CLOSED_DISPUTES.get(self.status, "open")

    @property
    def has_withdrawn(self) -> bool:
        """Whether the bank has taken the money and not returned it."""
        return self.state == "lost" or (self.state == "open" and not self.refundable)


class Reversals(Struct, frozen=True, kw_only=True):
    """Everything known about the refunds and disputes of one charge.

    Attributes
    ----------
    refunds
        The refunds that were reported, those that failed included.
    disputes
        The disputes that were reported, oldest first.
    at_least
        Lower bound of the sum of all refunds in minor units, those that failed later included: the
        largest total that the gateway has reported for the charge.
    """

    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    at_least: int = 0

    @property
    def failed(self) -> int:
        """The sum of the refunds that failed, in minor units."""
        return sum(refund.amount for refund in self.refunds if refund.has_failed)

    @property
    def refunded(self) -> int:
        """The amount that is refunded, in minor units."""
        known = sum(refund.amount for refund in self.refunds)
        return max(0, max(known, self.at_least) - self.failed)

    @property
    def refund_requested(self) -> bool:
        """Whether the shop has requested a refund, which only a cancellation does."""
        return any(refund.by_shop for refund in self.refunds)

    @property
    def refund_failed(self) -> bool:
        """Whether a refund has failed that the shop requested."""
        return any(refund.by_shop and refund.has_failed for refund in self.refunds)

    @property
    def dispute(self) -> DisputeState | None:
        """The state of the disputes: open if one is open, else lost if one was lost, else won."""
        states = {dispute.state for dispute in self.disputes}
        for state in ("open", "lost", "won"):
            if state in states:
                return state
        return None

    @property
    def generation(self) -> str:
        """A text that changes whenever the gateway may answer differently to the same refund."""
        changes = [dispute.id for dispute in self.disputes]
        changes += [refund.id for refund in self.refunds if refund.has_failed]
        return derived_id("rev", *sorted(changes)) if changes else ""

    @property
    def prevents_refund(self) -> bool:
        """Whether the bank has taken the money, so that a refund would pay it back twice."""
        return any(each.has_withdrawn for each in self.disputes)

    def withdrawn(self, currency: str) -> int:
        """Return the sum of the amounts that banks have withdrawn, in minor units.

        Parameters
        ----------
        currency
            Currency of the amounts to add up; another would have to be converted.
        """
        return sum(
            each.amount
            for each in self.disputes
            if each.has_withdrawn and each.currency == currency
        )

    def with_refund(self, refund: Refund) -> "Reversals":
        """Return the reversals with a refund; the same if its status is known or outdated."""
        known = next((each for each in self.refunds if each.id == refund.id), None)
        if known is None:
            return replace(self, refunds=(*self.refunds, refund))
        if _REFUND_PROGRESS.get(refund.status, 0) <= _REFUND_PROGRESS.get(known.status, 0):
            return self
        newer = replace(refund, by_shop=refund.by_shop or known.by_shop)
        return replace(
            self, refunds=tuple(newer if each is known else each for each in self.refunds)
        )

    def with_total(self, amount: int) -> "Reversals":
        """Return the reversals of a charge of which the gateway reports a refunded total.

        Parameters
        ----------
        amount
            Refunded total in minor units. A smaller one than before is outdated, or a refund has
            failed, which is reported by itself.
        """
        return replace(self, at_least=amount) if amount > self.at_least else self

    def with_dispute(self, dispute: Dispute) -> "Reversals":
        """Return the reversals with a dispute; the same if its status is known or outdated."""
        known = next((each for each in self.disputes if each.id == dispute.id), None)
        if known is None:
            return replace(self, disputes=(*self.disputes, dispute))
        if _newness(dispute) <= _newness(known):
            return self
        if (dispute.status, dispute.refundable) == (known.status, known.refundable):
            return self
        return replace(
            self, disputes=tuple(dispute if each is known else each for each in self.disputes)
        )


def _newness(dispute: Dispute) -> tuple[int, bool]:
    # The gateway's times are whole seconds: within one, a decision follows everything else.
    return dispute.as_of, dispute.state != "open"
