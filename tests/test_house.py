"""Laws of the whole house: every public thing is explained, files stay small, nothing heavy hides in a light room, pages say what is."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import jupytext
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("features", "training", "serving", "huitou")
LONGEST = 350  # lines; a file that grows beyond holds more than one concept
NAMELESS = {"utils.py", "helpers.py", "common.py", "misc.py", "manager.py"}
DANGEROUS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
COMPUTING = {"polars", "ibis", "duckdb", "feast", "mlflow", "implicit", "pyspark", "jinja2"}
# LightGBM itself imports these where they are installed; a module without it must do without them.
NUMERIC = {"lightgbm", "pandas", "pyarrow", "sklearn", "scipy", "matplotlib"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> list[Path]:
    found = [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in p.parts]
    assert found
    return found


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def public(path: Path) -> Iterator[tuple[str, ast.Module | ast.ClassDef | Function]]:
    """The module itself and everything public in it, methods included."""
    module = tree(path)
    where = path.relative_to(ROOT)
    yield str(where), module
    for node in module.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield f"{where}:{node.lineno} {node.name}", node
            if isinstance(node, ast.ClassDef):
                methods = [m for m in node.body if isinstance(m, Function) and not m.name.startswith("_")]
                yield from ((f"{where}:{m.lineno} {node.name}.{m.name}", m) for m in methods)


def imported(path: Path) -> set[str]:
    """Top packages a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_everything_public_is_explained() -> None:
    assert [name for path in sources(*PACKAGES) for name, node in public(path) if not ast.get_docstring(node)] == []


def test_no_file_is_too_long() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in sources(*PACKAGES, "tests", "docs")}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_every_file_has_a_name_that_says_what_is_in_it() -> None:
    assert [str(p.relative_to(ROOT)) for p in sources(*PACKAGES, "tests") if p.name in NAMELESS] == []


def test_nothing_that_runs_code_when_read_is_imported() -> None:
    assert {str(p.relative_to(ROOT)): bad for p in sources(*PACKAGES, "tests", "docs") if (bad := imported(p) & DANGEROUS)} == {}


def test_numpy_is_never_allowed_to_unpickle() -> None:
    found = [
        (str(path.relative_to(ROOT)), ast.unparse(node.value))
        for path in sources(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle"
    ]
    assert found
    assert {value for _, value in found} == {"False"}


def test_the_command_line_alone_reads_the_environment() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for path in sources("features", "training", "serving")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert readers == []


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("features.errors features.versions features.feature_sets features.settings features.assumptions", COMPUTING | NUMERIC | {"numpy"}),
        ("features.packing features.store features.products features.recent", COMPUTING | NUMERIC),
        ("training.settings training.local_models training.code_version training.artifacts.folder", COMPUTING | NUMERIC),
        ("training.artifacts.calibration training.artifacts.bgnbd training.artifacts.hazard_path", COMPUTING | NUMERIC),
        ("training.artifacts.return_hazard training.artifacts.items training.artifacts.bundles", COMPUTING),
        ("training.registry training.pipeline", {"mlflow", "feast", "implicit", "ibis", "duckdb", "matplotlib"}),
        ("huitou.main", COMPUTING | NUMERIC | {"numpy", "fastapi", "uvicorn"}),
        ("serving.settings", COMPUTING | NUMERIC | {"numpy", "fastapi"}),
        ("serving.app", COMPUTING),
    ],
)
def test_light_rooms_stay_light(modules: str, heavy: set[str]) -> None:
    code = f"import sys, {', '.join(modules.split())}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert heavy & set(done.stdout.split()) == set()


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """docs/generate.py, which is no package."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["settings.md", "commands.md", "events.md"])
def test_the_pages_say_what_the_code_says(generator: ModuleType, page: str) -> None:
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == generator.pages()[page], "run `python docs/generate.py`"


def test_no_settings_model_is_left_out(generator: ModuleType) -> None:
    models = {
        node.name
        for path in sources(*PACKAGES)
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and {"BaseSettings", "SettingsWithSecrets"} & {ast.unparse(base) for base in node.bases}
    } - {"SettingsWithSecrets"}  # what others begin from
    assert {model.__name__ for _, model in generator.FLOORS} == models


def test_every_setting_says_what_it_does(generator: ModuleType) -> None:
    silent = [f"{model.__name__}.{name}" for _, model in generator.FLOORS for name, f in model.model_fields.items() if not f.description]
    assert silent == []


def test_every_command_and_option_is_on_its_page(generator: ModuleType) -> None:
    text = generator.commands_page()
    for name in (
        "build",
        "train",
        "serve",
        "score",
        "explain",
        "demo",
        "import complete-journey",
        "import sample",
        "import tabular",
        "doctor data",
        "campaign at-risk",
    ):
        assert f"\n## `huitou {name}`\n" in text
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| `--")]
    assert len(rows) > 15
    assert all(len(cells) == 3 and cells[2].strip() for cells in rows)


def notebooks() -> list[Path]:
    found = sorted((ROOT / "notebooks").glob("*.py"))
    assert found
    return found


def test_notebooks_define_nothing() -> None:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [str(path) for path in notebooks() for node in ast.walk(tree(path)) if isinstance(node, definitions)] == []


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_both_halves_of_a_notebook_say_the_same_and_hold_no_output(path: Path) -> None:
    script, paper = jupytext.read(path), jupytext.read(path.with_suffix(".ipynb"))
    assert [(c.cell_type, c.source) for c in script.cells] == [(c.cell_type, c.source) for c in paper.cells], "run `jupytext --sync`"
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in paper.cells)


READMES = ("README.md", "README.zh-CN.md")


def test_the_readmes_say_the_same() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in READMES)
    fence = re.compile(r"^```.*?^```", flags=re.MULTILINE | re.DOTALL)
    lines = [[line for block in fence.findall(text) for line in block.splitlines()] for text in (english, chinese)]
    typed = ("huitou ", "curl ", "make ")
    commands = [[re.sub(r"\s*#.*", "", line) for line in of_one if line.startswith(typed)] for of_one in lines]
    assert len(commands[0]) > 10
    assert commands[0] == commands[1]
    links = [{link for link in re.findall(r"\]\(([^)]+)\)", text) if link not in READMES} for text in (english, chinese)]
    assert links[0] == links[1]
    headings = [len(re.findall(r"^## ", fence.sub("", text), flags=re.MULTILINE)) for text in (english, chinese)]
    assert headings[0] == headings[1]
    tables = [len(re.findall(r"^\|", text, flags=re.MULTILINE)) for text in (english, chinese)]
    assert tables[0] == tables[1]


@pytest.mark.parametrize("page", [*READMES, "docs/tutorial.md", "docs/architecture.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    path = ROOT / page
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_what_is_installed_is_locked_by_hash_and_names_no_index() -> None:
    locks = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "requirements").iterdir()}
    assert set(locks) == {"dev.lock", "demo.lock", "serve.lock", "otel.lock", "uv.txt"}
    for name, text in locks.items():
        pins = re.split(r"\n(?=\S)", text.strip())
        assert all("--hash=sha256:" in pin and re.match(r"[\w.\-\[\]]+==", pin) for pin in pins), name
        assert "://" not in text, name
    assert locks["uv.txt"].rstrip() in locks["dev.lock"], "uv installs the rest (make lock)"
