"""From `kedro new` to a model serving on AWS, without leaving Kedro."""

import warnings

__version__ = "0.1.0"

# Kedro 1.7 on OmegaConf 2.4 prints this several times in every command, whatever a user does.
warnings.filterwarnings("ignore", message=r"register_new_resolver\(\) is deprecated", category=UserWarning)
