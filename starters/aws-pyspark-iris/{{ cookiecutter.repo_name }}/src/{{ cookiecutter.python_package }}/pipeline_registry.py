"""The pipelines that `kedro run` knows."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Name the pipelines after their folders in `pipelines`; a plain `kedro run` runs them all."""
    pipelines = find_pipelines(raise_errors=True)
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}
