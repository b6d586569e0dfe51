"""Test that a run saves partitioned data and a good model to S3."""

from pathlib import Path

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from pyspark.sql import SparkSession
from s3fs import S3FileSystem

from {{ cookiecutter.python_package }}.pipelines.data_processing import (
    add_features,
    parse_iris,
)

PROJECT = Path(__file__).parents[1]
MEASURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def test_run_leaves_a_good_model_on_s3(local_aws) -> None:
    """The whole pipeline runs on a fresh local AWS: one file for each species, and a model."""
    bootstrap_project(PROJECT)
    with KedroSession.create(project_path=PROJECT) as session:
        session.run()
        context = session.load_context()

    settings = context.config_loader["globals"]
    parsed = f"{settings['bucket']}/data/{settings['nightly_prefix']}/parsed"
    files = [path.removeprefix(parsed) for path in S3FileSystem().find(parsed)]
    written = sorted(file.split("/")[1] for file in files if file.endswith(".parquet"))
    assert written == ["species=setosa", "species=versicolor", "species=virginica"]

    assert context.catalog["metrics"].load()["accuracy"] > 0.85
    flowers = context.catalog["features@pandas"].load()
    assert len(flowers) == 150
    classifier = context.catalog["classifier"].load()
    species = classifier.predict(flowers[classifier.feature_names_in_])
    assert set(species) == {"setosa", "versicolor", "virginica"}


def test_a_flower_with_something_unknown_is_dropped(local_aws) -> None:
    """The nodes clean the species, and drop a flower with a missing value."""
    bootstrap_project(PROJECT)
    with KedroSession.create(project_path=PROJECT) as session:
        session.load_context()  # makes the Spark session
        rows = [(5.0, 3.0, 1.5, 0.2, " Setosa "), (None, 3.0, 1.4, 0.2, "setosa")]
        schema = ", ".join([*(f"{name} double" for name in MEASURES), "species string"])
        flowers = SparkSession.builder.getOrCreate().createDataFrame(rows, schema)
        (flower,) = add_features(parse_iris(flowers)).collect()

    assert (flower.species, flower.sepal_area) == ("setosa", 15.0)
