"""Puts the commands together and turns errors into one clear sentence and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import warnings

import typer
from click.exceptions import Abort, ClickException

from features.errors import HuitouError
from huitou import build, campaign, demo, import_history, score, serve, train
from huitou.console import errors

EXIT_FAILED = 1

app = typer.Typer(
    name="huitou",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Who is about to leave, what they will need next, and which offer, if any, is worth sending now.\n\n"
    "The steps, in order: import, build, train, serve. `huitou demo` runs them all on real data.",
    epilog="Exit codes: 0 done, 1 refused with a reason, 2 wrong usage, 130 interrupted.",
)
app.add_typer(import_history.app, name="import")
app.command("build")(build.build)
app.command("train")(train.train)
app.command("serve")(serve.serve)
app.command("score")(score.score)
app.add_typer(campaign.app, name="campaign")
app.command("demo")(demo.demo)


def main() -> None:
    """Entry point of the `huitou` command."""
    # Before anything imports mlflow, which would otherwise write an id of its own below the user's home.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # One customer's matrix products are small: a second BLAS thread only waits for the first, and on a busy machine for long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # OpenMP threads wait by sleeping: beside other work, spinning made a LightGBM fit five times slower (24 s against 4.7 s).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not sys.warnoptions:
        # Other libraries' notes to their own developers; `python -W default -m huitou` shows them.
        warnings.simplefilter("ignore", DeprecationWarning)
    try:
        code = app(standalone_mode=False)
    except HuitouError as error:
        errors().print(f"[bold red]huitou:[/] {error}", highlight=False, markup=True)
        code = EXIT_FAILED
    except ClickException as error:
        error.show()
        code = error.exit_code
    except (Abort, KeyboardInterrupt):
        errors().print("Interrupted; the previous state is untouched.")
        code = 130
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        errors().print("[bold red]huitou:[/] the disk is full; free some space and run the command again. The previous state is untouched.")
        code = EXIT_FAILED
    sys.exit(code if isinstance(code, int) else 0)
