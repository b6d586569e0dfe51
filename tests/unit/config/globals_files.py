"""Dynamic globals of the files of a conf/ folder."""

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader

from kedro_aws_plugin.config.dynamic_globals import GlobalError
from kedro_aws_plugin.config.injection import get_globals, resolve
from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.run.run_id import Run
from kedro_aws_plugin.session.connection import Connection
from kedro_aws_plugin.session.global_resolver import GlobalResolver

AWS = "region: eu-west-1\nbucket: flights\n"
RUN = Run("2026-11-21T23.30.00.000Z", datetime(2026, 11, 21, 23, 30, tzinfo=timezone.utc))

Make = Callable[..., OmegaConfigLoader]


def answering(loader: OmegaConfigLoader) -> OmegaConfigLoader:
    """A loader whose functions are called, once it is connected."""
    values = get_globals(loader)
    assert values is not None
    connection = Connection(target="local", account="123456789012", region="eu-west-1", env="local")
    values.source = GlobalResolver(Path(loader.conf_source).parent, lambda: connection)
    return loader


def refusal(make: Make, specs: str, **others: Any) -> str:
    """The sentence that specs are refused with."""
    with pytest.raises(ConfigError) as refused:
        make(specs, **others)
    return refused.value.format_message()


def problem(name: str) -> str:
    """The sentence that a global which cannot be computed is refused with."""
    with pytest.raises(GlobalError) as refused:
        resolve(name)
    return refused.value.format_message()
