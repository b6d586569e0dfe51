"""What `kedro aws` says of a command that does not exist."""

import pytest
from click.testing import CliRunner

from kedro_aws_plugin.cli import commands


def test_no_command_is_described_by_half_a_sentence() -> None:
    """At 80 columns, which click cuts at."""
    shown = CliRunner().invoke(commands, ["aws", "--help"], terminal_width=80, catch_exceptions=False)
    listed = shown.stdout.partition("Commands:")[2].splitlines()
    assert len(listed) > 20
    assert [line for line in listed if line.endswith("...")] == []


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("regster-model", "Error: No such command 'regster-model'; did you mean `register-model`?"),
        ("statuss", "Error: No such command 'statuss'; did you mean `status`?"),
        ("xyzzy", "Error: No such command 'xyzzy'."),
    ],
)
def test_a_mistyped_command_is_corrected(typed: str, sentence: str) -> None:
    done = CliRunner().invoke(commands, ["aws", typed], prog_name="kedro")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == sentence
