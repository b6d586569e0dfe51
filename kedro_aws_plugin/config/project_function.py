"""`function:` of a global: a function of the project's own that computes it."""

import difflib
import importlib
import importlib.util
from typing import Any

from kedro_aws_plugin.errors import ConfigError, KedroAwsError

_PLAIN = (str, int, float, bool, dict, list, type(None))
_KEYS = (str, int, float, bool)


def call(path: str) -> Any:
    """Call a function by its `module:function`.

    Args:
        path: Where it is.

    Raises:
        ConfigError: If the module or the function is missing, or the function raises.
    """
    module_name, _, name = path.partition(":")
    function = getattr(_module(module_name, path), name, None)
    if not callable(function):
        there = vars(_module(module_name, path)).items()
        known = [each for each, value in there if callable(value) and not each.startswith("_")]
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean `{module_name}:{close[0]}`?" if close else ". Define it there."
        raise ConfigError(f"`{module_name}` has no function `{name}`{hint}")
    try:
        value = function()
    except KedroAwsError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"`{path}` raised {_said(error)}. Correct the function.") from error
    odd = _odd(value)
    if odd is not None:
        kind = type(value).__name__
        found = kind if odd is value else f"{kind} with a {type(odd).__name__} in it"
        raise ConfigError(f"`{path}` returned a {found}. Return text, a number, a list or a dictionary.")
    return value


def _odd(value: Any) -> Any:
    """What of a value OmegaConf has no place for."""
    if isinstance(value, dict):
        inside = [*(key for key in value if not isinstance(key, _KEYS)), *map(_odd, value.values())]
        return next((each for each in inside if each is not None), None)
    if isinstance(value, list):
        return next((each for each in map(_odd, value) if each is not None), None)
    return None if isinstance(value, _PLAIN) else value


def _module(name: str, path: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigError(f"`{path}` cannot be imported: {_said(error)}. Install it.") from error
        raise ConfigError(
            f"there is no module `{error.name}` for `{path}`. Correct the name, or add the module to src/."
        ) from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"`{path}` cannot be imported: {_said(error)}. Correct the module.") from error


def _said(error: BaseException) -> str:
    first = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
