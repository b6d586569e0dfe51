"""Check the inputs before any file is written, and explain the first problem in one sentence."""

import json
import sys

from kedro_aws_plugin.starters.inputs import find_first_problem

# Cookiecutter renders this. JSON never has three quotes in a row, so no value can end the string early.
INPUTS = json.loads(r"""{{ dict(cookiecutter) | tojson }}""")

sys.exit(find_first_problem(INPUTS))
