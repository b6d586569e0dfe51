"""`pipelines:` of aws.yml takes what SageMaker's model takes."""

import re

import botocore.session
import pytest
from pydantic import ValidationError

from kedro_aws_plugin.config.pipelines import Pipelines

KEY = botocore.session.get_session().get_service_model("sagemaker").shape_for("ProcessingEnvironmentKey")


@pytest.mark.parametrize("key", ["LEVEL", "_a1", "MY-LEVEL", "1st", "my.level", "größe", "", "a b"])
@pytest.mark.parametrize("of_a_step", [False, True])
def test_the_names_of_environment_variables(key: str, of_a_step: bool) -> None:
    variables = {"environment": {key: "1"}}
    stated = {"steps": {"a": {"nodes": ["fit"], **variables}}} if of_a_step else {"resources": variables}
    if re.fullmatch(KEY.metadata["pattern"], key):
        Pipelines.model_validate(stated)
        return
    with pytest.raises(ValidationError, match=f"`{re.escape(key)}` is no name of a variable for SageMaker"):
        Pipelines.model_validate(stated)
