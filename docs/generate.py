"""Writes docs/settings.md, docs/commands.md and the table of docs/events.md from the settings, the command line and the kinds themselves.

`python docs/generate.py` rewrites the pages; a test fails while a page does not say what the code says.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from features.ledger.kinds import KINDS, Kind
from features.ledger.retention import RetentionSettings
from features.secret_files import SUFFIX, is_secret
from features.settings import FeatureSettings
from huitou.deployment.settings import DoctorSettings
from huitou.logs import LogSettings
from huitou.main import app
from serving.settings import ServingSettings
from training.settings import TrainingSettings

FOLDER = Path(__file__).parent
FLOORS: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("Data and features", FeatureSettings),
    ("How long the ledger keeps what (`huitou retain`)", RetentionSettings),
    ("Training", TrainingSettings),
    ("Serving", ServingSettings),
    ("Logs of `huitou serve` and `huitou work`", LogSettings),
    ("`huitou doctor`", DoctorSettings),
)
_KINDS = "<!-- kinds: written by `python docs/generate.py` -->"
_KINDS_END = "<!-- /kinds -->"
_FROM_FILE = "It may stand in a file that `{}` names."
_NOTE = "<!-- Written by `python docs/generate.py`; edit the descriptions in the code instead. -->"


def pages() -> dict[str, str]:
    """File name in docs/ → its whole text."""
    return {"settings.md": settings_page(), "commands.md": commands_page(), "events.md": events_page()}


def settings_page() -> str:
    """Every setting with its environment variable, default and limits."""
    parts = [
        "# Settings",
        _NOTE,
        "Every setting is an environment variable. An option of the command line that names the same thing wins over it. Where two parts"
        " share a name, one variable sets both. A value that is not allowed is refused by name before anything is done.",
    ]
    for title, model in FLOORS:
        parts += [f"## {title}", _cell_row(("variable", "default", "allowed", "what it does")), _cell_row(("---",) * 4)]
        prefix = str(model.model_config.get("env_prefix", ""))
        for name, field in model.model_fields.items():
            variable = f"{prefix}{name.upper()}"
            told = f"{field.description or ''} {_FROM_FILE.format(variable + SUFFIX)}" if is_secret(field) else field.description or ""
            parts.append(_cell_row((f"`{variable}`", _default(field), _allowed(field), told)))
    return _joined(parts)


def commands_page() -> str:
    """Every command with its arguments and options, as its help says."""
    root = typer.main.get_command(app)
    parts = ["# Commands", _NOTE, _text(root), str(getattr(root, "epilog", "") or "")]
    for name, command in _commands("huitou", root):
        parts += [f"## `{name}`", _text(command), _cell_row(("option", "default", "what it does")), _cell_row(("---",) * 3)]
        parts += [_cell_row(_parameter(parameter)) for parameter in command.params if parameter.name != "help"]
    return _joined(parts)


def events_page() -> str:
    """The page on events, with its table of kinds as the code has it."""
    before, begin, rest = (FOLDER / "events.md").read_text(encoding="utf-8").partition(_KINDS)
    _, end, after = rest.partition(_KINDS_END)
    rows = [("kind", "comes as", "must say", "may say"), ("---",) * 4, *(_kind(kind) for kind in KINDS)]
    return f"{before}{begin}\n" + "\n".join(map(_cell_row, rows)) + f"\n{end}{after}"


def _kind(kind: Kind) -> tuple[str, str, str, str]:
    said = {True: list[str](), False: list[str]()}
    for name, field in kind.facts.model_fields.items():
        aliases = field.validation_alias
        names = [str(choice) for choice in aliases.choices] if isinstance(aliases, AliasChoices) else [name]
        said[field.is_required()].append(" or ".join(f"`{one}`" for one in names))
    comes = ", ".join(f"`{name}`" for name in kind.names) or "`identify`"
    return f"`{kind.name}`", comes, ", ".join(said[True]), ", ".join(said[False])


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - click's classes, which newer typers vendor
    children: dict[str, Any] = getattr(command, "commands", {})
    if not children or getattr(command, "invoke_without_command", False):
        yield name, command
    for child, sub in children.items():
        yield from _commands(f"{name} {child}", sub)


def _parameter(parameter: Any) -> tuple[str, str, str]:  # noqa: ANN401
    argument = parameter.param_type_name == "argument"
    name = parameter.metavar or parameter.name.upper() if argument else ", ".join(f"`{o}`" for o in parameter.opts)
    text, _, told = (parameter.help or "").partition(" [default: ")
    shown = told.removesuffix("]") if told else parameter.default
    empty = shown is None or shown is False or shown == []
    return (name, "" if empty else f"{shown}" if told else f"`{shown}`", text)


def _text(command: Any) -> str:  # noqa: ANN401
    return inspect.cleandoc(command.help or "")


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "from the data folder"
    return "none" if field.default is None else f"`{field.default}`"


def _allowed(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥"}
    limits = [f"{sign} {getattr(rule, name)}" for rule in field.metadata for name, sign in signs.items() if hasattr(rule, name)]
    choices = [f"`{value}`" for value in getattr(field.annotation, "__args__", ()) if isinstance(value, str)]
    return ", ".join([*limits, *choices])


def _cell_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _joined(parts: list[str]) -> str:
    lines: list[str] = []
    for part in parts:
        if lines and not (part.startswith("| ") and lines[-1].startswith("| ")):
            lines.append("")  # rows of one table stand together, everything else apart
        lines.append(part)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the pages."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
