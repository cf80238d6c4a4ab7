"""The errors of the top floor. Every message names what is wrong, where, and the remedy."""

from __future__ import annotations

from features.errors import HuitouError, StateBroken, StoreAway

# Said to callers: the cause, which may name files, stays in the log. Forced, since a plain build finds its inputs unchanged and skips.
CUSTOMER_UNREADABLE = "The customer's features cannot be read; run `huitou build --force`."
CUSTOMERS_AWAY = "The customers' features cannot be reached at the moment."


def unread(error: StateBroken) -> str:
    """What callers are told where a customer's row cannot be read."""
    return CUSTOMERS_AWAY if isinstance(error, StoreAway) else CUSTOMER_UNREADABLE


class ServingError(HuitouError):
    """Base of the errors that the API turns into problem documents."""


class CustomerUnknown(ServingError):
    """Nothing is known of the customer asked for."""


class CustomerUnreadable(ServingError):
    """The customer's row in the online store is damaged."""


class ModelUnavailable(ServingError):
    """The answer needs a model that was not trained or is damaged."""


class CursorInvalid(ServingError):
    """A page's cursor was not made by this list, or the list has changed since."""


class StillPreparing(ServingError):
    """A table is being computed; the same request succeeds a little later."""


class ClockBehind(ServingError):
    """The features look from after the service's clock: answers would know the future."""


class SelfTestFailed(ServingError):
    """A freshly loaded model gave an impossible answer; the earlier one goes on serving."""


class BodyMalformed(ServingError):
    """A request body cannot be read as what it says it is."""


class BodyTooLarge(ServingError):
    """A request holds more than is taken at a time."""


class ErasureUnknown(ServingError):
    """There is no such erasure."""


class LinkUnknown(ServingError):
    """There is no such link between ids."""


class ContactPolicyRefused(ServingError):
    """The contact policy contradicts itself, a preset, or the channels of the shop."""


class EncodingUnknown(ServingError):
    """A request body is packed in a way that is not understood."""


class AddressTooLong(ServingError):
    """A request's address is longer than any that is answered."""


class HeadTooLarge(ServingError):
    """A request has more headers, or longer ones, than are read."""


class BodyTooSlow(ServingError):
    """A request's body did not come in time."""


class Overloaded(ServingError):
    """More calls came at once than are taken; the same call succeeds a little later."""


class DocumentUnknown(ServingError):
    """The shop has fed no such product, offer, bundle, content or experiment."""


class DecisionUnknown(ServingError):
    """No such decision is kept."""


class ArmRefused(ServingError):
    """An arm of an experiment names a model that cannot answer.

    Attributes:
        field: of the experiment.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
