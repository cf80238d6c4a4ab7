from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.errors import HuitouError
from features.ledger.catalogue import Kind, put_documents
from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings
from huitou.main import app
from tests.serving.small_shop import ASSUMPTIONS, write_online

GOOD = {"offer_id": "a", "type": "coupon", "product_ids": ["p01"], "channels": ["email"]}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_online(tmp_path / "data")
    (tmp_path / "data" / "assumptions.toml").write_text(ASSUMPTIONS)
    return tmp_path / "data"


def check(shop: Path, text: str, name: str = "offers.json") -> tuple[str, BaseException | None]:
    (shop / name).write_text(text)
    result = CliRunner().invoke(app, ["offers", "check", str(shop / name), "--data-dir", str(shop)])
    return result.output, result.exception


def test_a_file_is_judged_without_being_written(shop: Path) -> None:
    assert check(shop, json.dumps([GOOD]))[0].strip() == "Every offer would be taken."
    toml = '[[items]]\noffer_id = "a"\ntype = "coupon"\nconditions = { field = "order_count", op = "ge", value = 2 }\n'
    assert check(shop, toml, "offers.toml")[1] is None
    bad = [GOOD, {**GOOD, "product_ids": ["nowhere"]}, {**GOOD, "type": "lottery"}, {**GOOD, "margin": -1}]
    output, error = check(shop, json.dumps({"items": bad}))
    assert isinstance(error, HuitouError)
    assert str(error).startswith("3 of the offers")
    assert "item 1: product_ids: not in the catalogue: nowhere" in output
    assert "item 2: type: there is no offer type lottery" in output
    assert "item 3: margin" in output
    assert isinstance(check(shop, "{")[1], HuitouError)
    assert isinstance(check(shop, "{}")[1], HuitouError)


def test_what_is_there_is_listed_with_what_is_left_out(shop: Path) -> None:
    ledger = open_ledger(FeatureSettings(data_dir=shop))
    with ledger.database.writing() as connection:
        bodies = {"a": json.dumps(GOOD), "b": '{"offer_id": "b", "type": "lottery"}'}
        put_documents(connection, Kind.OFFER, bodies, at=ledger.clock())
    ledger.close()
    output = CliRunner().invoke(app, ["offers", "list", "--data-dir", str(shop)]).output
    assert "a  coupon" in output
    assert "left out: offer b: type: there is no offer type lottery" in output
    assert "1 offers, 1 left out." in output
