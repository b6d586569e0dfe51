"""Dynamic globals: from `globals:` in aws.yml into the `${globals:...}` of a project's config loader.

Which globals there are has to be known before aws.yml can be resolved, as its other keys may refer to them.
So the section is read by itself and unresolved; what is known at once is put into the loader's globals as it
is, and what has to be asked for as an expression that asks when something refers to it, and never twice.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from kedro.config import AbstractConfigLoader, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from kedro_aws_plugin import kedro_internals
from kedro_aws_plugin.config.dynamic_globals import (
    NOT_YET,
    RESOLVER,
    DynamicGlobals,
    GlobalError,
    describe_circle,
)
from kedro_aws_plugin.config.files import ConfigFiles, summarize
from kedro_aws_plugin.config.globals import Global, find_cycle
from kedro_aws_plugin.errors import ConfigError, KedroAwsError, suggest

_ALMOST = 0.7
_ATTRIBUTE = "_kedro_aws_globals"
_live: WeakValueDictionary[str, DynamicGlobals] = WeakValueDictionary()


def get_globals(loader: AbstractConfigLoader) -> DynamicGlobals | None:
    """The dynamic globals that have been injected into a config loader."""
    return getattr(loader, _ATTRIBUTE, None)


def inject_into(
    loader: AbstractConfigLoader, values: DynamicGlobals, region: Any, files: ConfigFiles
) -> None:
    """Inject dynamic globals into a config loader.

    They are the weakest: then come those of globals.yml, of the environment's globals.yml, and of `--params
    globals.name=value`.

    Args:
        loader: The config loader.
        values: The dynamic globals.
        region: `region` of aws.yml.
        files: aws.yml of the base and of the environment, to name in errors.

    Raises:
        ConfigError: If they refer to one another in a circle, or to a global that does not exist, or if
            `--params` gives one that is nearly the name of another.
    """
    stated = read_stated_globals(loader)
    given = loader.runtime_params.get("globals", {})
    given = given if isinstance(given, Mapping) else {}
    _check_given(given, {*values.specs, *stated})
    own = {name: spec for name, spec in values.specs.items() if name not in {*stated, *given}}
    try:
        _check(own, {*own, *stated, *given})
    except ConfigError as error:
        raise ConfigError(f"{files.find_key(['globals'])}: {error.format_message()}") from None
    values.origins = {
        **dict.fromkeys(values.specs, "aws.yml"),
        **dict.fromkeys(stated, "globals.yml"),
        **dict.fromkeys(given, "--params"),
    }
    any(values.share_values(other) for other in [*_live.values()])
    _live[values.token] = values
    setattr(loader, _ATTRIBUTE, values)
    claim_globals(loader)
    loader["globals"] = _merged(_merged(values.write_expressions(region), stated), given)
    kedro_internals.forget_resolved_globals(loader)


def resolve(name: str) -> Any:
    """Resolve `${globals:<name>}` as any file of conf/ would, with the config loader that claimed it last.

    Raises:
        GlobalError: If it cannot be computed.
    """
    asking = OmegaConf.create({"globals": {name: f"${{globals:{name}}}"}})
    try:
        return OmegaConf.to_container(asking, resolve=True)["globals"][name]  # type: ignore[index, call-overload]
    except GlobalError:
        raise
    except RecursionError:
        raise GlobalError(f"`globals.{name}`: it refers to itself. Correct what it refers to.") from None
    except OmegaConfBaseException as error:
        raise GlobalError(f"`globals.{name}`: {summarize(error)}. Correct what it refers to.") from None


def claim_globals(loader: AbstractConfigLoader) -> None:
    """Let `${globals:...}` mean this loader's: OmegaConf's resolvers belong to the whole process."""
    _register(RESOLVER, _ask)
    values = get_globals(loader)
    if values is not None and kedro_internals.globals_can_be_resolved(loader):
        _register("globals", _explaining(loader, values))


def read_stated_globals(loader: AbstractConfigLoader) -> dict[str, Any]:
    """What globals.yml says, of the base and of the environment."""
    try:
        return dict(loader["globals"])
    except (KeyError, MissingConfigException):
        return {}


def explain_early_reference(error: Exception, files: ConfigFiles) -> ConfigError | None:
    """What is wrong with a globals.yml that refers to a global; Kedro's loader cannot be made with it.

    Args:
        error: What the loader raised.
        files: globals.yml of the base and of the environment.

    Returns:
        One sentence for the user, or None where something else is wrong.
    """
    if not kedro_internals.is_unfinished_loader(error):
        return None
    key = getattr(error, "full_key", None)
    what = f"`{key}`" if key else "one"
    return ConfigError(
        f"{files.find_text('globals:')}: {what} refers to a `${{globals:...}}`, and Kedro resolves this "
        "file before there is one. Move it to `globals:` in aws.yml."
    )


def _check_given(given: Iterable[Any], declared: set[str]) -> None:
    """Refuse a typing error in `--params`, which would leave what it means to change as it is."""
    for name in map(str, given):
        nearest = suggest(name, declared, otherwise="", cutoff=_ALMOST)
        if name not in declared and nearest:
            raise ConfigError(
                f"--params: there is no global `{name}`{nearest} Correct the name, or declare `{name}` in "
                "globals.yml."
            )


def _check(own: Mapping[str, Global], known: set[str]) -> None:
    if circle := find_cycle(own):
        raise ConfigError(f"`globals.{circle[0]}`: {describe_circle(circle)}")
    for name, spec in own.items():
        for other, needed in spec.find_references():
            if needed and other not in known:
                raise ConfigError(f"`globals.{name}`: {_unknown(other, known)}")


def _explaining(loader: Any, values: DynamicGlobals) -> Callable[..., Any]:
    """Kedro's own resolver, with circles found, and the nearest name where a global is unknown."""

    def answer(name: str, *default: Any) -> Any:
        try:
            first, dot, _ = name.partition(".")
            value = kedro_internals.resolve_global(loader, first, *default)
            # What is not known yet has no keys to look at either.
            return (
                kedro_internals.resolve_global(loader, name, *default) if dot and value != NOT_YET else value
            )
        except GlobalError:
            raise
        except InterpolationResolutionError as error:
            known = set(loader["globals"])
            if name.startswith("_") or name.partition(".")[0] in known:
                raise
            raise GlobalError(_unknown(name, known)) from error

    def resolve(name: str, *default: Any) -> Any:
        with values.follow(name):
            return answer(name, *default)

    return resolve


def _unknown(name: str, known: set[str]) -> str:
    nearest = suggest(name, known)
    return f"there is no global `{name}`{nearest} Add it to globals.yml, or to `globals:` in aws.yml."


def _ask(token: Any, name: str) -> Any:
    values = _live.get(str(token))
    if values is None:
        raise GlobalError(f"`globals.{name}`: its config loader is gone. Read the configuration again.")
    try:
        value = values.get(name)
    except GlobalError:
        raise
    except KedroAwsError as error:
        raise GlobalError(f"`globals.{name}`: {error.format_message()}") from error
    return OmegaConf.create(value) if isinstance(value, dict | list) else value


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        both = isinstance(lower, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(lower, value) if both and lower is not None else value
    return merged


def _register(name: str, resolver: Callable[..., Any]) -> None:
    # OmegaConf 2.4 gave the function another name, and warns of the former one.
    register = getattr(OmegaConf, "register_resolver", OmegaConf.register_new_resolver)
    register(name, resolver, replace=True)
