"""`huitou import tabular` as it is typed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from features.assumptions import load_assumptions
from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from tests.features.sources.tabular.files import CLEAN, write
from tests.huitou.conftest import Huitou

EVIDENCE = Path(os.environ.get("HUITOU_EVIDENCE_DIR", str(Path(__file__).parents[3] / "shared" / "data")))


def evidence(name: str) -> Path:
    path = EVIDENCE / name
    if not path.exists():
        pytest.skip(f"{name} is not here (HUITOU_EVIDENCE_DIR): the counts of published files are not checked")
    return path


def test_the_guess_is_shown_agreed_to_and_remembered(huitou: Huitou, tmp_path: Path) -> None:
    data, path = tmp_path / "data", write(tmp_path / "orders.csv", CLEAN)
    first = huitou(
        "import",
        "tabular",
        "--orders",
        path,
        "--data-dir",
        data,
        "--yes",
        "--currency",
        "CNY",
        "--channel",
        "wecom",
        "--channel",
        "sms",
        "--consent",
        "granted",
    )
    assert first.code == 0
    assert "by its name" in first.out
    assert "ordered_at" in first.out
    assert "ann" not in first.out  # nobody's id on the screen
    assert "4 orders" in first.out
    assumptions = load_assumptions(data / "assumptions.toml")
    assert (assumptions.currency, assumptions.consent.channels) == ("CNY", ["wecom", "sms"])
    more = write(tmp_path / "more.csv", CLEAN.replace("\n4,", "\n44,"))
    second = huitou("import", "tabular", "--orders", more, "--data-dir", data)
    assert second.code == 0
    assert "by its name" not in second.out
    assert "5 orders" in second.out


def test_a_moment_is_shown_as_a_person_writes_it(huitou: Huitou, tmp_path: Path) -> None:
    at = pl.select(pl.datetime(2024, 1, 5, 10, 26)).to_series()
    rows = pl.DataFrame({"order_id": ["1"], "customer_id": ["ann"], "ordered_at": at, "quantity": [2], "amount": [5.0]})
    rows.write_parquet(tmp_path / "orders.parquet")
    ran = huitou("import", "tabular", "--orders", tmp_path / "orders.parquet", "--data-dir", tmp_path / "data", "--yes")
    assert ran.code == 0
    assert "2024-01-05 10:26:00" in ran.out
    assert "datetime" not in ran.out


def test_nothing_is_assumed_about_consent_or_currency(huitou: Huitou, tmp_path: Path) -> None:
    ran = huitou("import", "tabular", "--orders", write(tmp_path / "o.csv", CLEAN), "--data-dir", tmp_path / "data", "-y")
    assert "under [consent] in the file" in ran.out
    assumptions = load_assumptions(tmp_path / "data" / "assumptions.toml")
    assert (assumptions.currency, assumptions.consent.channels) == ("XXX", [])


def test_a_guess_needs_somebody_to_agree(huitou: Huitou, tmp_path: Path) -> None:
    ran = huitou("import", "tabular", "--orders", write(tmp_path / "o.csv", CLEAN), "--data-dir", tmp_path / "data")
    assert ran.code == 1
    assert "--yes" in ran.refusal
    assert not (tmp_path / "data" / "warehouse").exists()


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_at_a_terminal_it_asks(tmp_path: Path, answer: str, code: int) -> None:
    path = write(tmp_path / "o.csv", CLEAN)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "huitou", "import", "tabular", "--orders", str(path), "--data-dir", str(tmp_path / "data")]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.write(ours, f"{answer}\n".encode())
    out, err = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert "Is this right?" in out.decode()
    assert process.returncode == code, err.decode()
    assert (tmp_path / "data" / "mapping.toml").exists() == (code == 0)


def test_refusals(huitou: Huitou, tmp_path: Path) -> None:
    assert "No file was named" in huitou("import", "tabular").refusal
    assert "is no file" in huitou("import", "tabular", "--orders", tmp_path / "none.csv").refusal
    assert "leave --mapping out" in huitou("import", "tabular", "--orders", tmp_path / "none.csv", "--mapping", tmp_path / "m.toml").refusal
    lacking = write(tmp_path / "o.csv", "customer_id,amount\n1,2\n")
    assert "has no column for ordered_at" in huitou("import", "tabular", "--orders", lacking, "--yes").refusal


def test_online_retail(huitou: Huitou, tmp_path: Path) -> None:
    path = evidence("online_retail/online_retail_2010_2011.parquet")
    assert huitou("import", "tabular", "--orders", path, "--data-dir", tmp_path, "--yes", "--consent", "granted").code == 0
    warehouse = open_warehouse(FeatureSettings(data_dir=tmp_path))
    counts, source = warehouse.report["counts"], pl.read_parquet(path)
    cancelled = source.unique().filter(pl.col("InvoiceNo").str.starts_with("C")).height
    assert counts["refund lines matched to their sales"] + counts["refund lines whose sale is not in the history"] == cancelled
    assert counts["refund lines matched to their sales"] > 0.8 * cancelled
    assert warehouse.report["reasons"] == {
        "orders, duplicate of an earlier line": source.height - source.unique().height,
        "orders, quantity: negative quantity that is no refund of an earlier sale": 1336,
        "orders, UnitPrice: below 0": 2,
    }
    assert counts["lines without a customer, kept for baskets"] > 130_000
    sales = source.unique().filter((pl.col("Quantity") > 0) & (pl.col("UnitPrice") >= 0))
    assert warehouse.read("order_lines")["amount"].sum() == pytest.approx((sales["Quantity"] * sales["UnitPrice"]).sum())
    assert not warehouse.read("products").filter(pl.col("product_id") == "POST")["in_catalogue"].item()


def test_cdnow(huitou: Huitou, tmp_path: Path) -> None:
    path = evidence("cdnow/CDNOW_master.txt.gz")
    assert huitou("import", "tabular", "--orders", path, "--data-dir", tmp_path, "--yes", "--consent", "granted").code == 0
    rows = open_warehouse(FeatureSettings(data_dir=tmp_path)).report["rows"]
    assert (rows["customers"], rows["orders"], rows["order_lines"]) == (23_570, 67_591, 0)


def test_youshu(huitou: Huitou, tmp_path: Path) -> None:
    bundles, *others = (evidence(f"youshu/{n}.txt") for n in ("bundle_item", "user_item", "user_bundle_train"))
    interactions = [option for path in others for option in ("--interactions", path)]
    ran = huitou("import", "tabular", "--bundles", bundles, *interactions, "--data-dir", tmp_path, "--yes", "--consent", "granted")
    assert ran.code == 0
    assert "no orders" in ran.out
    warehouse = open_warehouse(FeatureSettings(data_dir=tmp_path))
    assert warehouse.report["rows"]["bundle_items"] == 176_667
    pairs = warehouse.read("interactions")
    assert (pairs["product_id"].count(), pairs["bundle_id"].count()) == (138_515, 34_416)
    assert huitou("build", "--data-dir", tmp_path).code == 1


def test_hillstrom(huitou: Huitou, tmp_path: Path) -> None:
    path = evidence("hillstrom/hillstrom.csv.gz")
    assert huitou("import", "tabular", "--experiments", path, "--data-dir", tmp_path, "--yes", "--consent", "granted").code == 0
    arms = (
        open_warehouse(FeatureSettings(data_dir=tmp_path))
        .read("experiments")
        .group_by("treatment")
        .agg(pl.len(), pl.col("visited").mean().round(4))
    )
    assert sorted(arms.rows()) == [("Mens E-Mail", 21_307, 0.1828), ("No E-Mail", 21_306, 0.1062), ("Womens E-Mail", 21_387, 0.1514)]
