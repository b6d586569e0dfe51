"""The pipelines: which node reads and writes which entry of the catalog."""

from kedro.pipeline import Pipeline, node

from . import data_processing, data_science


def register_pipelines() -> dict[str, Pipeline]:
    """Name the pipelines for `kedro run --pipelines NAME`; a plain `kedro run` runs both."""
    pipelines = {
        "data_processing": data_processing_pipeline(),
        "data_science": data_science_pipeline(),
    }
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}


def data_processing_pipeline() -> Pipeline:
    """From the raw files to one table with a row for each shuttle."""
    return Pipeline(
        [
            node(
                data_processing.preprocess_companies,
                inputs="companies",
                outputs="preprocessed_companies",
                name="preprocess_companies",
            ),
            node(
                data_processing.preprocess_reviews,
                inputs="reviews",
                outputs="preprocessed_reviews",
                name="preprocess_reviews",
            ),
            node(
                data_processing.preprocess_shuttles,
                inputs="shuttles",
                outputs="preprocessed_shuttles",
                name="preprocess_shuttles",
            ),
            node(
                data_processing.create_model_input_table,
                inputs=["preprocessed_shuttles", "preprocessed_companies", "preprocessed_reviews"],
                outputs="model_input_table",
                name="create_model_input_table",
            ),
        ]
    )


def data_science_pipeline() -> Pipeline:
    """From that table to a trained model and its metrics."""
    return Pipeline(
        [
            node(
                data_science.split_data,
                inputs=["model_input_table", "params:split"],
                outputs=["train", "test"],
                name="split_data",
            ),
            node(
                data_science.train_model,
                inputs=["train", "params:model"],
                outputs="regressor",
                name="train_model",
            ),
            node(
                data_science.evaluate_model,
                inputs=["regressor", "test"],
                outputs="metrics",
                name="evaluate_model",
            ),
        ]
    )
