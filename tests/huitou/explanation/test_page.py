"""The page: everything said, in either language, in any width, in any encoding."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from huitou.console import fitted
from huitou.explanation.gathering import gather
from huitou.explanation.page import page
from huitou.explanation.words import Words
from huitou.language import Language
from serving.services import build_services
from serving.settings import ServingSettings
from tests.huitou.explanation.conftest import Explain, Printed, change_assumptions, rename_products
from tests.serving.small_shop import LEAVING

SECTIONS = {
    Language.EN: ("Portrait", "Will they stay away?", "What will they need next?", "What is worth sending?", "What this rests on"),
    Language.ZH: ("画像", "流失风险", "接下来需要什么", "值得发送什么", "依据"),
}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("customer", ["c000", LEAVING])
def test_the_sections_stand_in_order(explain: Explain, printed: Printed, language: Language, customer: str) -> None:
    text = printed(page(explain(customer), Words(language)))
    places = [text.index(f"\n{title} ─") for title in SECTIONS[language]]
    assert places == sorted(places)
    assert customer in text.splitlines()[0]


def test_the_reasons_are_in_the_page_s_language(explain: Explain, printed: Printed) -> None:
    told = explain(LEAVING)
    assert told.churn.reasons
    english, chinese = (printed(page(told, Words(language)), width=200) for language in Language)
    for reason in told.churn.reasons:
        assert reason.sentence_en in english
        assert reason.sentence_en not in chinese
        assert reason.sentence_zh in chinese
    for offer in told.offers.offers:
        assert offer.reasons[0].sentence_en in english
        assert offer.reasons[0].sentence_zh in chinese


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_chinese_counts_double(
    own_explained_shop: Path, printed: Printed, language: Language, width: int
) -> None:
    rename_products(own_explained_shop, "有机全脂牛奶礼盒装")
    services = build_services(ServingSettings(data_dir=own_explained_shop))
    for customer in ("c000", LEAVING):
        told = gather(services, customer, channel="email", horizon_days=91, limit=20)
        lines = printed(page(told, Words(language)), width=width).splitlines()
        assert max(cell_len(line) for line in lines) <= width
        assert any("有机" in line for line in lines)


def test_columns_line_up_behind_chinese_names(own_explained_shop: Path, printed: Printed) -> None:
    services = build_services(ServingSettings(data_dir=own_explained_shop))
    told = gather(services, "c000", channel=None, horizon_days=91, limit=5)
    favourites = told.portrait.favourites
    mixed = [f.model_copy(update={"category": name}) for f, name in zip(favourites, ("牛奶", "tea", "面膜 mask", "x"), strict=True)]
    told = told.model_copy(update={"portrait": told.portrait.model_copy(update={"favourites": mixed})})
    lines = printed(page(told, Words(Language.EN))).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("  category ")) + 2
    ends = {cell_len(line.rstrip()) for line in lines[start : start + 4]}
    assert len(ends) == 1


@pytest.mark.parametrize("customer", ["c000", LEAVING])
def test_plain_ascii_can_show_all_of_it(explain: Explain, printed: Printed, customer: str) -> None:
    text = fitted(printed(page(explain(customer), Words(Language.EN)), encoding="utf-8"), "ascii")
    plain = fitted(text, "ascii")
    assert plain.isascii()
    assert "effect x margin - discount - cost" in plain


def test_who_is_missing_a_model_reads_why(explain: Explain, printed: Printed, own_explained_shop: Path) -> None:
    for name in ("return_hazard", "value", "repurchase", "items", "bundles"):
        (own_explained_shop / "models" / name / "CHAMPION").unlink()
    told = gather(build_services(ServingSettings(data_dir=own_explained_shop)), "c000", channel=None, horizon_days=91, limit=5)
    text = printed(page(told, Words(Language.EN)), width=200)
    assert "Degraded: The model return_hazard was never trained here; run `huitou train return_hazard`." in text
    assert "The return hazard model gives no answer" in text
    assert "The repurchase model gives no answer" in text
    assert "amount of an order" in text  # the rest is there
    chinese = printed(page(told, Words(Language.ZH)), width=200)
    assert "部分结果不可用:The model bundles was never trained here" in chinese
    assert "回购模型没有给出结果" in chinese


def test_without_consent_the_page_says_so_with_the_remedy(own_explained_shop: Path, printed: Printed) -> None:
    change_assumptions(own_explained_shop, 'channels = ["email", "mail", "app"]', "channels = []")
    told = gather(build_services(ServingSettings(data_dir=own_explained_shop)), "c000", channel="email", horizon_days=91, limit=5)
    text = printed(page(told, Words(Language.EN)), width=250)
    assert "No channel may be used, so nothing can be sent." in text
    assert f"under [consent] in {own_explained_shop / 'assumptions.toml'}, then run `huitou build`." in text
    assert "the channel may not be used: " in text
    assert [offer.type for offer in told.offers.offers] == ["no_action"]
    assert "没有可用的触达渠道" in printed(page(told, Words(Language.ZH)), width=250)


def test_a_channel_without_consent_is_named_with_those_allowed(explain: Explain, printed: Printed) -> None:
    text = printed(page(explain("c000", channel="sms"), Words(Language.EN)), width=250)
    assert "The channel sms may not be used; allowed are email, mail, app." in text
    assert "Channel email." in printed(page(explain("c000", channel="email"), Words(Language.EN)))


def test_every_offer_and_every_dropped_candidate_is_told(explain: Explain, printed: Printed) -> None:
    told = explain("c000", channel="email", limit=2)
    text = printed(page(told, Words(Language.EN)), width=250)
    for offer in told.offers.offers:
        assert f"{offer.expected_value:.2f}" in text
        assert all(item.name in text for item in offer.items)
    dropped = [line.split() for line in text[text.index("Not offered") :].splitlines()[1:] if line.startswith("  ")]
    assert sum(int(words[0]) for words in dropped) == len(told.offers.dropped) > 0
    assert "beyond the limit of 2" in text


def test_beyond_the_history_is_said(explain: Explain, printed: Printed) -> None:
    told = explain(LEAVING, horizon_days=365)
    assert told.churn.at_horizons[-1].beyond_history
    assert "Pareto/NBD" in printed(page(told, Words(Language.EN)))
    assert "Pareto/NBD" not in printed(page(explain("c000", horizon_days=28), Words(Language.EN)))


def test_a_next_order_after_the_curve_is_told_in_words(explain: Explain, printed: Printed) -> None:
    later = next(t for i in range(120) if _days(t := explain(f"c{i:03d}", horizon_days=7)) > 7)
    text = printed(page(later, Words(Language.EN)))
    assert f"next order expected {later.churn.expected_next_order_date:%Y-%m-%d}, after the curve ends" in text
    assert "◆" not in text


def _days(told: object) -> float:
    expected = told.churn.expected_next_order_date  # type: ignore[attr-defined]
    return 0.0 if expected is None else (expected - told.as_of).total_seconds() / 86_400  # type: ignore[attr-defined]


def test_names_with_brackets_are_no_markup(own_explained_shop: Path, printed: Printed) -> None:
    rename_products(own_explained_shop, "[bold]tea[/]")
    told = gather(build_services(ServingSettings(data_dir=own_explained_shop)), "c000", channel=None, horizon_days=91, limit=5)
    assert "[bold]tea[/]" in printed(page(told, Words(Language.EN)), width=200)
