"""The composition root: everything the service is made of, wired in one place and replaceable after start-up."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from features.errors import HuitouError, StateBroken
from features.ledger.ledger import Ledger, open_ledger
from features.settings import FeatureSettings
from features.versions import current_folder, current_version
from serving.decisioning.engine import Engine
from serving.errors import ClockBehind
from serving.live import Live, open_live
from serving.live_models import LiveModels, ModelShelf
from serving.offers.offer_types import OFFER_TYPES
from serving.replenishments import DueTable
from serving.settings import ServingSettings
from serving.telemetry import Telemetry

_REMEDY = "run `huitou build` first."


@dataclass
class Services:
    """What requests and commands work with.

    Attributes:
        settings: as given.
        shelf: the live models and the set before them.
        live: the state that answers now; replaced as a whole.
        engine: decides on offers.
        due: table of due replenishments, computed when first asked for.
        telemetry: metrics.
        ledger: what came in and was decided.
        reload_problem: why the newest build is not served, or None.
    """

    settings: ServingSettings
    shelf: ModelShelf
    live: Live
    engine: Engine
    due: DueTable
    telemetry: Telemetry
    ledger: Ledger
    reload_problem: str | None = None
    _reloading: threading.Lock = field(default_factory=threading.Lock)

    @property
    def now(self) -> datetime:
        """The clock: as set, or the as-of time of the online state; never the wall clock."""
        return self.settings.now or self.live.as_of

    @property
    def feature_age_days(self) -> float:
        """How old the online features are by the service's clock."""
        return (self.now - self.live.as_of).total_seconds() / 86_400

    def degraded(self, models: Iterable[str] | None = None) -> dict[str, str]:
        """Part → one sentence for the caller: models that do not answer, features that are old.

        Args:
            models: the models the answer needs; all by default.
        """
        return self.live.models.degraded(models) | self.staleness()

    def staleness(self) -> dict[str, str]:
        """One sentence under `features` when they are older than the settings allow."""
        age = self.feature_age_days
        return {"features": f"The features are {age:.0f} days old; run `huitou build`."} if age > self.settings.stale_after_days else {}

    def problems(self) -> dict[str, str]:
        """Part → one sentence with the cause, for those who run the service."""
        found = dict(self.live.models.problems) | self.staleness()
        if self.reload_problem is not None:
            found["build"] = self.reload_problem
        try:
            self.live.reader.read("")  # nobody has this id: only a store that cannot be read objects
        except StateBroken as error:
            found["customers"] = str(error)
        return found

    def reload_if_changed(self) -> bool:
        """Take over new champions and a new build; returns whether anything changed. Safe to call from any thread.

        A build that cannot be read does not displace the one that answers now.
        """
        with self._reloading:
            changed = self.shelf.reload_if_changed()
            fresh = self.live if self.live.models is self.shelf.current else self.live.with_models(self.shelf.current)
            try:
                if current_version(self.settings.online_dir) != self.live.version:
                    fresh = _open(self.settings, self.shelf.current)
                    changed = True
                self.reload_problem = None
            except HuitouError as error:
                self.reload_problem = str(error)
            self.live = fresh
            if changed:
                self.telemetry.state(self.live.models.versions, self.feature_age_days)
            return changed

    def roll_back(self) -> bool:
        """Return to the models before these; False when there are none."""
        with self._reloading:
            if not self.shelf.roll_back():
                return False
            self.live = self.live.with_models(self.shelf.current)
            self.telemetry.state(self.live.models.versions, self.feature_age_days)
            return True


def build_services(settings: ServingSettings) -> Services:
    """Open the online state and load every model that works.

    Raises:
        StateMissing: `huitou build` has not run.
        StateBroken: the online state is damaged.
        ClockBehind: the online state was built later than the clock.
        LedgerAway, LedgerBroken: the ledger cannot be opened.
    """
    current_folder(settings.online_dir, remedy=_REMEDY)  # told before the models are loaded for nothing
    feature_settings = FeatureSettings(data_dir=settings.data_dir, ledger_url=settings.ledger_url)
    shelf = ModelShelf(settings.data_dir)
    live = _open(settings, shelf.current)
    services = Services(settings, shelf, live, Engine(OFFER_TYPES), DueTable(), Telemetry(), open_ledger(feature_settings))
    services.telemetry.state(live.models.versions, services.feature_age_days)
    return services


def _open(settings: ServingSettings, models: LiveModels) -> Live:
    live = open_live(current_folder(settings.online_dir, remedy=_REMEDY), models)
    if settings.now is not None and settings.now < live.as_of:
        raise ClockBehind(
            f"The clock is at {settings.now.isoformat()}, but the online features have seen everything until {live.as_of.isoformat()}; "
            "set a later clock, or run `huitou build` with this one."
        )
    return live
