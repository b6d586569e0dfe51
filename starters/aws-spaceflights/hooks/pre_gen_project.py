"""Refuse inputs in one sentence, before a file is written."""

import json
import sys

from kedro_aws_plugin.starters.inputs import first_problem

# Cookiecutter renders this. JSON never holds three quotes in a row, so no value can end the string it is in.
INPUTS = json.loads(r"""{{ dict(cookiecutter) | tojson }}""")

sys.exit(first_problem(INPUTS))
