"""Puts the commands together and turns errors into one clear sentence and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import warnings

import typer
from pydantic import ValidationError
from rich.markup import escape

from features.errors import HuitouError
from huitou import (
    audit,
    build,
    campaign,
    compact,
    customer,
    demo,
    doctor,
    erase,
    evaluate,
    experiment,
    explain,
    fetch,
    import_history,
    keys,
    ledger,
    offers,
    policy,
    retain,
    score,
    serve,
    train,
    work,
    write_report,
)
from huitou.console import errors

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="huitou",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # in "rich" mode a help text's [default: …] is taken for markup and vanishes
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Who is about to leave, what they will need next, and which offer, if any, is worth sending now.\n\n"
    "The steps, in order: import, build, train, serve. `huitou demo` runs them all on real data.",
    epilog="Exit codes: 0 done, 1 refused with a reason, 2 wrong usage, 130 interrupted.",
)
app.add_typer(import_history.app, name="import")
app.add_typer(doctor.app, name="doctor")
app.add_typer(ledger.app, name="ledger")
app.add_typer(offers.app, name="offers")
app.command("fetch")(fetch.fetch)
app.command("compact")(compact.compact)
app.command("build")(build.build)
app.command("retain")(retain.retain)
app.add_typer(customer.app, name="customer")
app.command("erase")(erase.erase)
app.add_typer(audit.app, name="audit")
app.command("train")(train.train)
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")
app.command("work")(work.work)
app.command("score")(score.score)
app.command("report")(write_report.report)
app.command("explain")(explain.explain)
app.add_typer(campaign.app, name="campaign")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(experiment.app, name="experiment")
app.add_typer(policy.app, name="policy")
app.command("demo")(demo.demo)


def main() -> None:
    """Entry point of the `huitou` command."""
    # Before anything imports mlflow, which would otherwise write an id of its own below the user's home.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # One customer's matrix products are small: a second BLAS thread only waits for the first, and on a busy machine for long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # GNU OpenMP threads spin only briefly before they sleep. Beside other work the default made a LightGBM fit ten times slower
    # (23 s against 2); always sleeping (OMP_WAIT_POLICY=PASSIVE) made it twice as slow on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    if not sys.warnoptions:
        # Other libraries' notes to their own developers; `python -W default -m huitou` shows them.
        warnings.simplefilter("ignore", DeprecationWarning)
    try:
        app()
    except SystemExit as done:  # how typer ends: its own words about wrong usage are already said
        if done.code == EXIT_INTERRUPTED:
            errors().print("Interrupted; the previous state is untouched.")
        raise
    except (HuitouError, OSError, ValidationError) as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        errors().print(f"[bold red]huitou:[/] {escape(sentence)}")
        sys.exit(EXIT_FAILED)


def _sentence(error: HuitouError | OSError | ValidationError) -> str | None:
    """What a user can do about an error; None when it is not theirs to mend."""
    if isinstance(error, HuitouError):
        return str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        setting = f"HUITOU_{'_'.join(map(str, first['loc']))}".upper()
        return f"Setting {setting}: {first['msg']}." if error.title.endswith("Settings") else None
    if error.errno == errno.ENOSPC:
        return "The disk is full; free some space and run the command again. The previous state is untouched."
    return f"{error.filename}: {error.strerror}." if error.filename else None
