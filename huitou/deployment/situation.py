"""What the checks look at: the settings, and what several of them ask for, read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from features.ledger.database import LedgerDatabase, ledger_url
from features.ledger.ledger import ledger_exists, wall_clock
from features.ledger.migrating import newest_revision, revision_of
from features.settings import FeatureSettings
from features.versions import current_folder
from huitou.deployment.settings import DoctorSettings
from serving.settings import ServingSettings
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from features.freshness import Followed


@dataclass(frozen=True)
class Situation:
    """One deployment.

    Attributes:
        features, training, serving, doctor: its settings.
        environment: variables, for names that nobody reads.
        wall: the machine's clock; injected in tests.
    """

    features: FeatureSettings
    training: TrainingSettings
    serving: ServingSettings
    doctor: DoctorSettings
    environment: Mapping[str, str] = field(default_factory=dict)
    wall: Callable[[], datetime] = wall_clock

    @classmethod
    def of(cls, data_dir: Path | None, environment: Mapping[str, str]) -> Situation:
        """From the environment.

        Raises:
            ValidationError, HuitouError: a setting is not allowed.
        """
        features = FeatureSettings() if data_dir is None else FeatureSettings(data_dir=data_dir)
        serving = ServingSettings(data_dir=features.data_dir)
        return cls(features, TrainingSettings.beside(features), serving, DoctorSettings(), environment)

    @property
    def data_dir(self) -> Path:
        """The data folder."""
        return self.features.data_dir

    @cached_property
    def online(self) -> Path:
        """Folder of the online state in force.

        Raises:
            StateMissing, StateBroken: there is none.
        """
        return current_folder(self.features.online_dir, remedy="run `huitou build`.")

    @cached_property
    def followed(self) -> Followed | None:
        """What the online state has seen of the ledger; raises as `online`."""
        from features.freshness import read_followed

        return read_followed(self.online, self.features.online_server)

    @cached_property
    def as_of(self) -> datetime:
        """What the online state looks from; raises as `online`."""
        from features.products import read_products

        return read_products(self.online).as_of

    @cached_property
    def revision(self) -> str | None:
        """The ledger's version; None where there is no ledger yet.

        Raises:
            LedgerAway, LedgerBroken: it cannot be asked.
        """
        if not ledger_exists(self.features):
            return None
        return revision_of(self.database)

    @property
    def migrated(self) -> bool:
        """Whether there is a ledger of this program's version; raises as `revision`."""
        return self.revision == newest_revision()

    @cached_property
    def database(self) -> LedgerDatabase:
        """The ledger's; closed by who made this."""
        url = ledger_url(self.data_dir, self.features.ledger_url)
        return LedgerDatabase(url, patience=self.features.ledger_patience_seconds)

    @cached_property
    def newest_event(self) -> datetime | None:
        """When the newest thing happened; None without a ledger or an event."""
        from features.ledger.events import last_occurred

        if not self.migrated:
            return None
        with self.database.reading() as connection:
            return last_occurred(connection)

    @property
    def clock(self) -> datetime:
        """The service's clock, as `serving.services.Services.now`; raises as `online`."""
        if self.serving.now is not None:
            return self.serving.now
        return self.as_of if self.newest_event is None else max(self.as_of, self.newest_event)

    def close(self) -> None:
        """Let go of the database."""
        if "database" in self.__dict__:
            self.database.close()
