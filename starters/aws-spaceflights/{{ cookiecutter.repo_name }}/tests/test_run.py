"""Test that the nodes clean dirty data, and that a run saves a good model to S3."""

from pathlib import Path

import pandas as pd
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from s3fs import S3FileSystem

from {{ cookiecutter.python_package }}.pipelines.data_processing import (
    create_model_input_table,
    preprocess_companies,
    preprocess_shuttles,
)

PROJECT = Path(__file__).parents[1]


def test_dirty_values_become_numbers_or_missing() -> None:
    """Texts become values; rows without an id, repeated ids and shuttles without a price go."""
    companies = pd.DataFrame(
        {
            "id": [1, 1, None, 2],
            "company_rating": ["95%", "95%", "1%", None],
            "iata_approved": ["t", "t", "f", None],
        }
    )
    reviews = pd.DataFrame({"shuttle_id": [7], "review_scores_rating": [95.0]})
    shuttles = pd.DataFrame(
        {
            "id": [7, 8, 9],
            "d_check_complete": ["f", None, "t"],
            "moon_clearance_complete": ["t", "t", "t"],
            "price": ["$1,325.0", "$900.0", None],
            "company_id": [1, 99, 2],
        }
    )

    table = create_model_input_table(
        preprocess_shuttles(shuttles), preprocess_companies(companies), reviews
    ).set_index("id")

    read = ["company_rating", "iata_approved", "d_check_complete", "review_scores_rating"]
    assert list(table["price"]) == [1325.0, 900.0]
    assert list(table.loc[7, read]) == [0.95, 1.0, 0.0, 95.0]
    assert table.loc[8, read].isna().all()


def test_run_leaves_a_good_model_on_s3(local_aws) -> None:
    """The whole pipeline runs on a fresh local AWS, and its model explains most of the prices."""
    bootstrap_project(PROJECT)
    with KedroSession.create(project_path=PROJECT) as session:
        session.run()
        context = session.load_context()

    bucket = context.config_loader["globals"]["bucket"]
    assert S3FileSystem().glob(f"{bucket}/models/regressor.pickle/*/regressor.pickle")
    assert context.catalog["metrics"].load()["r2"] > 0.6
    shuttles = context.catalog["model_input_table"].load()
    assert context.catalog["regressor"].load().predict(shuttles).min() > 0
