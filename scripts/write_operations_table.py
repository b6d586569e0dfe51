"""Write docs/reference/local-aws-operations.md from the table of operations and botocore's service models.

python scripts/write_operations_table.py
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from local_aws.protocol.operations import TABLES, Settings, Support, Table
from local_aws.protocol.service_model import load_service_model

PAGE = Path(__file__).parents[1] / "docs/reference/local-aws-operations.md"
TITLES = {
    "sagemaker": "SageMaker",
    "sagemaker-runtime": "SageMaker Runtime",
    "athena": "Athena",
    "glue": "Glue",
    "stepfunctions": "Step Functions",
    "emr-serverless": "EMR Serverless",
}
INTRODUCTION = """\
# Operations of the local AWS

Each operation of SageMaker, Athena, Glue, Step Functions and EMR Serverless, and each setting of one, is one
of three:

- **works**
- **recorded**: the local AWS validates it and gives it back, and it has no effect on this machine.
- **refused** with AWS's error, status 400, `The local AWS does not support ...`, at once. That includes every
  operation and setting that a newer botocore knows and this page does not.

What starts work or promises an output is never merely recorded. `scripts/write_operations_table.py` writes
this page from `local_aws/protocol/operations.py` and the service models of botocore {version}. A test calls
every operation.

The other APIs of SageMaker's family (feature store, metrics, A2I, edge) are refused.
"""


def make_page() -> str:
    """Make the page."""
    sections = [_make_section(service, table) for service, table in TABLES.items()]
    return "\n".join([INTRODUCTION.format(version=version("botocore")), *sections])


def list_settings(service: str, operation: str) -> Iterator[tuple[str, Support]]:
    """List the members of an operation's request, as deep as the table tells them apart."""
    shape = load_service_model(service).operation_model(operation).input_shape
    yield from _walk(shape, "", TABLES[service].settings[operation])


def _walk(shape: Any, above: str, settings: Settings) -> Iterator[tuple[str, Support]]:
    for name, member in shape.members.items():
        path = f"{above}{name}"
        support = settings.find(path)
        if support is not None:
            yield path, support
            continue
        inner = member
        while inner.type_name == "list":
            inner = inner.member
        yield from _walk(inner, f"{path}.", settings)


def _make_section(service: str, table: Table) -> str:
    operations = sorted(load_service_model(service).operation_names)
    found = {operation: table.find(operation) for operation in operations}
    counts = ", ".join(
        f"{sum(1 for each in found.values() if each is support)} {support.value}" for support in Support
    )
    lines = [f"## {TITLES[service]}", "", f"{len(operations)} operations: {counts}.", ""]
    lines += ["| operation | | instead |", "|---|---|---|"]
    lines += [
        f"| {operation} | {support.value} | {table.ways_out.get(operation, '')} |"
        for operation, support in found.items()
    ]
    if table.settings:
        lines += ["", f"### Settings {{#{service}-settings}}", ""]
        lines += ["All settings of the other operations work.", ""]
        lines += ["| operation | works | recorded | refused |", "|---|---|---|---|"]
        lines += [_make_settings_row(service, operation) for operation in table.settings]
    return "\n".join([*lines, ""])


def _make_settings_row(service: str, operation: str) -> str:
    settings = list(list_settings(service, operation))
    cells = ["<br>".join(f"`{path}`" for path, found in settings if found is support) for support in Support]
    return f"| {operation} | {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
