"""The framework as scripts import it: ``from sagemaker_containers.beta.framework import worker``."""

from local_aws.sagemaker.framework import content_types, encoders, env, errors, worker

__all__ = ["content_types", "encoders", "env", "errors", "worker"]
