"""Every kind of model answers in AWS's container and on the local AWS what it answers itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kinds import KINDS
from lane import REFUSED, compare, start_local_aws, write_row

from local_aws import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.container]

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "model-artifact.md"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with start_local_aws(tmp_path_factory.mktemp("lane")) as started:
        yield started


@pytest.mark.parametrize("name", KINDS)
def test_both_servers_answer_what_the_model_answers(name: str, aws: LocalAws) -> None:
    compared = compare(KINDS[name](), aws)
    assert [each for each in compared if not each.equal] == []
    assert {each.local[0] for each in compared if each.expected is not None} == {200}
    assert {each.local[0] for each in compared if each.expected is None} == {400, 415}
    assert len(compared) >= 11 + len(REFUSED)
    assert write_row(name, compared) in PAGE.read_text(encoding="utf-8").splitlines()
