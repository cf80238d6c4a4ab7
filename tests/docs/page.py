"""An "add a …" page as steps: files it writes, changes it makes, commands it runs and what they print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(python|diff|console|sh|json)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"`([\w./-]+\.(?:py|toml))`:\s*\Z")


@dataclass(frozen=True)
class Step:
    """One code block: its language, its text, and the file that the line before it names ("" where it names none)."""

    language: str
    text: str
    file: str

    def apply(self, tree: Path) -> None:
        """Write the file, or change it where every hunk is found exactly once."""
        target = tree / self.file
        if self.language == "python":
            assert not target.exists(), f"{self.file} is there already"
            target.write_text(self.text, encoding="utf-8")
            return
        source = target.read_text(encoding="utf-8")
        for hunk in re.split(r"^@@\n", self.text, flags=re.MULTILINE):
            lines = hunk.splitlines(keepends=True)
            assert all(line[0] in " +-" for line in lines), hunk
            before, after = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
            assert source.count(before) == 1, f"{self.file} holds {source.count(before)} times:\n{before}"
            source = source.replace(before, after)
        target.write_text(source, encoding="utf-8")

    def commands(self) -> list[tuple[str, list[str]]]:
        """Commands after `$`, each with the lines that the page shows below it."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
        return found


def steps_of(page: str) -> list[Step]:
    """The page's code blocks in order; a `python` or `diff` block changes the file named at the end of the text above it."""
    steps, last = [], 0
    for block in _BLOCK.finditer(page):
        named = _FILE.search(page[last : block.start()])
        steps.append(Step(block[1], block[2], named[1] if named else ""))
        last = block.end()
    return steps


def printed(shown: str, output: str) -> bool:
    """Whether a line of the output is the shown one; `…` stands for anything, blanks do not count."""
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in shown.split("…")).replace(r"\ .*", ".*").replace(r".*\ ", ".*")
    return any(re.fullmatch(pattern, " ".join(line.split())) for line in output.splitlines())
