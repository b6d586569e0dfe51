"""Put the dynamic globals of aws.yml into a config loader, so that `${globals:...}` finds them.

The names of the globals must be known before aws.yml can be resolved, since its other keys may refer to them.
So the section is read first and unresolved. A global whose value is known at once is put into the loader's
globals as that value, and any other as an expression that computes it when something first refers to it.
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
    """Get the dynamic globals that were injected into a config loader; None if there are none."""
    return getattr(loader, _ATTRIBUTE, None)


def inject_into(
    loader: AbstractConfigLoader, values: DynamicGlobals, region: Any, files: ConfigFiles
) -> None:
    """Inject dynamic globals into a config loader.

    Globals of the same name in globals.yml override them, those of the environment's globals.yml override
    these, and `--params globals.name=value` overrides all.

    Args:
        loader: The config loader.
        values: The dynamic globals.
        region: `region` of aws.yml.
        files: aws.yml of the base and of the environment, to name in errors.

    Raises:
        ConfigError: If they refer to one another in a circle, or to a global that does not exist, or if
            `--params` gives an unknown name that is nearly the name of a global.
    """
    stated = read_stated_globals(loader)
    given = loader.runtime_params.get("globals", {})
    given = given if isinstance(given, Mapping) else {}
    _check_params(given, {*values.specs, *stated})
    own = {name: spec for name, spec in values.specs.items() if name not in {*stated, *given}}
    try:
        _check_references(own, {*own, *stated, *given})
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
    loader["globals"] = _merge(_merge(values.write_expressions(region), stated), given)
    kedro_internals.forget_resolved_globals(loader)


def resolve(name: str) -> Any:
    """Resolve `${globals:<name>}` as any file of conf/ would, with the config loader that claimed it last.

    Raises:
        GlobalError: If it cannot be computed.
    """
    reference = OmegaConf.create({"globals": {name: f"${{globals:{name}}}"}})
    try:
        return OmegaConf.to_container(reference, resolve=True)["globals"][name]  # type: ignore[index, call-overload]
    except GlobalError:
        raise
    except RecursionError:
        raise GlobalError(f"`globals.{name}`: it refers to itself. Correct what it refers to.") from None
    except OmegaConfBaseException as error:
        raise GlobalError(f"`globals.{name}`: {summarize(error)}. Correct what it refers to.") from None


def claim_globals(loader: AbstractConfigLoader) -> None:
    """Make `${globals:...}` refer to this loader's globals.

    OmegaConf has one set of resolvers for the whole process.
    """
    _register(RESOLVER, _compute_global)
    values = get_globals(loader)
    if values is not None and kedro_internals.can_resolve_globals(loader):
        _register("globals", _make_resolver(loader, values))


def read_stated_globals(loader: AbstractConfigLoader) -> dict[str, Any]:
    """Read globals.yml of the base and of the environment."""
    try:
        return dict(loader["globals"])
    except (KeyError, MissingConfigException):
        return {}


def explain_early_reference(error: Exception, files: ConfigFiles) -> ConfigError | None:
    """Explain that globals.yml itself refers to a global, with which Kedro's loader cannot be made.

    Args:
        error: The error that the loader raised.
        files: globals.yml of the base and of the environment.

    Returns:
        The error for the user; None if something else is wrong.
    """
    if not kedro_internals.is_unfinished_loader(error):
        return None
    key = getattr(error, "full_key", None)
    what = f"`{key}`" if key else "a key"
    return ConfigError(
        f"{files.find_text('globals:')}: {what} refers to a `${{globals:...}}`, and Kedro resolves this "
        "file before there are any globals. Move it to `globals:` in aws.yml."
    )


def _check_params(given: Iterable[Any], declared: set[str]) -> None:
    """Raise if `--params` gives a misspelt global, which would otherwise have no effect."""
    for name in map(str, given):
        nearest = suggest(name, declared, otherwise="", cutoff=_ALMOST)
        if name not in declared and nearest:
            raise ConfigError(
                f"--params: there is no global `{name}`{nearest} Correct the name, or declare `{name}` in "
                "globals.yml."
            )


def _check_references(own: Mapping[str, Global], known: set[str]) -> None:
    if circle := find_cycle(own):
        raise ConfigError(f"`globals.{circle[0]}`: {describe_circle(circle)}")
    for name, spec in own.items():
        for other, needed in spec.find_references():
            if needed and other not in known:
                raise ConfigError(f"`globals.{name}`: {_explain_unknown_global(other, known)}")


def _make_resolver(loader: Any, values: DynamicGlobals) -> Callable[..., Any]:
    """Make Kedro's resolver of globals with better errors: for circles, and for unknown names."""

    def answer(name: str, *default: Any) -> Any:
        try:
            first, dot, _ = name.partition(".")
            value = kedro_internals.resolve_global(loader, first, *default)
            # A value that is not known yet has no keys to look up.
            return (
                kedro_internals.resolve_global(loader, name, *default) if dot and value != NOT_YET else value
            )
        except GlobalError:
            raise
        except InterpolationResolutionError as error:
            known = set(loader["globals"])
            if name.startswith("_") or name.partition(".")[0] in known:
                raise
            raise GlobalError(_explain_unknown_global(name, known)) from error

    def resolve(name: str, *default: Any) -> Any:
        with values.follow(name):
            return answer(name, *default)

    return resolve


def _explain_unknown_global(name: str, known: set[str]) -> str:
    nearest = suggest(name, known)
    return f"there is no global `{name}`{nearest} Add it to globals.yml, or to `globals:` in aws.yml."


def _compute_global(token: Any, name: str) -> Any:
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


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        both = isinstance(lower, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(lower, value) if both and lower is not None else value
    return merged


def _register(name: str, resolver: Callable[..., Any]) -> None:
    # OmegaConf 2.4 gave the function another name, and warns of the former one.
    register = getattr(OmegaConf, "register_resolver", OmegaConf.register_new_resolver)
    register(name, resolver, replace=True)
