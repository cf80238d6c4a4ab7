"""The composition root: everything the service is made of, wired in one place and replaceable after start-up."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from features.decisions.policy import FILE as POLICY_FILE
from features.decisions.policy import DecisionPolicy
from features.errors import HuitouError
from features.ledger.columns import EPOCH
from features.ledger.decision_spool import DecisionSpool
from features.ledger.decisions import Decided, record_decisions
from features.ledger.ledger import Ledger, open_ledger
from features.products import FILE as PRODUCTS_FILE
from features.settings import FeatureSettings
from features.store import open_reader
from features.versions import current_folder, current_version
from serving.access.access import Access
from serving.access.key_file import FILE as KEY_FILE
from serving.arm_models import ArmShelf
from serving.condition import problems_of
from serving.decision_log import DecisionLog
from serving.decisioning.contacts import rules_of
from serving.decisioning.engine import Engine
from serving.decisioning.experiments import ExperimentBook
from serving.file_stamp import stamp_of
from serving.ledger_watch import Lag, LedgerWatch
from serving.live import Live
from serving.live_models import ModelShelf, withdraw
from serving.live_opening import REMEDY, LiveOpening, terms_of
from serving.model_trial import ModelTrial
from serving.offers.budgets import exhausted
from serving.offers.offer_types import OFFER_TYPES
from serving.permissions import Permissions, Permitted
from serving.policy_watch import PolicyWatch
from serving.recollection import recall
from serving.replenishments import DueTable
from serving.second_tries import answered
from serving.settings import ServingSettings
from serving.telemetry import Telemetry
from serving.tracing.opening import open_tracing
from serving.workers_told import WorkersTold

if TYPE_CHECKING:
    from serving.tracing.tracing import Tracing

_LOG = logging.getLogger("huitou.serving")
_BUDGETS_SECONDS = 5.0  # between two looks at what was spent: a campaign's money lasts days
_WRITERS = 4  # one commits, another parses meanwhile; more only wait
_Told = ParamSpec("_Told")
_Found = TypeVar("_Found")


@dataclass
class Services:
    """What requests and commands work with.

    Attributes:
        settings: as given.
        shelf: the live models and the set before them.
        opening: makes a build live.
        live: the state that answers now; replaced as a whole.
        engine: decides on offers.
        due: table of due replenishments, computed when first asked for.
        telemetry: metrics.
        ledger: what came in and was decided.
        watch: what is followed in the ledger.
        policies: the policy file.
        reload_problem: why the newest build is not served, or None.
        trial: how the newest models do.
        registry_problem: why no new champion can be fetched, or None; told by whoever fetches.
        decisions: what was decided, on its way to the ledger.
        last_lag: how far the online features were behind the ledger when last asked.
        permissions: who agreed to what, as the ledger has it now.
        access: who may do what.
        tracing: sees a share of the requests; None where nobody asked for it.
        told: what this worker and the others tell one another; None where there is one only.
    """

    settings: ServingSettings
    shelf: ModelShelf
    opening: LiveOpening
    live: Live
    engine: Engine
    due: DueTable
    telemetry: Telemetry
    ledger: Ledger
    watch: LedgerWatch
    policies: PolicyWatch
    reload_problem: str | None = None
    registry_problem: str | None = None
    last_lag: Lag | None = None
    tracing: Tracing | None = None
    told: WorkersTold | None = None
    trial: ModelTrial = field(default_factory=ModelTrial)
    decisions: DecisionLog = field(init=False)
    permissions: Permissions = field(init=False)
    access: Access = field(init=False)
    _budgets_due: float = 0.0
    _ruled: bool = False
    _reloading: threading.Lock = field(default_factory=threading.Lock)
    _writers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_WRITERS, "ledger-writer"))

    def __post_init__(self) -> None:
        """Open the line of decisions and read the keys."""
        self.permissions = Permissions(self.ledger, self.settings.remembered_customers)
        self.access = Access(self.settings.data_dir / KEY_FILE, self.settings.accepted_keys)
        spool = DecisionSpool(self.settings.data_dir, limit_bytes=self.settings.spool_limit_bytes)
        self.decisions = DecisionLog(self._record, self.telemetry.decisions, spool=spool)

    def _record(self, group: Sequence[Decided]) -> int:
        with self.ledger.database.writing() as connection:
            return record_decisions(connection, group)

    async def aside(self, work: Callable[_Told, _Found], *arguments: _Told.args, **named: _Told.kwargs) -> _Found:
        """Do what writes to the ledger in one of a few threads of its own: calls that wait for it hold up nobody else."""
        call = functools.partial(work, *arguments, **named)
        if self.tracing is not None:  # a thread of a pool knows nothing of the request it works for
            call = functools.partial(contextvars.copy_context().run, call)
        return await asyncio.get_running_loop().run_in_executor(self._writers, call)

    def permitted(self, customer_id: str | None) -> Permitted:
        """What may be done for somebody now; the API asks without blocking, by `permissions.asked`."""
        return self.permissions.of(customer_id, self.outbound_channels)

    @property
    def outbound_channels(self) -> tuple[str, ...]:
        """Channels on which the shop comes to the customer."""
        return self.live.catalogue.outbound_channels

    @property
    def contacts_since(self) -> datetime:
        """How far back a person's messages are looked at; all of them where an offer counts how often it was sent."""
        return EPOCH if self.live.offers.capped else self.now - self.live.look_back

    def _suits(self, policy: DecisionPolicy) -> None:
        rules_of(policy.contact, self.outbound_channels)

    @property
    def now(self) -> datetime:
        """The clock: as set, or the newest of the online state and of what happened since; never the wall clock."""
        if self.settings.now is not None:
            return self.settings.now
        return self.live.as_of if self.watch.latest is None else max(self.live.as_of, self.watch.latest)

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
        return problems_of(self)

    def lag(self) -> Lag | None:
        """How far the online features are behind the ledger; None where the build did not say what it knows.

        Raises:
            LedgerAway, LedgerBroken, StateBroken: it cannot be found out.
        """
        lag = self.watch.lag(self.settings.online_dir / self.live.version)
        self.last_lag = lag
        self.telemetry.lag(lag)
        return lag

    def follow(self) -> bool:
        """Take over a changed policy, changed stock and experiments, the newest clock and a new build; safe from any thread.

        Returns:
            Whether what answers has changed.

        Raises:
            LedgerAway, LedgerBroken: the ledger does not answer; what answers now goes on answering.
        """
        if current_version(self.settings.online_dir) != self.live.version:
            self.reload_if_changed()
        elif self.live.stamp is not None and self.live.stamp != stamp_of(self.settings.online_dir / self.live.version / PRODUCTS_FILE):
            self.reopen()  # another process took somebody out of it
        self.permissions.look()
        with self._reloading:
            known = self.watch.experiments
            self._ruled |= self.policies.look(self._suits)  # until it is in force: the ledger may be away
            levels = self.watch.look()
            tried = self._ruled or self.watch.experiments is not known
            book = ExperimentBook.of_documents(self.watch.experiments, self.policies.policy) if tried else self.live.experiments
            beside = self.opening.arms.keep(book.wanted(self.now), self.shelf.current)
            tried = tried or beside is not self.live.arm_models
            if tried:
                self.live = self.live.trying(book, beside)
            if self._ruled:
                self._ruled = False
                recall(self.engine.messages, self.ledger, self.outbound_channels, self.live.policy, now=self.now)
            if self.watch.just_written:
                self.live = self.live.with_offers(self.live.offers.updated(self.watch.just_written, terms_of(self.live)))
            if levels:
                self.live = self.live.restocked(levels)
            spent = self._budgets_spent()
            return tried or spent or bool(levels or self.watch.just_written)

    def _budgets_spent(self) -> bool:
        """Look now and then which budgets are spent; returns whether that has changed."""
        if not self.live.offers.budgeted or (self.watch.just_written == {} and time.monotonic() < self._budgets_due):
            return False
        self._budgets_due = time.monotonic() + _BUDGETS_SECONDS
        found = exhausted(self.live.offers, self.ledger, self.live.catalogue.assumptions)
        if found == self.live.exhausted:
            return False
        self.live = replace(self.live, exhausted=found).warm()
        return True

    def reload_if_changed(self) -> bool:
        """Take over new champions and a new build; returns whether anything changed. Safe to call from any thread.

        A build that cannot be read does not displace the one that answers now.
        """
        with self._reloading:
            standing = self.shelf.current
            changed = self.shelf.reload_if_changed()
            if self.shelf.current.versions != standing.versions:
                self.trial.begin(standing, self.shelf.current)
            fresh = self.live if self.live.models is self.shelf.current else self.live.with_models(self.shelf.current)
            try:
                if current_version(self.settings.online_dir) != self.live.version:
                    fresh = self.opening.open(self.shelf.current)
                    changed = True
                self.reload_problem = None
            except HuitouError as error:
                self.reload_problem = str(error)
            self.live = fresh
            if changed:
                self.telemetry.state(self.live.models.versions, self.feature_age_days)
            return changed

    def let_go(self) -> None:
        """Hang up every line: none may be carried into a fork. Nothing was answered yet, and no thread runs."""
        self.live.reader.close()
        self.ledger.close()

    def forked(self, told: WorkersTold) -> Services:
        """The same in a process forked after `let_go`, with lines of its own, brought up to now; returns itself.

        Args:
            told: what it and the others tell one another.

        Raises:
            HuitouError: as `build_services`.
        """
        self.told = told
        if current_version(self.settings.online_dir) == self.live.version:
            self.live = self.live.reading(open_reader(self.settings.online_dir / self.live.version, self.settings.online_server))
        self.reload_if_changed()
        self.follow()
        recall(self.engine.messages, self.ledger, self.outbound_channels, self.live.policy, now=self.now)
        return self

    def reopen(self) -> None:
        """Read the online state anew: something was taken out of it.

        Raises:
            StateBroken, StateMissing: it cannot be read; what answers now goes on answering.
        """
        with self._reloading:
            self.live = self.opening.open(self.shelf.current)

    def answering(self, work: Callable[[Live], _Found], silent: Callable[[_Found], bool] = lambda _: False) -> _Found:
        """Answer with the live state, or with other models where these fail; arguments as `second_tries.answered`."""
        return answered(self.live, self.trial, work, silent)

    def judge_models(self) -> bool:
        """Withdraw the newest models when too many answers fail with them; returns whether it did. Safe to call from any thread."""
        with self._reloading:
            verdict = self.trial.verdict()
            if verdict is None or self.shelf.current is not verdict[0]:
                return False
            failed, standing = verdict
            self.shelf.restore(standing)
            self.live = self.live.with_models(standing)
            self.telemetry.state(standing.versions, self.feature_age_days)
        self.telemetry.withdrawn()
        _LOG.error("%s", self.trial.problem)
        for problem in withdraw(self.settings.data_dir, failed, standing, at=self.ledger.clock()):
            _LOG.error("%s", problem)
        return True

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
        SourceUnreadable, ContactPolicyRefused: the policy file is wrong.
        ClockBehind: the online state was built later than the clock.
        KeysBroken: the file of keys is wrong.
        LedgerAway, LedgerBroken: the ledger cannot be opened.
        HuitouError: traces are wanted and the libraries for them are not installed.
    """
    current_folder(settings.online_dir, remedy=REMEDY)  # told before the models are loaded for nothing
    feature_settings = FeatureSettings(
        data_dir=settings.data_dir, ledger_url=settings.ledger_url, ledger_patience_seconds=settings.ledger_patience_seconds
    )
    tracing, telemetry, engine = open_tracing(settings.traces_sample), Telemetry(), Engine(OFFER_TYPES)
    shelf = ModelShelf(settings.data_dir, seen=None if tracing is None else tracing.model)
    ledger = open_ledger(feature_settings)
    ledger.database.timed = telemetry.ledger
    if tracing is not None:
        ledger, engine = tracing.ledger(ledger), tracing.engine(engine)
    watch = LedgerWatch(ledger, settings.online_server)
    watch.look()
    policies = PolicyWatch(settings.data_dir / POLICY_FILE)
    arms = ArmShelf(settings.data_dir, seen=None if tracing is None else tracing.model)
    opening = LiveOpening(settings, policies, watch, arms, tracing)
    live = opening.open(shelf.current)
    services = Services(settings, shelf, opening, live, engine, DueTable(), telemetry, ledger, watch, policies, tracing=tracing)
    services.telemetry.state(live.models.versions, services.feature_age_days)
    recall(engine.messages, ledger, services.outbound_channels, live.policy, now=services.now)
    return services
