"""How a state becomes live: the online state with models, policy, experiments, written offers, budgets and stock as they are now."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from features.errors import StateBroken
from features.freshness import read_followed
from features.versions import current_folder
from serving.arm_models import ArmShelf
from serving.decisioning.contacts import rules_of
from serving.decisioning.experiments import ExperimentBook
from serving.errors import ClockBehind
from serving.ledger_watch import LedgerWatch
from serving.live import Live, open_live
from serving.live_models import LiveModels
from serving.offers.book import OfferBook
from serving.offers.budgets import exhausted
from serving.offers.offer_types import WRITABLE
from serving.offers.terms import Terms
from serving.policy_watch import PolicyWatch
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from serving.tracing.tracing import Tracing

REMEDY = "run `huitou build` first."


@dataclass(frozen=True)
class LiveOpening:
    """Opens the newest build, as often as there is one.

    Attributes:
        settings: as given.
        policies: the policy file.
        watch: what is followed in the ledger.
        arms: models that answer in arms of experiments.
        tracing: sees reads; None where nobody asked for it.
    """

    settings: ServingSettings
    policies: PolicyWatch
    watch: LedgerWatch
    arms: ArmShelf
    tracing: Tracing | None = None

    def open(self, models: LiveModels) -> Live:
        """The newest build with these models.

        Raises:
            StateMissing: `huitou build` has not run.
            StateBroken, SourceUnreadable: the online state is damaged.
            ContactPolicyRefused: the policy does not suit the shop's channels.
            ClockBehind: the online state was built later than the clock.
            LedgerAway, LedgerBroken: the ledger does not answer.
        """
        settings, policy, watch = self.settings, self.policies.policy, self.watch
        folder = current_folder(settings.online_dir, remedy=REMEDY)
        live = open_live(folder, models, policy, remembered=settings.remembered_customers, server=settings.online_server)
        if self.tracing is not None:
            live = replace(live, reader=self.tracing.reader(live.reader))
        rules_of(policy.contact, live.catalogue.assumptions.outbound_channels)  # refused now, not when somebody is to be written to
        seen = live.as_of
        with contextlib.suppress(StateBroken):  # safe: a store that cannot be read says so in every answer
            followed = read_followed(folder, settings.online_server)  # customers refreshed since the build have seen more than it
            seen = seen if followed is None else max(seen, followed.as_of)
        if settings.now is not None and settings.now < seen:
            raise ClockBehind(
                f"The clock is at {settings.now.isoformat()}, but the online features have seen everything until {seen.isoformat()}; "
                "set a later clock, or run `huitou build` with this one."
            )
        book = ExperimentBook.of_documents(watch.experiments, policy)
        live = live.trying(book, self.arms.keep(book.wanted(settings.now or watch.latest or live.as_of), models))
        live = live.with_offers(OfferBook.of(watch.written, terms_of(live)))
        live = replace(live, exhausted=exhausted(live.offers, watch.ledger, live.catalogue.assumptions)).warm()
        return live.restocked(watch.levels) if watch.levels else live


def terms_of(live: Live) -> Terms:
    """What a written offer is judged by."""
    return Terms.of(live.catalogue.assumptions, WRITABLE)
