"""Names with the characters of paths, shells and queries: one sentence, and nothing is changed or written."""

from pathlib import Path

import pytest
from project_cli import GROUP, kedro_aws
from requests_sent import Requests

NAMES = ("../../escaped", "$(touch hacked)", "a\nb", "x" * 300, "*")


@pytest.mark.parametrize(
    "words",
    [
        "models --group {}",
        "approve-model --group {}",
        f"reject-model {{}} --group {GROUP}",
        f"deploy --endpoint {{}} --group {GROUP}",
        f"deploy --endpoint hostile --group {GROUP} --package {{}}",
        "deploy --endpoint hostile --group {}",
        "rollback --endpoint {}",
        "predict --endpoint {}",
        f"predict {{}} --endpoint {GROUP}",
        "status --endpoint {}",
        "destroy --endpoint {} --yes",
        "logs {}",
        "local logs {}",
        "register-model --model {}",
        "register-model --version {}",
        f"transform --input {{}} --output metrics --group {GROUP}",
        f"transform --input model_input_table --output {{}} --group {GROUP}",
        "transform --job {} --input model_input_table --output metrics",
    ],
)
@pytest.mark.usefixtures("registered")
def test_a_hostile_name(words: str, project: Path, requests_sent: Requests) -> None:
    for name in NAMES:
        done = kedro_aws(*(word.format(name) for word in words.split()))
        assert (done.code, done.stdout) == (1, ""), (name, done)
        assert "Error: " in done.stderr
    assert requests_sent.changing == []
    assert not list(project.parent.rglob("*hacked*")) + list(project.parent.rglob("*escaped*"))
