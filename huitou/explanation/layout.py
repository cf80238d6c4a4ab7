"""How the parts of a page look: section titles, tables, and pairs of a name and what it is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text


def section(title: str) -> list[RenderableType]:
    """A line with the title, and a blank one above."""
    return [Text(), Rule(Text(title, style="bold"), align="left", style="dim")]


def heading(title: str) -> Text:
    """The title of a table inside a section."""
    return Text(f"\n{title}", style="italic")


def indented(part: RenderableType) -> Padding:
    """A part set in by two cells."""
    return Padding(part, (0, 0, 0, 2), expand=False)


def table(*columns: str, right: Sequence[int] = (), wide: Sequence[int] = ()) -> Table:
    """An empty table.

    Args:
        columns: heads.
        right: columns that hold numbers.
        wide: columns that may fold over several lines; the others keep their width as long as they can.
    """
    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for i, column in enumerate(columns):
        made.add_column(column, justify="right" if i in right else "left", no_wrap=i not in wide, overflow="fold")
    return made


def pairs(rows: Sequence[tuple[str, RenderableType]]) -> Table:
    """A name and what it is, a row each."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value)
    return made
