"""The CSV file that a SELECT leaves, and the answer of a statement that is no query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from kedro.io import DatasetError
from pyarrow import csv
from pyarrow.fs import FileSystem

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import Execution
from kedro_aws_plugin.datasets._reading import in_chunks, still_there
from kedro_aws_plugin.datasets._texts import schema_of, to_table

_LONGEST_ROW = 32 * 2**20
"""Bytes; Athena has no longer ones."""


@dataclass(frozen=True)
class Selected:
    """A result as text.

    Attributes:
        columns: The columns wanted; None for all.
    """

    athena: Athena
    execution: Execution
    filesystem: FileSystem
    columns: tuple[str, ...] | None = None

    def table(self) -> pa.Table:
        """All of it."""
        tables = list(self._tables())
        return self._wanted(pa.concat_tables(tables) if tables else self._empty())

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """A number of rows at a time."""
        batches = (batch for table in self._tables() for batch in table.to_batches())
        any_rows = False
        for table in in_chunks(batches, rows):
            any_rows = True
            yield self._wanted(table)
        if not any_rows:
            yield self._wanted(self._empty())

    def _empty(self) -> pa.Table:
        return schema_of(self.execution.columns).empty_table()

    def _wanted(self, table: pa.Table) -> pa.Table:
        if self.columns is None:
            return table
        absent = [name for name in self.columns if name not in table.column_names]
        if absent:
            raise DatasetError(
                f"The query has no column `{absent[0]}`. It has {', '.join(table.column_names)}. "
                "Correct `columns`."
            )
        return table.select(list(self.columns))

    def _tables(self) -> Iterator[pa.Table]:
        schema_of(self.execution.columns)  # refuses before anything is read
        uri = self.execution.output
        texts = self._from_file(uri) if uri and uri.endswith(".csv") else self._from_pages()
        return (to_table(each, self.execution.columns) for each in texts)

    def _from_pages(self) -> Iterator[Sequence[pa.Array]]:
        """DDL has no CSV file, and a workgroup that keeps results itself shows none."""
        width = len(self.execution.columns)
        for page in self.athena.rows(self.execution):
            # A row of DESCRIBE may be shorter than the others.
            rows = [(*row, *([None] * (width - len(row)))) for row in page]
            yield [pa.array([row[place] for row in rows], pa.string()) for place in range(width)]

    def _from_file(self, uri: str) -> Iterator[Sequence[pa.Array]]:
        """In Athena's CSV every value is quoted, and what is not quoted is NULL."""
        names = [str(place) for place in range(len(self.execution.columns))]
        with still_there(uri), self.filesystem.open_input_stream(uri.removeprefix("s3://")) as file:
            reader = csv.open_csv(
                file,
                read_options=csv.ReadOptions(column_names=names, skip_rows=1, block_size=_LONGEST_ROW),
                parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            for batch in reader:
                yield batch.columns
