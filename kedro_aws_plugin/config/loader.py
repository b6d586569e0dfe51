"""Read aws.yml through the project's config loader; errors are one sentence with file, key and fix."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, get_args

import yaml
from kedro.config import AbstractConfigLoader, MissingConfigException
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from kedro_aws_plugin.config.dynamic_globals import NOT_YET, DynamicGlobals, GlobalError
from kedro_aws_plugin.config.files import ConfigFiles, find_files, summarize
from kedro_aws_plugin.config.globals import Global, GlobalName
from kedro_aws_plugin.config.injection import get_globals, inject_into
from kedro_aws_plugin.config.models import AwsConfig, Target
from kedro_aws_plugin.errors import ConfigError, end_sentence, suggest
from kedro_aws_plugin.kedro_internals import has_files, is_inspecting, read_files
from kedro_aws_plugin.run.run_id import find_current_run

_PATTERNS = ("aws.yml", "aws.yaml", "aws/**")
_SUFFIXES = (".yml", ".yaml", ".json")
_EXPECTED_FORMS = {
    "model_type": "it should be keys and values",
    "dict_type": "it should be keys and values",
    "mapping_type": "it should be keys and values",
    "tuple_type": "it should be a list",
    "too_short": "it should not be empty",
}
"""Replaces pydantic's messages that use Python's terms, by the type of the error."""


def read_config(loader: AbstractConfigLoader, conf: Path) -> AwsConfig | None:
    """Read aws.yml through a project's config loader.

    Args:
        loader: The project's config loader.
        conf: The project's configuration folder, to name files in errors.

    Returns:
        The configuration; None if the project has no aws.yml.

    Raises:
        ConfigError: If a file or a key is wrong.
    """
    files = find_files(loader, conf)
    values = inject_globals(loader, conf)
    raw = _load(loader, files)
    if raw is None:
        return None
    raw = {**raw, "globals": values.specs if values else {}}
    _check_early_globals(raw, files)
    env, stated = files.env.parent.name, raw.pop("target", None)
    if "env" in raw:
        raise ConfigError(_explain_unknown_key(files, AwsConfig, ("env",)))
    try:
        return AwsConfig.model_validate({**raw, "env": env, "target": _choose_target(env, stated, files)})
    except ValidationError as error:
        raise ConfigError(_explain(_choose_error(error), files)) from None


def inject_globals(loader: AbstractConfigLoader, conf: Path) -> DynamicGlobals | None:
    """Put `globals:` of aws.yml into a config loader's globals, once for each loader.

    Args:
        loader: The config loader.
        conf: The project's configuration folder, to name files in errors.

    Returns:
        The dynamic globals; None if the project has no aws.yml.

    Raises:
        ConfigError: If one of them is wrong.
    """
    if get_globals(loader) is not None or getattr(loader, "config_patterns", None) is None:
        return get_globals(loader)
    files = find_files(loader, conf)
    raw = _read_unresolved(loader)
    if not raw:
        return None
    try:
        specs = _SPECS.validate_python(raw.get("globals") or {})
    except ValidationError as error:
        raise ConfigError(_explain(_choose_error(error, ("globals",)), files)) from None
    place = repr((str(conf), files.env, loader.runtime_params, is_inspecting()))
    values = DynamicGlobals(specs, find_current_run(), place)
    inject_into(loader, values, raw.get("region"), files)
    return values


_SPECS = TypeAdapter(Mapping[GlobalName, Global])


def _read_unresolved(loader: AbstractConfigLoader) -> dict[str, Any]:
    """Read aws.yml of the base and of the environment before its `${...}` can be resolved.

    The files are found and merged as the config loader does it, in archives and object stores too. Malformed
    files count as empty: `read_config` reports them. Of a config loader that is not derived from Kedro's,
    nothing is read.
    """
    if not has_files(loader):
        return {}
    base = _read_folder(loader, str(getattr(loader, "base_env", "") or ""))
    env = str(loader.env or getattr(loader, "default_run_env", "") or "")
    over = _read_folder(loader, env) if env != getattr(loader, "base_env", "") else {}
    if getattr(loader, "merge_strategy", {}).get("aws") != "soft":
        return {**base, **over}
    return {
        key: _merge_softly(base.get(key), over[key]) if key in over else base[key] for key in {**base, **over}
    }


def _merge_softly(below: Any, above: Any) -> Any:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {
        key: _merge_softly(below.get(key), above[key]) if key in above else below[key]
        for key in {**below, **above}
    }


def _read_folder(loader: Any, env: str) -> dict[str, Any]:
    contents: dict[str, Any] = {}
    for text in read_files(loader, env, _PATTERNS, _SUFFIXES):
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        contents.update(value if isinstance(value, Mapping) else {})
    return contents


def _check_early_globals(raw: Mapping[str, Any], files: ConfigFiles) -> None:
    """Raise if a key refers to a global that needs AWS, before aws.yml has said which AWS to use."""
    for key, value in raw.items():
        if key != "globals" and NOT_YET in str(value):
            raise ConfigError(
                f"{files.find_key([key])}: `{key}` refers to a global that is computed by AWS, git or a "
                "function, after this file has been read. Write the value out, or take it from globals.yml "
                "or from an `env:`."
            )


def _load(loader: AbstractConfigLoader, files: ConfigFiles) -> Mapping[str, Any] | None:
    patterns = getattr(loader, "config_patterns", None)
    if patterns is None:  # a loader of the project's own, which reads no files by patterns
        return None
    patterns.setdefault("aws", [*_PATTERNS])
    values = get_globals(loader)
    try:
        with values.defer() if values else nullcontext():
            raw = loader["aws"]
    except MissingConfigException:
        if files.base.is_file() and not files.env.parent.is_dir():
            raise ConfigError(_explain_missing_environment(files)) from None
        return None
    except GlobalError as error:
        where = " or ".join(files.shorten(path) for path in (files.base, files.env) if path.is_file())
        raise ConfigError(f"{where}: {error.format_message()}") from None
    except (OmegaConfBaseException, ValueError, AttributeError, yaml.YAMLError) as error:
        where = " or ".join(files.shorten(path) for path in (files.base, files.env) if path.is_file())
        fix = "Correct it there or in globals.yml." if "lobals" in str(error) else "Correct it there."
        message = files.find_problem() or f"{where}: {summarize(error)}. {fix}"
        raise ConfigError(message) from None
    return raw  # type: ignore[no-any-return]


def _explain_missing_environment(files: ConfigFiles) -> str:
    env = files.env.parent
    known = sorted(path.name for path in env.parent.iterdir() if path.is_dir()) if env.parent.is_dir() else []
    return (
        f"There is no folder {env.parent.name}/{env.name} for the environment `{env.name}`"
        f"{suggest(env.name, known)} Create it, or choose another --env."
    )


def _choose_target(env: str, stated: object, files: ConfigFiles) -> Target:
    """Choose the AWS of an environment.

    `local` is Kedro's default environment, so no key may turn it into the real AWS.
    """
    where = files.find_key(["target"])
    if stated not in (None, "local", "aws"):
        raise ConfigError(f"{where}: `target` is `{stated}`. Write `target: local` or `target: aws`.")
    fixed: dict[str, Target] = {"local": "local", "aws": "aws"}
    if env in fixed:
        if stated not in (None, fixed[env]):
            raise ConfigError(
                f"{where}: `target: {stated}` contradicts the environment `{env}`. "
                f"Remove it, or use another environment: conf/<env>/aws.yml with `target: {stated}`."
            )
        return fixed[env]
    if stated is None:
        raise ConfigError(
            f"{files.shorten(files.env)}: `target` is missing. "
            "Add `target: aws` for the real AWS or `target: local` for the local one."
        )
    return "local" if stated == "local" else "aws"


def _choose_error(error: ValidationError, section: tuple[str, ...] = ()) -> ErrorDetails:
    """Choose the error to show: an unknown key before a missing one, since it may be the same, misspelt."""
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    return {**first, "loc": (*section, *first["loc"])}


def _explain(error: ErrorDetails, files: ConfigFiles) -> str:
    # Where a key itself is wrong, such as a table's name, pydantic appends this part.
    keys = [key for key in error["loc"] if key != "[key]"]
    key = ".".join(str(part) for part in keys)
    if error["type"] == "extra_forbidden":
        return _explain_unknown_key(files, AwsConfig, keys)
    if error["type"] == "missing" or error["input"] is None:
        return _explain_missing_key(files, keys)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] != "value_error":
        message = _EXPECTED_FORMS.get(error["type"], f"{message[:1].lower()}{message[1:]}")
        if error["type"] == "too_long":
            message = f"it should have {error['ctx']['max_length']} entries at most"
        message = f"`{error['input']}` is wrong: {message}"
    return f"{files.find_key(keys)}: `{key}`: {end_sentence(message)}"


def _explain_missing_key(files: ConfigFiles, keys: Sequence[str | int]) -> str:
    *section, _ = keys
    # A section in the environment's file replaces the whole section of the base file.
    where = files.find_key(section) if section else files.shorten(files.base)
    return f"{where}: `{'.'.join(map(str, keys))}` is missing. Add it."


def _explain_unknown_key(files: ConfigFiles, model: type[BaseModel], keys: Sequence[str | int]) -> str:
    dotted = ".".join(str(key) for key in keys)
    for key in keys[:-1]:
        field = {each.alias or name: each for name, each in model.model_fields.items()}.get(str(key))
        # A key that is no section is a name that the user chose, such as a table's.
        model = (_find_section_model(field.annotation) if field else None) or model
    if reason := getattr(model, "left_out", {}).get(str(keys[-1])):
        return f"{files.find_key(keys)}: there is no key `{dotted}`: {reason}"
    names = [field.alias or name for name, field in model.model_fields.items()]
    known = [name for name in names if name != "env" or model is not AwsConfig]
    return (
        f"{files.find_key(keys)}: unknown key `{dotted}`{suggest(str(keys[-1]), known)} "
        f"Known keys here: {', '.join(known)}."
    )


def _find_section_model(annotation: Any) -> type[BaseModel] | None:
    """Find the model within the annotation of a section, an optional one, or sections by name."""
    options = [option for option in (annotation, *get_args(annotation)) if isinstance(option, type)]
    return next((option for option in options if issubclass(option, BaseModel)), None)
