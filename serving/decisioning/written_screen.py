"""The rules of a decision on all written offers at once: for each, the first rule that it breaks, as a small number.

The rules themselves, and their sentences, stand in `eligibility`, `applicability`, `suitability` and `offer_limits`, as functions of one
candidate. Here they are looked up in columns, since a shop has hundreds of offers and a request has a fraction of a millisecond; a test
holds both together, offer by offer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.ledger.columns import micros
from features.ledger.contact_history import ContactHistory
from serving.condition_values import condition_values
from serving.customer_context import CustomerContext
from serving.decisioning.applicability import REPEATED
from serving.decisioning.eligibility import channel_refused
from serving.decisioning.suitability import NO_PROMOTION, depends_on_discounts
from serving.offers.written_columns import WrittenColumns
from serving.offers.written_response import WrittenResponses

Codes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

PASSES = 0
# Step and code of each rule, in the order in which they are asked; a code is its place here, counted from 1.
RULES = (
    ("eligible", "no_number"),
    ("eligible", "inactive"),
    ("eligible", "out_of_stock"),
    ("eligible", "ended"),
    ("eligible", "not_started"),
    ("eligible", "stage"),
    ("eligible", "layer"),
    ("eligible", "conditions"),
    ("eligible", "channel_not_consented"),
    ("applicable", "in_cart"),
    ("applicable", "just_bought"),
    ("applicable", "owned"),
    ("suitable", "open_complaint"),
    ("suitable", "discount_dependence"),
    ("suitable", "no_margin_left"),
    ("suitable", "discount_above_cap"),
    ("eligible", "budget_spent"),
    ("contact_policy", "offer_cap_reached"),
    ("contact_policy", "cool_off"),
    ("contact_policy", "cap_reached"),
    ("contact_policy", "quiet_hours"),
)
CODE = {code: np.uint8(number) for number, (_, code) in enumerate(RULES, start=1)}


@dataclass(frozen=True)
class Screen:
    """One customer's look at all written offers.

    Attributes:
        context: the customer, the clock, the channel, the cart.
        columns: n offers.
        codes: (n,) the first broken rule of each that was looked at; filled step by step.
    """

    context: CustomerContext
    columns: WrittenColumns
    codes: Codes

    @classmethod
    def opened(cls, context: CustomerContext) -> Screen:
        """Nothing is judged yet."""
        columns = context.live.written
        return cls(context, columns, np.zeros(len(columns), np.uint8))

    def lawful(self, places: Places) -> Places:
        """Judge by what is known before any chance is predicted; returns the places that pass, in order."""
        context, columns, live = self.context, self.columns, self.context.live
        now = micros(context.now)
        segments = context.segments
        left = self._without(places, live.availability.inactive[places], "inactive")
        left = self._without(left, live.availability.sold_out[left], "out_of_stock")
        left = self._without(left, columns.ends[left] < now, "ended")
        left = self._without(left, columns.starts[left] > now, "not_started")
        left = self._without(left, _outside(columns.stage_sets, segments.stage)[columns.stages[left]], "stage")
        left = self._without(left, _outside(columns.layer_sets, segments.layer)[columns.layers[left]], "layer")
        left = self._without(left, self._unsuited(left), "conditions")
        group, groups = columns.channel_groups
        refused = np.array([channel_refused(sorted(channels), context) is not None for channels in groups], np.bool_)
        left = self._without(left, refused[group[columns.channels[left]]], "channel_not_consented")
        left = self._sensible(left)
        return self._harmless(left)

    def affordable(self, places: Places, responses: WrittenResponses, most: float | None) -> Flags:
        """Judge by money; returns which of `places` pass. One that cannot be computed, of a model that answers NaN, must not be decided on.

        Args:
            places: (k,) that passed so far.
            responses: of them.
            most: the largest discount that the policy allows.
        """
        numbers = responses.probability + responses.margin + responses.discount
        nothing = ~np.isfinite(numbers) & responses.known
        margin, discount = responses.margin, responses.discount
        loses = ~nothing & responses.known & (discount > 0) & ~(margin - discount > 0)
        over = np.zeros(len(places), np.bool_) if most is None else responses.known & ~nothing & ~loses & (discount > most)
        for code, broken in (("no_number", nothing), ("no_margin_left", loses), ("discount_above_cap", over)):
            self.codes[places[broken]] = CODE[code]
        return np.asarray(responses.known & ~(nothing | loses | over))

    def within_limits(self, places: Places, history: ContactHistory, exhausted: Collection[str]) -> Flags:
        """Judge by what the offers allow of themselves; returns which of `places` pass."""
        spent = self._among(exhausted)[places] if exhausted else np.zeros(len(places), np.bool_)
        times = np.zeros(len(self.columns), np.int64)
        for contact in history.contacts:
            for name in (contact.offer_id, *(told for _, told in contact.also)):
                place = None if name is None else self.columns.place_of.get(name)
                if place is not None:
                    times[place] += 1
        often = ~spent & (times[places] >= self.columns.cap[places])
        self.codes[places[spent]] = CODE["budget_spent"]
        self.codes[places[often]] = CODE["offer_cap_reached"]
        return ~(spent | often)

    def counted(self) -> NDArray[np.int64]:
        """How many fell by each rule, by its number; 0: by none."""
        return np.bincount(self.codes, minlength=len(RULES) + 1)

    def fallen(self, but: Codes) -> dict[str, list[str]]:
        """`step/code` → the offers that fell by it, as `type/id`.

        Args:
            but: (n,) of another look; what fell there is left out.
        """
        told = np.where(but == PASSES, self.codes, PASSES)
        named = ((int(code), self.columns.named[told == code].tolist()) for code in np.unique(told) if code != PASSES)
        return {"/".join(RULES[code - 1]): ids for code, ids in named}

    def _sensible(self, places: Places) -> Places:
        context, columns = self.context, self.columns
        left = places
        if context.cart:
            left = self._without(left, self._in_cart()[left], "in_cart")
        if context.just_bought:
            left = self._without(left, self._just_bought()[left], "just_bought")
        durable = context.live.catalogue.assumptions.catalogue.durable_categories
        if context.customer is not None and durable:
            has = self._of_categories(set(durable).intersection(context.customer.categories))
            for name in REPEATED:
                has[columns.of_type.get(name, [])] = False
            left = self._without(left, has[left], "owned")
        return left

    def _harmless(self, places: Places) -> Places:
        context, columns, left = self.context, self.columns, places
        if context.customer is None:
            return left
        if context.customer.value("complaints_open") > 0:
            left = self._without(left, np.array([name not in NO_PROMOTION for name in columns.types[left]], np.bool_), "open_complaint")
        if depends_on_discounts(context):
            left = self._without(left, columns.gives[left], "discount_dependence")
        return left

    def _unsuited(self, places: Places) -> Flags:
        """Of offers that ask something of the customer, whether they do not get it."""
        customer = self.context.customer
        found = self.columns.compared.refused(None if customer is None else customer.vector)[places]
        asking = np.flatnonzero(self.columns.conditional[places] & ~found)
        if len(asking):
            values, offers = condition_values(self.context), self.columns.offers
            found[asking] = [(suits := offers[place].suits) is not None and not suits(values) for place in places[asking].tolist()]
        return found

    def _in_cart(self) -> Flags:
        """A bundle completes a cart that holds some of it; any other offer would sell what is already being bought."""
        held = np.zeros(len(self.columns), np.intp)
        for product in dict.fromkeys(self.context.cart):
            held[self.columns.by_product.get(product, [])] += 1
        return np.asarray((held > 0) & (held >= np.where(self.columns.types == "bundle", self.columns.counts, 1)))

    def _just_bought(self) -> Flags:
        context, columns = self.context, self.columns
        found = np.zeros(len(columns), np.bool_)
        for product in context.just_bought:
            found[columns.by_product.get(product, [])] = True
        reminders = columns.of_type.get("replenishment")
        if reminders is not None:
            # Another product of the category fills the same need.
            category_of = context.live.catalogue.category_of
            found[reminders] |= self._of_categories({category_of(product) for product in context.just_bought})[reminders]
        return found

    def _of_categories(self, names: Iterable[str | None]) -> Flags:
        """Which offers name a product of one of some categories."""
        found = np.zeros(len(self.columns), np.bool_)
        for name in names:
            if name is not None:
                found[self.columns.by_category.get(name, [])] = True
        return found

    def _among(self, names: Collection[str]) -> Flags:
        found = np.zeros(len(self.columns), np.bool_)
        found[[place for name in names if (place := self.columns.place_of.get(name)) is not None]] = True
        return found

    def _without(self, places: Places, broken: Flags, code: str) -> Places:
        if not broken.any():
            return places
        self.codes[places[broken]] = CODE[code]
        return places[~broken]


def _outside(sets: tuple[frozenset[str], ...], named: str | None) -> Flags:
    """Of sets of names, which leave somebody out; the empty one leaves out nobody."""
    return np.array([bool(one) and named not in one for one in sets], np.bool_)
