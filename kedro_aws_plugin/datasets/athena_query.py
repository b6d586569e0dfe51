"""A query of Amazon Athena as a Kedro dataset."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NoReturn, get_args

from kedro.io import AbstractDataset, DatasetError

from kedro_aws_plugin.datasets import defaults
from kedro_aws_plugin.datasets._entry import TablePreview, dataset_errors, one_of, several
from kedro_aws_plugin.datasets._frames import Engine, shown
from kedro_aws_plugin.datasets._query_loading import Load, loaded, loaded_in_chunks
from kedro_aws_plugin.datasets._query_text import Query, absolute, literals, query_of, sql_of_file
from kedro_aws_plugin.datasets._unload_result import Mode

_LONGEST_REUSE = 7 * 24 * 60


class AthenaQueryDataset(AbstractDataset[None, Any]):
    """Loads what a query of Amazon Athena returns.

    Athena writes the result to S3 as Parquet (UNLOAD), and pyarrow reads it back in parallel; then the files
    are removed. Types are Athena's own: decimals, dates, timestamps, arrays, maps and rows keep their
    meaning, partition columns are typed, and no rows still give every column.

    Example usage for the
    [YAML API](https://docs.kedro.org/en/stable/catalog-data/data_catalog_yaml_examples/):

    ```yaml
    reviews:
      type: kedro_aws_plugin.datasets.AthenaQueryDataset
      query: >
        SELECT shuttle_id, review_scores_rating
        FROM raw_reviews
        WHERE review_scores_rating >= ?
      execution_parameters: [90]

    big_table:
      type: kedro_aws_plugin.datasets.AthenaQueryDataset
      query_file: queries/big_table.sql
      database: analytics
      output_location: s3://my-bucket/athena/
      engine: polars
      chunk_rows: 500000
    ```

    Example usage for the
    [Python API](https://docs.kedro.org/en/stable/catalog-data/advanced_data_catalog_usage/):

    ```python
    from kedro_aws_plugin.datasets import AthenaQueryDataset

    dataset = AthenaQueryDataset(
        query="SELECT * FROM raw_reviews WHERE shuttle_id = ?",
        execution_parameters=[42],
        database="my_flights",
        output_location="s3://my-bucket/athena/",
    )
    reviews = dataset.load()
    ```

    In a project with an `athena` section in aws.yml, `database`, `workgroup`, `output_location` and
    `max_scan_gb` come from there unless the entry gives them.

    What a pandas frame holds: numpy's types, for integers and booleans with NULLs among them pandas'
    nullable ones (as floats, large integers would change); `datetime.date`, `decimal.Decimal`, arrays as
    numpy arrays, maps and rows as dicts. Timestamps have microseconds.

    UNLOAD writes several files at once, so the order of an ORDER BY is kept in `mode: select` only.

    Ctrl-C cancels the query. Not under ThreadRunner or `--async`: Python interrupts the main thread only, so
    the run ends when the queries that run have ended; cancel them in Athena's console.
    """

    def __init__(  # noqa: PLR0913 - a catalog entry's keys
        self,
        *,
        query: str | None = None,
        query_file: str | None = None,
        database: str | None = None,
        catalog: str | None = None,
        workgroup: str | None = None,
        output_location: str | None = None,
        mode: Mode = "unload",
        engine: Engine = "pandas",
        partitioned_by: Sequence[str] = (),
        execution_parameters: Sequence[object] = (),
        result_reuse_minutes: int | None = None,
        chunk_rows: int | None = None,
        columns: Sequence[str] | None = None,
        keep_results: bool = False,
        allow_ddl: bool = False,
        max_scan_gb: float | None = None,
        credentials: Mapping[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Keep what a load needs; AWS is not asked.

        Args:
            query: The SQL of one SELECT (or WITH, VALUES, TABLE).
            query_file: A file with the SQL instead: a path relative to the project's folder, or any URL that
                fsspec knows. It is read at each load.
            database: Where names without a database are looked up.
            catalog: Data catalog, by default AwsDataCatalog.
            workgroup: By default `primary`.
            output_location: An S3 URI for results; by default aws.yml's, else the workgroup's own.
            mode: `unload` for any size and type. `ctas` does the same with CREATE TABLE AS, for what UNLOAD
                does not take. `select` reads the text that a SELECT leaves: for small results, for an
                order, and for statements that are no queries; arrays, maps and rows are refused.
            engine: `pandas`, `pyarrow`, `polars` or `spark`. Spark reads lazily, so its files stay until the
                process ends.
            partitioned_by: Columns by which `unload` and `ctas` put files into folders; they come last
                in the query.
            execution_parameters: Values for the query's `?`, bound by Athena: in SELECT, CTAS and UNLOAD
                alike. A text stays a text, so compare a date with `CAST(? AS date)`.
            result_reuse_minutes: Take an earlier result of the same query if it is not older, which costs
                nothing; Athena does so in `mode: select` only.
            chunk_rows: Return a generator of frames of so many rows, in bounded memory.
            columns: The columns to load, in this order; Athena reads no others.
            keep_results: Leave the result's files on S3.
            allow_ddl: Allow a statement that is no query, in `mode: select`.
            max_scan_gb: The most that the query may scan. Where EXPLAIN can tell, a query that would scan
                more is not run; else it is stopped when it has. The workgroup's own limit holds besides.
            credentials: boto3's (`aws_access_key_id`, `profile_name`, ...) or s3fs's (`key`, `secret`,
                `token`); by default botocore finds them.
            metadata: Anything; Kedro ignores it.

        Raises:
            DatasetError: If the arguments do not fit together.
        """
        project = defaults.in_force()
        self._query = query
        self._query_file = absolute(query_file)
        self._database = database or project.database
        self._catalog = catalog
        self._workgroup = workgroup or project.workgroup
        self._output_location = output_location or project.output_location
        self._mode = mode
        self._engine = engine
        self._partitioned_by = several(partitioned_by)
        self._parameters = literals(several(execution_parameters))
        self._result_reuse_minutes = result_reuse_minutes
        self._chunk_rows = chunk_rows
        self._columns = several(columns) if columns is not None else None
        self._keep_results = keep_results
        self._allow_ddl = allow_ddl
        self._max_scan_gb = max_scan_gb if max_scan_gb is not None else project.max_scan_gb
        self._region = project.region
        self._local = project.local
        self._credentials = deepcopy(dict(credentials or {}))
        self.metadata = metadata
        self._SINGLE_PROCESS = engine == "spark"
        self._check()

    def _check(self) -> None:
        """Refuse what cannot be meant."""
        one_of("mode", self._mode, get_args(Mode))
        one_of("engine", self._engine, get_args(Engine))
        location = self._output_location or "s3://bucket/"
        refusals = {
            "Give either `query` or `query_file`.": (self._query is None) == (self._query_file is None),
            f"`output_location: {location}` is no S3 URI. Write s3://bucket/prefix/.": not _is_s3(location),
            "`chunk_rows` is 1 or more.": self._chunk_rows is not None and self._chunk_rows < 1,
            "`columns` is empty. Name a column, or leave it out for all.": self._columns == (),
            "`partitioned_by` needs `mode: unload` or `ctas`.": self._partitioned_by
            and self._mode == "select",
            "Athena reuses results of SELECT only: `result_reuse_minutes` needs `mode: select`.": (
                self._result_reuse_minutes is not None and self._mode != "select"
            ),
            f"`result_reuse_minutes` is between 0 and {_LONGEST_REUSE}.": (
                not 0 <= (self._result_reuse_minutes or 0) <= _LONGEST_REUSE
            ),
            "`max_scan_gb` is 0 or more.": (self._max_scan_gb or 0) < 0,
            "`engine: spark` needs `mode: unload` or `ctas`, and no `chunk_rows`: Spark reads as it needs.": (
                self._engine == "spark" and (self._mode == "select" or self._chunk_rows is not None)
            ),
            "Every one of `columns` is in `partitioned_by`. Leave `partitioned_by` out.": bool(
                self._columns and set(self._columns) <= set(self._partitioned_by)
            ),
        }
        for message, refused in refusals.items():
            if refused:
                raise DatasetError(message)

    def load(self) -> Any:
        """Run the query and read its result.

        Returns:
            A frame of the engine; with `chunk_rows` a generator of frames, whose files are removed when it is
            exhausted, closed or forgotten.

        Raises:
            DatasetError: If the query is refused, fails or is cancelled: with its line and Athena's reason.
        """
        with dataset_errors(self._local):
            load = self._request(self._statement())
            return loaded(load) if self._chunk_rows is None else loaded_in_chunks(load, self._chunk_rows)

    def save(self, data: None) -> NoReturn:  # noqa: ARG002 - Kedro's signature
        """Refuse: a query only reads.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(
            "AthenaQueryDataset only reads. Save with kedro_aws_plugin.datasets.AthenaTableDataset, or with "
            "an INSERT in a query of `mode: select` and `allow_ddl: true`."
        )

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz; Athena runs the query with a LIMIT.

        Args:
            nrows: How many.
        """
        with dataset_errors(self._local):
            query = self._statement()
            if not query.reads:
                return TablePreview({"columns": [], "index": [], "data": []})
            limited = query_of(f"SELECT * FROM (\n{query.sql}\n) LIMIT {int(nrows)}")  # noqa: S608
            frame = loaded(self._request(limited, engine="pandas"))
        return TablePreview(shown(frame))

    def _request(self, query: Query, engine: Engine | None = None) -> Load:
        return Load(
            query=query,
            parameters=self._parameters,
            mode=self._mode,
            engine=engine or self._engine,
            database=self._database,
            catalog=self._catalog,
            workgroup=self._workgroup,
            output_location=self._output_location,
            region=self._region,
            credentials=self._credentials,
            partitioned_by=self._partitioned_by,
            columns=self._columns,
            result_reuse_minutes=self._result_reuse_minutes,
            max_scan_gb=self._max_scan_gb,
            keep_results=self._keep_results,
        )

    def _statement(self) -> Query:
        """The query, if it may be run."""
        query = query_of(self._sql())
        given, wanted = len(self._parameters), query.marks
        if not query.keyword:
            raise DatasetError("The query is empty. Write a SELECT.")
        if query.several:
            raise DatasetError(
                "The query is more than one statement; Athena takes one. Split it in two entries."
            )
        if not query.reads and not self._allow_ddl:
            raise DatasetError(
                f"{query.keyword} is no query, and load only reads. Write a SELECT; if it is meant, add "
                "`allow_ddl: true` and `mode: select`. To write a table, use AthenaTableDataset."
            )
        if not query.reads and self._mode != "select":
            raise DatasetError(f"{query.keyword} has no rows to {self._mode}. Use `mode: select`.")
        if given != wanted:
            raise DatasetError(
                f"The query has {wanted} `?`, but there are {given} `execution_parameters`. Give one each."
            )
        return query

    def _sql(self) -> str:
        if self._query is not None:
            return self._query
        return sql_of_file(str(self._query_file), self._credentials)

    def _describe(self) -> dict[str, Any]:
        return {
            "query": self._query,
            "query_file": self._query_file,
            "database": self._database,
            "workgroup": self._workgroup,
            "output_location": self._output_location,
            "mode": self._mode,
            "engine": self._engine,
        }


def _is_s3(uri: str) -> bool:
    return uri.startswith("s3://") and len(uri.removeprefix("s3://").split("/")[0]) > 0 and "'" not in uri
