"""Make one clean table, with a row for each shuttle, from the raw data."""

import pandas as pd
from kedro.pipeline import Node, Pipeline


def create_pipeline() -> Pipeline:
    """Create the pipeline: its nodes, and the catalog entries that each node reads and writes."""
    return Pipeline(
        [
            Node(
                preprocess_companies,
                inputs="companies",
                outputs="preprocessed_companies",
                name="preprocess_companies",
            ),
            Node(
                preprocess_shuttles,
                inputs="shuttles",
                outputs="preprocessed_shuttles",
                name="preprocess_shuttles",
            ),
            Node(
                create_model_input_table,
                inputs=["preprocessed_shuttles", "preprocessed_companies", "reviews"],
                outputs="model_input_table",
                name="create_model_input_table",
            ),
        ]
    )


def preprocess_companies(companies: pd.DataFrame) -> pd.DataFrame:
    """Convert ratings ("95%" -> 0.95) and truth values ("t" -> 1.0); keep one row for each id."""
    return _one_row_per_id(companies).assign(
        company_rating=_number(companies["company_rating"], drop="%") / 100,
        iata_approved=_truth(companies["iata_approved"]),
    )


def preprocess_shuttles(shuttles: pd.DataFrame) -> pd.DataFrame:
    """Convert prices ("$1,325.0" -> 1325.0) and truth values; keep one row for each id."""
    return _one_row_per_id(shuttles).assign(
        d_check_complete=_truth(shuttles["d_check_complete"]),
        moon_clearance_complete=_truth(shuttles["moon_clearance_complete"]),
        price=_number(shuttles["price"], drop="[$,]"),
        company_id=_number(shuttles["company_id"]),
    )


def create_model_input_table(
    shuttles: pd.DataFrame, companies: pd.DataFrame, reviews: pd.DataFrame
) -> pd.DataFrame:
    """Join shuttles that have a price with their companies and with the averages of their reviews.

    A shuttle without a company or without reviews stays in the table, with those columns missing:
    the model must also predict the price of such shuttles.
    """
    return (
        shuttles.dropna(subset="price")
        .merge(companies.rename(columns={"id": "company_id"}), how="left", on="company_id")
        .merge(reviews.rename(columns={"shuttle_id": "id"}), how="left", on="id")
    )


def _one_row_per_id(table: pd.DataFrame) -> pd.DataFrame:
    """Drop the rows without an id and all but the first row of each id."""
    ids = _number(table["id"]).dropna().drop_duplicates()
    return table.loc[ids.index].assign(id=ids.astype("int64"))


def _number(values: pd.Series, drop: str = "") -> pd.Series:
    """Convert texts to numbers, without what matches `drop`; anything else becomes missing."""
    if drop:
        values = values.astype(str).str.replace(drop, "", regex=True)
    return pd.to_numeric(values, errors="coerce").astype("float64")


def _truth(values: pd.Series) -> pd.Series:
    """Convert "t" to 1.0 and "f" to 0.0; anything else becomes missing."""
    return values.map({"t": 1.0, "f": 0.0}).astype("float64")
