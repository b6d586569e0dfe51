"""The extra [sagemaker]: AWS's own table of images, instead of the extract that the wheel has."""

from importlib.metadata import version

from kedro_aws_plugin.model_artifact.images import choose_sklearn_image

image = choose_sklearn_image("eu-west-1", "1.4.2")
assert image.source == f"sagemaker-core {version('sagemaker-core')}", image
assert "dkr.ecr.eu-west-1.amazonaws.com" in image.uri, image
