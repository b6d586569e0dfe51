"""`metadata.sagemaker` of a catalog entry: it makes a run register the model that it saves there."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from kedro_aws_plugin.config.models import AwsConfig, Mark, Registry
from kedro_aws_plugin.config.sections import require_registry
from kedro_aws_plugin.errors import ConfigError, end_sentence, suggest
from kedro_aws_plugin.kedro_internals import unwrap

_KEY = "sagemaker"


def read_mark(dataset: Any) -> Any:
    """Read the mark of a dataset as it stands in the catalog; None if it has none."""
    for each in (dataset, unwrap(dataset)):  # of a CachedDataset, or of the dataset that it caches
        metadata = getattr(each, "metadata", None)
        if isinstance(metadata, Mapping) and _KEY in metadata:
            mark = metadata[_KEY]
            return {} if mark is None else mark
    return None


def merge_registry(config: AwsConfig, entry: str, mark: Any) -> Registry:
    """Merge the mark of a model with `registry:` of aws.yml.

    Keys that the mark leaves out come from `registry:`, if that is about the same model. Without a mark,
    all keys come from there.

    Args:
        config: The project's configuration.
        entry: The catalog entry of the model.
        mark: Its mark, from `read_mark`.

    Raises:
        ConfigError: If the mark is wrong, or there is neither a mark nor `registry:`.
    """
    if mark is None:
        return require_registry(config).model_copy(update={"model": entry})
    stated = config.registry
    shared = set(Mark.model_fields)
    known = stated.model_dump(include=shared) if stated is not None and stated.model == entry else {}
    try:
        made = Mark.model_validate({**known, **mark} if isinstance(mark, Mapping) else mark)
    except ValidationError as error:
        raise ConfigError(_explain(entry, error)) from None
    return Registry(**made.model_dump(), model=entry)


def _explain(entry: str, error: ValidationError) -> str:
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    name = str(first["loc"][-1]) if first["loc"] else ""
    key = ".".join(["metadata", _KEY, *map(str, first["loc"])])
    where = f"The catalog entry `{entry}`"
    if first["type"] == "extra_forbidden":
        hint = suggest(name, Mark.model_fields)
        return f"{where}: unknown key `{key}`{hint} Known keys here: {', '.join(Mark.model_fields)}."
    if first["type"] == "missing" or (name == "group" and first["input"] is None):
        return f"{where}: `{key}` is missing. Add the model package group to register the model in."
    if not first["loc"]:
        return f"{where}: `{key}` is `{first['input']}`; it should be keys and values, with a `group`."
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] != "value_error":
        message = f"`{first['input']}` is wrong: {message[:1].lower()}{message[1:]}"
    return f"{where}: `{key}`: {end_sentence(message)} Correct it in the catalog."
