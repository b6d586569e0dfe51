"""A config loader that knows the dynamic globals also where Kedro calls no hook."""

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf.errors import OmegaConfBaseException

from kedro_aws_plugin.config.files import ConfigFiles
from kedro_aws_plugin.config.injection import claim_globals, too_early, values_of
from kedro_aws_plugin.session.global_sources import answer_for


class AwsConfigLoader(OmegaConfigLoader):
    """Kedro's config loader with the dynamic globals of aws.yml.

    Projects need it where something reads their configuration without a session, such as
    `kedro.inspection.get_project_snapshot()`: there are no hooks then to put the globals in.

    ```python
    # src/<package>/settings.py
    from kedro_aws_plugin import AwsConfigLoader

    CONFIG_LOADER_CLASS = AwsConfigLoader
    ```

    Args:
        conf_source: The folder, archive or URL of the configuration.
        env: The environment on top of the base.
        runtime_params: Of `--params`.
        options: As `OmegaConfigLoader` takes them.
    """

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        folder = Path(conf_source)
        try:
            super().__init__(conf_source, env, runtime_params, **options)
        except OmegaConfBaseException as error:
            # Kedro's loader has set these before it reads globals.yml.
            files = ConfigFiles(folder, self.base_env, env or self.default_run_env, "globals.yml")
            raise too_early(error, files) or error from None
        answer_for(self, folder.absolute().parent, folder)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Read a kind of configuration.

        OmegaConf has one `globals` resolver for the whole process, which belongs to the loader made last: it
        is claimed back, so that another run's loader does not answer.
        """
        self._claim()
        return super().__getitem__(key)

    def _claim(self) -> None:
        if values_of(self) is not None:
            claim_globals(self)
