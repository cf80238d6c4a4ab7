"""A mapping file: what is written is read, and whatever else stands in it is refused with the file's name."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from features.errors import SourceUnreadable
from features.sources.tabular.kinds import KINDS, kind
from features.sources.tabular.mapping import FILE, Mapping, Meaning, Part, Reading, load_mapping, save_mapping

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
ZONES = st.sampled_from(["UTC", "Asia/Shanghai", "Europe/London"])


def parts_of(name: str) -> st.SearchStrategy[Part]:
    fields = st.sampled_from([field.name for field in kind(name).fields])
    reading = st.builds(
        Reading,
        delimiter=st.none() | st.sampled_from([",", ";", "\t", "whitespace"]),
        header=st.none() | st.booleans(),
        decimal=st.none() | st.sampled_from(".,"),
        time_formats=st.lists(TEXT, max_size=2).map(tuple),
        time_zone=ZONES,
    )
    meaning = st.builds(Meaning, refund_prefix=TEXT, charges=st.lists(TEXT, max_size=2).map(tuple), constants=st.dictionaries(fields, TEXT))
    return st.builds(Part, columns=st.dictionaries(fields, TEXT, max_size=4), reading=reading, meaning=meaning)


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    """Parts of kinds, some of single files."""
    names = draw(st.lists(st.sampled_from([one.name for one in KINDS]), max_size=3, unique=True))
    file = draw(st.sampled_from(["", ":2023.csv", ':"odd" 文件.csv']))
    return Mapping(parts={f"{name}{file}": draw(parts_of(name)) for name in names})


@given(mappings())
def test_what_is_written_is_read(mapping: Mapping) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        save_mapping(path, mapping)
        assert load_mapping(path) == mapping


TOML = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["columns", "reading", "meaning", "time_zone", "orders", "constants"]) | TEXT, inner, max_size=3)
    ),
    max_leaves=8,
)
FILES = st.dictionaries(st.sampled_from([one.name for one in KINDS]) | TEXT, TOML, max_size=3).map(
    lambda told: tomli_w.dumps(told).encode()
)


@given(FILES | st.binary(max_size=40))
def test_anything_else_is_refused_with_the_files_name(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_bytes(text)
        said = ""
        try:
            load_mapping(path)
        except SourceUnreadable as refused:
            said = str(refused)
        assert not said or said.startswith(str(path))


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/localtime", "", "Mars/Olympus", "\0"])
def test_a_zone_is_a_name_and_never_a_path(tmp_path: Path, zone: str) -> None:
    path = tmp_path / FILE
    path.write_text(tomli_w.dumps({"orders": {"columns": {}, "reading": {"time_zone": zone}}}))
    with pytest.raises(SourceUnreadable, match=r"reading\.time_zone"):
        load_mapping(path)
