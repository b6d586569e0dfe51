"""A query of Amazon Athena as a Kedro dataset."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NoReturn, get_args

from kedro.io import AbstractDataset, DatasetError

from kedro_aws_plugin.datasets import defaults
from kedro_aws_plugin.datasets._entry import TablePreview, as_tuple, check_choice, raise_dataset_errors
from kedro_aws_plugin.datasets._frames import Engine, to_json_table
from kedro_aws_plugin.datasets._query_loading import Load, load_chunks, load_frame
from kedro_aws_plugin.datasets._query_text import Query, parse_query, read_sql, resolve_path, to_literals
from kedro_aws_plugin.datasets._unload_result import Mode

_LONGEST_REUSE = 7 * 24 * 60


class AthenaQueryDataset(AbstractDataset[None, Any]):
    """``AthenaQueryDataset`` loads the result of a SQL query of Amazon Athena.

    Athena writes the result to S3 as Parquet (UNLOAD), pyarrow reads the files in parallel, and the dataset
    then removes them. Values keep Athena's types: decimals, dates, timestamps, arrays, maps and rows. So do
    partition columns. A result without rows has all its columns, with their types.

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

    **Types of a pandas frame.** Columns have numpy's types. Integers and booleans with NULLs have pandas'
    nullable types, because floats would change large integers. Dates are `datetime.date`, decimals
    `decimal.Decimal`, arrays numpy arrays, maps and rows dicts. Timestamps have microseconds.

    **Names.** Columns have the names that the query gives, in its case. Files of `unload` and `ctas` have
    them in lower case: a query that writes one with a capital is run once more, for no rows, unless `columns`
    is given.

    **Order.** UNLOAD writes several files at once, so only `mode: select` keeps the order of an ORDER BY.

    **Interruption.** Ctrl-C cancels the query, except under ThreadRunner or `--async`: Python interrupts the
    main thread only, so the run ends when its queries have ended. Cancel them in the Athena console.
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
        partition_cols: Sequence[str] | None = None,
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
        """Create the dataset. Sends no request to AWS.

        Args:
            query: One SQL query: SELECT, WITH, VALUES or TABLE. Give either `query` or `query_file`.
            query_file: A file with the query: a path relative to the project's folder, or any URL that fsspec
                knows. It is read at each load.
            database: The database of the names that have none in the query.
            catalog: The data catalog; by default AwsDataCatalog.
            workgroup: The Athena workgroup; by default `primary`.
            output_location: The S3 URI for results; by default aws.yml's, else the workgroup's own. In the
                modes `ctas` and `select`, a workgroup that enforces its configuration uses its own instead.
            mode: How to get the result. `unload` suits any size and type. `ctas` does the same with CREATE
                TABLE AS, for types that UNLOAD refuses. `select` reads the text of a SELECT's result: use it
                for small results, for ordered ones, and for statements that are not queries. It refuses
                arrays, maps and rows.
            engine: The library of the frame: `pandas`, `pyarrow`, `polars` or `spark`. Spark reads lazily, so
                the result's files stay until the process ends.
            partitioned_by: The columns by which `unload` and `ctas` put files into folders. They must be the
                last columns of the query.
            partition_cols: The name that other Athena datasets have for `partitioned_by`. It is refused.
            execution_parameters: The values of the query's `?`, in order; Athena binds them in every mode. A
                text is bound as varchar, so compare it with a date by `CAST(? AS date)`.
            result_reuse_minutes: Load an earlier result of the same query if it is at most this old, in
                minutes, at no cost. Athena does so in `mode: select` only.
            chunk_rows: Load a generator of frames with this number of rows each, in bounded memory.
            columns: The columns to load, in this order; Athena reads no others.
            keep_results: Whether to keep the result's files on S3.
            allow_ddl: Whether to allow a statement that is not a query; needs `mode: select`.
            max_scan_gb: The most that the query may scan, in units of 10^9 bytes. If EXPLAIN estimates more,
                the query is not run; else it is stopped once it has scanned more. The workgroup's own limit
                holds too.
            credentials: boto3's (`aws_access_key_id`, `profile_name`, ...) or s3fs's (`key`, `secret`,
                `token`); by default botocore's.
            metadata: Any data of yours; Kedro ignores it.

        Raises:
            DatasetError: If an argument is not valid, or arguments do not fit together.
        """
        if partition_cols is not None:
            raise DatasetError(
                "`partition_cols` is called `partitioned_by` here. Rename it in the catalog entry."
            )
        project = defaults.find_defaults(credentials)
        self._query = query
        self._query_file = resolve_path(query_file)
        self._database = database or project.database
        self._catalog = catalog
        self._workgroup = workgroup or project.workgroup
        self._output_location = output_location or project.output_location
        self._mode = mode
        self._engine = engine
        self._partitioned_by = as_tuple(partitioned_by)
        self._parameters = to_literals(as_tuple(execution_parameters))
        self._result_reuse_minutes = result_reuse_minutes
        self._chunk_rows = chunk_rows
        self._columns = as_tuple(columns) if columns is not None else None
        self._keep_results = keep_results
        self._allow_ddl = allow_ddl
        self._max_scan_gb = max_scan_gb if max_scan_gb is not None else project.max_scan_gb
        self._region = project.region
        self._project = project
        self._credentials = deepcopy(dict(credentials or {}))
        self.metadata = metadata
        self._SINGLE_PROCESS = engine == "spark"
        self._check()

    def _check(self) -> None:
        """Validate the arguments."""
        check_choice("mode", self._mode, get_args(Mode))
        check_choice("engine", self._engine, get_args(Engine))
        location = self._output_location or "s3://bucket/"
        refusals = {
            "Give either `query` or `query_file`.": (self._query is None) == (self._query_file is None),
            f"`output_location: {location}` is not an S3 URI. Write s3://bucket/prefix/.": not _is_s3(
                location
            ),
            "`chunk_rows` must be 1 or more.": self._chunk_rows is not None and self._chunk_rows < 1,
            "`columns` is empty. Name a column, or remove `columns` to load all.": self._columns == (),
            "`partitioned_by` needs `mode: unload` or `ctas`.": self._partitioned_by
            and self._mode == "select",
            "Athena reuses results of SELECT only: `result_reuse_minutes` needs `mode: select`.": (
                self._result_reuse_minutes is not None and self._mode != "select"
            ),
            f"`result_reuse_minutes` must be between 0 and {_LONGEST_REUSE}.": (
                not 0 <= (self._result_reuse_minutes or 0) <= _LONGEST_REUSE
            ),
            "`max_scan_gb` must be 0 or more.": (self._max_scan_gb or 0) < 0,
            "`engine: spark` needs `mode: unload` or `ctas`, and no `chunk_rows`: Spark reads as it needs.": (
                self._engine == "spark" and (self._mode == "select" or self._chunk_rows is not None)
            ),
            "All of `columns` are in `partitioned_by`. Remove `partitioned_by`.": bool(
                self._columns and set(self._columns) <= set(self._partitioned_by)
            ),
        }
        for message, refused in refusals.items():
            if refused:
                raise DatasetError(message)

    def load(self) -> Any:
        """Run the query and read its result.

        Returns:
            A frame of the engine; with `chunk_rows` a generator of frames. The generator removes the result's
            files when it is exhausted, closed or garbage-collected.

        Raises:
            DatasetError: If Athena refuses the query, or it fails or is cancelled. The message has
                Athena's reason and the line of the query.
        """
        with raise_dataset_errors(self._project):
            load = self._make_load(self._read_query())
            return load_frame(load) if self._chunk_rows is None else load_chunks(load, self._chunk_rows)

    def save(self, data: None) -> NoReturn:  # noqa: ARG002 - Kedro's signature
        """Raise an error: a query is read-only.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(
            "AthenaQueryDataset only reads. Save with kedro_aws_plugin.datasets.AthenaTableDataset, or with "
            "an INSERT in a query of `mode: select` and `allow_ddl: true`."
        )

    def preview(self, nrows: int = 5) -> TablePreview:
        """Load the first rows for Kedro-Viz. Athena runs the query with a LIMIT.

        Args:
            nrows: Number of rows.
        """
        with raise_dataset_errors(self._project):
            query = self._read_query()
            if not query.reads:
                return TablePreview({"columns": [], "index": [], "data": []})
            limited = parse_query(f"SELECT * FROM (\n{query.sql}\n) LIMIT {int(nrows)}")  # noqa: S608
            frame = load_frame(self._make_load(limited, engine="pandas"))
        return TablePreview(to_json_table(frame))

    def _make_load(self, query: Query, engine: Engine | None = None) -> Load:
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

    def _read_query(self) -> Query:
        """Read and check the query.

        Raises:
            DatasetError: If it may not be run.
        """
        query = parse_query(self._read_sql())
        given, expected = len(self._parameters), query.marks
        if not query.keyword:
            raise DatasetError("The query is empty. Write a SELECT.")
        if query.has_more:
            raise DatasetError(
                "The query has more than one statement, but Athena runs one at a time. Split it into several "
                "catalog entries."
            )
        if not query.reads and not self._allow_ddl:
            raise DatasetError(
                f"{query.keyword} is not a query, and load only reads. Write a SELECT, or allow the "
                "statement with `allow_ddl: true` and `mode: select`. To write a table, use "
                "AthenaTableDataset."
            )
        if not query.reads and self._mode != "select":
            raise DatasetError(
                f"{query.keyword} needs `mode: select`: `mode: {self._mode}` is for queries only."
            )
        if given != expected:
            raise DatasetError(
                f"The query has {expected} `?`, but {given} `execution_parameters`. Give one for each `?`."
            )
        return query

    def _read_sql(self) -> str:
        if self._query is not None:
            return self._query
        return read_sql(str(self._query_file), self._credentials)

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
