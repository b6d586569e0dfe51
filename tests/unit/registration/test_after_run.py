"""What a run is to register_models, and that nothing which happens then fails it."""

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro_datasets.json import JSONDataset
from kedro_datasets.pickle import PickleDataset

from kedro_aws_plugin.config import AwsConfig, Project, Registry
from kedro_aws_plugin.errors import ConfigError, LocalAwsError
from kedro_aws_plugin.registration.after_run import PendingRegistrations, models_to_register, register_models

RUN = "2026-11-21T22.48.12.552Z"
MARK = {"sagemaker": {"group": "flights"}}
COMMAND = f"kedro aws register-model --model {{}} --version {RUN} --env ci"


def config(registry: Registry | None = None) -> AwsConfig:
    return AwsConfig(env="ci", target="local", region="eu-west-1", bucket="flights", registry=registry)


def catalog_of(folder: Path, versioned: bool = True, **others: Any) -> DataCatalog:
    entry = {"type": PickleDataset, "filepath": str(folder / "model.pkl"), "versioned": versioned}
    return DataCatalog.from_config({"model": {**entry, "metadata": MARK}, **others}, save_version=RUN)


def test_marked_outputs_are_registered(tmp_path: Path) -> None:
    plain = {"type": PickleDataset, "filepath": str(tmp_path / "plain.pkl"), "versioned": True}
    catalog = catalog_of(tmp_path, plain=plain)
    expected = (Registry(group="flights", model="model"),)
    assert models_to_register(config(), {"model", "plain", "in_memory"}, catalog) == expected
    assert models_to_register(config(), {"plain"}, catalog) == ()


def test_placeholders_of_factories_are_resolved_in_marks(tmp_path: Path) -> None:
    factory = {
        "type": PickleDataset,
        "filepath": str(tmp_path / "{name}.pkl"),
        "versioned": True,
        "metadata": {"sagemaker": {"group": "{name}-price", "metrics": "{name}_metrics"}},
    }
    metrics = {"type": JSONDataset, "filepath": str(tmp_path / "{name}.json")}
    factories = {"{name}_model": factory, "{name}_metrics": metrics}
    catalog = DataCatalog.from_config(factories, save_version=RUN)
    assert models_to_register(config(), {"cheap_model", "dear_model", "table"}, catalog) == (
        Registry(group="cheap-price", model="cheap_model", metrics="cheap_metrics"),
        Registry(group="dear-price", model="dear_model", metrics="dear_metrics"),
    )


@pytest.mark.parametrize("on_run", [True, False])
def test_the_model_of_aws_yml_needs_no_mark(tmp_path: Path, on_run: bool) -> None:
    registry = Registry(group="flights", model="plain", on_run=on_run)
    plain = {"type": PickleDataset, "filepath": str(tmp_path / "plain.pkl"), "versioned": True}
    catalog = catalog_of(tmp_path, plain=plain)
    expected = (registry.model_copy(update={"on_run": on_run}),) if on_run else ()
    assert models_to_register(config(registry), {"plain", "in_memory"}, catalog) == expected
    assert models_to_register(config(registry), {"in_memory"}, catalog) == ()


def test_what_cannot_be_registered_is_said_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {
        "type": JSONDataset,
        "filepath": str(tmp_path / "table.json"),
        "metadata": MARK,
    }
    catalog = catalog_of(tmp_path, versioned=False, table=table)
    assert models_to_register(config(), {"model", "table"}, catalog) == ()
    assert models_to_register(None, {"model", "table"}, catalog) == ()
    registry = Registry(group="flights", model="nowhere", on_run=True)
    assert models_to_register(config(registry), {"nowhere"}, catalog) == ()
    assert capsys.readouterr().err.splitlines() == [
        "Warning: model will not be registered after this run: `model` is not versioned, so it would be "
        "unclear which model is registered. Add `versioned: true` to it in the catalog and run the "
        "pipeline again.",
        "Warning: table will not be registered after this run: `table` is not versioned, so it would be "
        "unclear which model is registered. Add `versioned: true` to it in the catalog and run the "
        "pipeline again.",
        "Warning: model, table will not be registered: the project has no conf/base/aws.yml. Add one.",
        "Warning: nowhere will not be registered after this run: The catalog has no entry `nowhere`. "
        "Correct `registry.model` in aws.yml, or --model.",
    ]


def test_a_wrong_mark_is_refused_before_the_run() -> None:
    catalog = DataCatalog({"model": MemoryDataset(metadata={"sagemaker": {"grop": "flights"}})})
    with pytest.raises(ConfigError, match="did you mean `group`"):
        models_to_register(config(), {"model"}, catalog)


class Failing(DataCatalog):
    """A catalog that fails while something is being registered."""

    def __init__(self, *errors: BaseException) -> None:
        super().__init__()
        self.errors = list(errors)

    def __contains__(self, dataset_name: str) -> bool:
        raise self.errors.pop(0)


def pending(project: Path, *models: str) -> PendingRegistrations:
    registries = tuple(Registry(group="flights", model=model) for model in models)
    return PendingRegistrations(Project(project, "flights", config()), {}, registries, {})


def test_an_error_is_a_warning_and_the_next_model_has_its_turn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = LocalAwsError("The local AWS stopped answering."), RuntimeError("two\nlines.")
    register_models(pending(tmp_path, "cheap", "my model"), Failing(*errors), RUN)
    assert capsys.readouterr() == (
        "",
        "Warning: The run succeeded, but cheap was not registered: The local AWS stopped answering.\n"
        f"Register it: {COMMAND.format('cheap')}\n"
        "Warning: The run succeeded, but my model was not registered: RuntimeError: two lines.\n"
        f"""Register it: {COMMAND.format("'my model'")}\n""",
    )


def test_ctrl_c_ends_the_registration_and_not_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = Failing(RuntimeError("no"), KeyboardInterrupt())
    register_models(pending(tmp_path, "cheap", "fair", "dear"), catalog, RUN)
    assert catalog.errors == []
    told = capsys.readouterr().err
    assert [line for line in told.splitlines() if line.startswith("Register it")] == [
        f"Register it: {COMMAND.format(model)}" for model in ("cheap", "fair", "dear")
    ]
    assert told.count("was not registered: Ctrl-C was pressed.\n") == 2
