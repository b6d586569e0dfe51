"""A command does not look for garbage in all that it has imported: not while it runs, and not at its end."""

import subprocess
import sys

PROGRAM = """
import atexit, gc
from click import Command, echo
from click.testing import CliRunner
from kedro_aws_plugin.cli import commands

atexit.register(lambda: print("frozen at the end:", gc.get_freeze_count() > 10_000))
usual = gc.get_threshold()
commands.commands["aws"].add_command(Command("probe", callback=lambda: echo(gc.get_threshold()[0])))
within = [int(CliRunner().invoke(commands, ["aws", "probe"]).stdout) for _ in range(2)]
print("rarely within:", min(within) > 100 * usual[0])
print("as before:", gc.get_threshold() == usual and gc.get_freeze_count() < 10_000)
"""


def test_garbage_is_looked_for_rarely_within_a_command_and_not_at_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-3:] == [
        "rarely within: True",
        "as before: True",
        "frozen at the end: True",
    ]
