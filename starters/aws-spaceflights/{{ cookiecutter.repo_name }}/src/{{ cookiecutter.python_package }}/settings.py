"""How Kedro reads `conf`: the folder `base`, then `local` over it unless `--env` names another."""

CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
