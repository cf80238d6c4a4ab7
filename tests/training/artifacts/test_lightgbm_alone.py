"""What a process that serves imports with LightGBM."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVE = "from training.artifacts.lightgbm_alone import import_alone; import_alone(); import serving.app; "
HEAVY = "import sys; print(sorted({'sklearn', 'pandas', 'pyarrow', 'matplotlib'} & {name.partition('.')[0] for name in sys.modules}))"


def said(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_service_holds_nothing_that_only_fitting_needs() -> None:
    assert said(SERVE + HEAVY) == "[]"


def test_whoever_needs_more_afterwards_gets_it() -> None:
    assert said(SERVE + "import pandas, pyarrow, sklearn.linear_model; print(pandas.Series([1, 2]).sum())") == "3"


@pytest.mark.parametrize("before", ["import lightgbm", "import pandas"])
def test_what_is_there_already_stays(before: str) -> None:
    assert said(f"{before}; {SERVE} import sys; print(sys.modules['pandas'].__name__)") == "pandas"


def test_a_saved_model_says_the_same_without_the_rest() -> None:
    fitted = "import lightgbm, numpy; x = numpy.arange(400.0).reshape(100, 4); y = (x[:, 0] > 200) * 1.0; "
    fitted += "p = {'verbose': -1, 'num_threads': 1, 'objective': 'binary'}; "
    fitted += "text = lightgbm.train(p, lightgbm.Dataset(x, y), 5).model_to_string(); "
    fitted += "print(lightgbm.Booster(model_str=text).predict(x).tolist())"
    assert said("from training.artifacts.lightgbm_alone import import_alone; import_alone(); " + fitted) == said(fitted)
