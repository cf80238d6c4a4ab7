"""`huitou offers`: the shop's written offers, checked before they are fed and counted before they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import HuitouError, SourceUnreadable
from huitou.console import output
from huitou.options import DataDir, feature_settings

if TYPE_CHECKING:
    from features.offers.offer import Offer
    from features.settings import FeatureSettings
    from serving.offers.book import OfferBook
    from serving.offers.terms import Terms

app = typer.Typer(no_args_is_help=True, help="The shop's written offers: what is there, what a file holds, whom conditions reach.")


@app.callback()
def callback() -> None:
    """The shop's written offers: what is there, what a file holds, whom conditions reach."""


@app.command("list")
def listed(data_dir: DataDir = None) -> None:
    """List the offers that may be decided on, and those that are left out with the reason. Changes nothing."""
    book = _book(feature_settings(data_dir))
    for offer_id, one in book.by_id.items():
        output().print(f"{offer_id}  {one.offer.type}  {one.offer.title.get('en', '')}", markup=False)
    for left in book.left_out:
        output().print(f"left out: {left.kind} {left.document_id}: {left.reason}", markup=False)
    output().print(f"{len(book.by_id)} offers, {len(book.left_out)} left out.")


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help='Offers as JSON (a list, or {"items": [...]}) or TOML ([[items]]).', show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Judge the offers of a file as `PUT /v1/offers` would, products apart from those fed since the last build. Writes nothing."""
    from pydantic import ValidationError

    from features.offers.offer import Offer

    settings = feature_settings(data_dir)
    terms, known = _terms(settings), _products(settings)
    bad = 0
    for place, told in enumerate(_items(file)):
        try:
            reason = _objection(Offer.model_validate(told), terms, known)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            reason = f"{'.'.join(map(str, first['loc'])) or 'item'}: {first['msg']}"
        if reason is not None:
            bad += 1
            output().print(f"item {place}: {reason}", markup=False)
    if bad:
        raise HuitouError(f"{bad} of the offers in {file} would be refused.")
    output().print("Every offer would be taken.")


@app.command("count")
def count(data_dir: DataDir = None) -> None:
    """Count the customers whom each offer's conditions reach, by the features of the newest build.

    What only a request knows (channel, stage, layer, predictions, tags, what customers told of themselves) is not known here: a comparison
    with it is false, and the line says so.
    """
    import ibis
    import polars as pl

    from features.feature_sets import CUSTOMER
    from features.offers.conditions import comparisons
    from features.offers.ibis_conditions import condition_over
    from features.offline import open_offline

    settings = feature_settings(data_dir)
    book, offline = _book(settings), open_offline(settings)
    newest = offline.keys().select("customer_id", "as_of").filter(pl.col("as_of") == pl.col("as_of").max())
    frame = offline.feature_set(CUSTOMER, rows=newest)
    table = ibis.memtable(frame)
    for offer_id, one in book.by_id.items():
        if one.offer.conditions is None:
            output().print(f"{offer_id}  {len(frame):,} of {len(frame):,}  no conditions", markup=False)
            continue
        reached = int(table.filter(condition_over(one.offer.conditions, table)).count().execute())
        unknown = sorted({c.field for c in comparisons(one.offer.conditions)} - set(table.columns))
        note = f"  not known here: {', '.join(unknown)}" if unknown else ""
        output().print(f"{offer_id}  {reached:,} of {len(frame):,}{note}", markup=False)


def _book(settings: FeatureSettings) -> OfferBook:
    from features.ledger.catalogue import changed_documents
    from features.ledger.ledger import open_ledger
    from serving.offers.book import FOLLOWED, OfferBook

    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            found = changed_documents(connection, FOLLOWED)
    finally:
        ledger.close()
    return OfferBook.of({(one.kind, one.document_id): one.body for one in found}, _terms(settings))


def _terms(settings: FeatureSettings) -> Terms:
    from features.assumptions import FILE, load_assumptions
    from serving.offers.offer_types import WRITABLE
    from serving.offers.terms import Terms

    return Terms.of(load_assumptions(settings.data_dir / FILE), WRITABLE)


def _products(settings: FeatureSettings) -> frozenset[str]:
    from features.products import read_products
    from features.versions import current_folder

    folder = current_folder(settings.data_dir / "online", remedy="run `huitou build` first.")
    return frozenset(product.product_id for product in read_products(folder).products)


def _objection(offer: Offer, terms: Terms, known: frozenset[str]) -> str | None:
    missing = [product for product in offer.product_ids if product not in known]
    if missing:
        return f"product_ids: not in the catalogue: {', '.join(missing[:3])}"
    objection = terms.objection(offer)
    return None if objection is None else f"{objection.field}: {objection.reason}"


def _items(file: Path) -> list[Any]:
    import json
    import tomllib

    try:
        text = file.read_text(encoding="utf-8")
        told = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise SourceUnreadable(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SourceUnreadable(f"{file} is neither JSON nor TOML as its name says: {error}.") from error
    items = told.get("items") if isinstance(told, dict) else told
    if not isinstance(items, list):
        raise SourceUnreadable(f'{file} holds neither a list nor {{"items": [...]}}.')
    return items
