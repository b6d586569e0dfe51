"""Folders and settings of the container, read from its environment variables."""

import logging
import os

from local_aws.sagemaker.framework import content_types

base_dir = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
code_dir = os.path.join(base_dir, "code")  # noqa: PTH118 - the image's are plain strings too
model_dir = os.path.join(base_dir, "model")  # noqa: PTH118


def num_cpus() -> int:
    """Count the processors."""
    return os.cpu_count() or 1


class ServingEnv:
    """The settings of a container that serves."""

    def __init__(self) -> None:
        program = os.environ.get("SAGEMAKER_PROGRAM")
        self.module_name = program.removesuffix(".py") if program else program
        self.module_dir = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", code_dir)
        self.model_dir = model_dir
        self.log_level = int(os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", logging.INFO))
        self.default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", content_types.JSON)
        self.model_server_timeout = int(os.environ.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60"))
        self.model_server_workers = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS", num_cpus()))
        self.num_cpus = num_cpus()
