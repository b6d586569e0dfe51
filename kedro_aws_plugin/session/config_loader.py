"""A config loader that has the dynamic globals even if Kedro calls no hook."""

from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf.errors import OmegaConfBaseException

from kedro_aws_plugin.config.files import ConfigFiles
from kedro_aws_plugin.config.injection import claim_globals, explain_early_reference, get_globals
from kedro_aws_plugin.session.bound_loader import BoundLoader
from kedro_aws_plugin.session.session import Session


class AwsConfigLoader(BoundLoader, OmegaConfigLoader):
    """Kedro's config loader with the dynamic globals of aws.yml, and a catalog bound to its AWS.

    Your project needs it if something reads its configuration without the plugin's hooks: then nothing else
    adds the globals and chooses the AWS. `kedro.inspection.get_project_snapshot()` does so, and programs
    that load the catalog with Kedro-Viz's functions.

    ```python
    # src/<package>/settings.py
    from kedro_aws_plugin import AwsConfigLoader

    CONFIG_LOADER_CLASS = AwsConfigLoader
    ```

    Args:
        conf_source: The folder, archive or URL of the configuration.
        env: The environment on top of the base.
        runtime_params: The parameters of `--params`.
        options: Other arguments of `OmegaConfigLoader`.
    """

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        from kedro.framework.project import PACKAGE_NAME

        folder = Path(conf_source)
        try:
            super().__init__(conf_source, env, runtime_params, **options)
        except OmegaConfBaseException as error:
            # Kedro's loader has set these before it reads globals.yml.
            files = ConfigFiles(folder, self.base_env, env or self.default_run_env, "globals.yml")
            raise explain_early_reference(error, files) or error from None
        project = folder.absolute().parent
        Session.of(self, project, PACKAGE_NAME or project.name, folder)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Read the configuration of a kind, such as `catalog`.

        OmegaConf has one `globals` resolver for the whole process, from the loader that was made last. So
        this loader registers its own again first.
        """
        self._claim()
        found: dict[str, Any] = super().__getitem__(key)
        return found

    def _claim(self) -> None:
        if get_globals(self) is not None:
            claim_globals(self)
