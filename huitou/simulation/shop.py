"""Opens a simulated shop in a data folder: history in by files, built and trained; and its nights."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from features.import_consent import ImportConsent
from huitou.simulation.messages import SENDING_HOUR, Messages
from huitou.simulation.shop_files import write_assumptions, write_history
from training.simulation.state import State
from training.simulation.trajectory import before_live
from training.simulation.world import Happened, World

Tell = Callable[[str], None]
Night = Callable[[datetime, int], None]

_WEEKLY = frozenset({"offer_effect"})  # models that learn from decisions, so that every week counts


def silent(_: str) -> None:
    """Nobody is told."""


def open_shop(world: World, state: State, data_dir: Path, night: Night, *, tell: Tell = silent) -> None:
    """Live the history, import it as `huitou import tabular` and `huitou import events` do, build and train.

    Args:
        world: as drawn.
        state: of day 0; afterwards of the first live morning.
        data_dir: an empty folder.
        night: of `nights`; done once before the first morning.
        tell: told the name of each part as it begins.
    """
    from huitou.import_events import events
    from huitou.import_tabular import tabular

    tell("living the history")
    days = list[Happened]()
    before_live(world, state, watch=days.append)
    write_assumptions(world, data_dir)
    files = write_history(world, days, data_dir / "export")
    tell("importing it")
    with quiet():
        orders, products, trials = ([files[kind]] for kind in ("orders", "products", "trials"))
        tabular(orders=orders, products=products, trials=trials, yes=True, consent=ImportConsent.GRANTED, data_dir=data_dir)
        events(file=[files["events"]], consent=ImportConsent.GRANTED, data_dir=data_dir)
    night(Messages(world).moment(state.day, SENDING_HOUR), 0)


def nights(data_dir: Path, *, train_every_weeks: int = 4, models: Sequence[str] | None = None, tell: Tell = silent) -> Night:
    """What runs every night before decisions: `huitou build` (which folds the events in first) and `huitou train`.

    Args:
        data_dir: of the service.
        train_every_weeks: all models are trained so often; the effect of offers is learned anew every week.
        models: which; all by default.
        tell: told the name of each part as it begins.
    """
    from typer import Exit

    from huitou.build import build
    from huitou.train import train
    from training.pipeline import MODELS

    chosen = MODELS if models is None else tuple(models)

    def night(morning: datetime, week: int) -> None:
        tell("building")
        with quiet():
            build(data_dir=data_dir, now=morning.isoformat())
        due = chosen if week % train_every_weeks == 0 else [name for name in chosen if name in _WEEKLY]
        for name in due:
            tell(f"training {name}")
            with quiet(), contextlib.suppress(Exit):  # one that lacks history is skipped; the service does without it
                train(models=[name], data_dir=data_dir, now=morning.isoformat())

    return night


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the commands print is not of interest here."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
