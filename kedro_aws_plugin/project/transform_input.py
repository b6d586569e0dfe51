"""Read the input of a batch transform: a table, a catalog entry, a local file, or what is on S3."""

import codecs
import csv
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.s3 import list_keys
from kedro_aws_plugin.aws.sagemaker.transform import count_lines
from kedro_aws_plugin.errors import ProjectError, first_line
from kedro_aws_plugin.model_artifact.lines import LineFormat, is_header
from kedro_aws_plugin.project.catalog import ProjectCatalog
from kedro_aws_plugin.project.prediction_input import is_local_file

if TYPE_CHECKING:
    import pandas as pd

    from kedro_aws_plugin.aws.session import Aws

S3 = "s3://"
_ROWS = 50_000
"""Rows that are in memory at once, of a file."""

_CHUNK = 1024 * 1024
_MAX_CELL = 2**31 - 1  # what csv takes on every system; its own limit is 128 KB
_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".json", ".parquet")
_LINES = (".jsonl", ".ndjson")
_KINDS = f"Its name must end in one of {', '.join(_SUFFIXES)}."


@dataclass(frozen=True)
class Table:
    """A table in memory.

    Attributes:
        name: What it is called in a message.
        rows: The rows.
    """

    name: str
    rows: "pd.DataFrame"

    def iterate_tables(self) -> "Iterator[pd.DataFrame]":
        """Read the rows, some at a time."""
        for start in range(0, len(self.rows), _ROWS):
            yield self.rows.iloc[start : start + _ROWS]

    def load_table(self) -> "pd.DataFrame":
        """Load all rows."""
        return self.rows


@dataclass(frozen=True)
class Files:
    """Files with rows.

    Attributes:
        name: What they are called in a message.
        paths: The files on this machine, in their order.
        columns: The model's columns, as the signature describes them.
    """

    name: str
    paths: Sequence[Path]
    columns: Sequence[Mapping[str, Any]] = ()

    def iterate_tables(self) -> "Iterator[pd.DataFrame]":
        """Read the rows, some at a time.

        Raises:
            ProjectError: If a file is not what its name says.
        """
        for path in self.paths:
            try:
                yield from self._read(path)
            except (ValueError, OSError, csv.Error) as error:
                raise ProjectError(
                    f"{self.name}: {path.name} cannot be read: {first_line(error)}. {_KINDS}"
                ) from error

    def load_table(self) -> "pd.DataFrame":
        """Load all rows."""
        import pandas as pd

        return pd.concat(list(self.iterate_tables()), ignore_index=True)

    def _read(self, path: Path) -> "Iterator[pd.DataFrame]":
        if path.suffix == ".csv":
            yield from self._read_csv(path)
        elif path.suffix in _LINES:
            yield from self._read_lines(path)
        elif path.suffix == ".parquet":
            from pyarrow.parquet import ParquetFile

            with ParquetFile(path) as file:
                yield from (batch.to_pandas() for batch in file.iter_batches(_ROWS))
        else:
            yield _read_json(json.loads(path.read_text(encoding="utf-8")))

    def _read_csv(self, path: Path) -> "Iterator[pd.DataFrame]":
        """Read texts as they stand: `007` is not 7 and `NA` is a text, as in a request."""
        import pandas as pd

        names = [str(column["name"]) for column in self.columns]
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = next(filter(None, csv.reader(file)), [])
        headed = is_header(cells, names)
        with path.open(encoding="utf-8-sig", newline="") as file:
            _check_widths(file, len(cells) if headed or not names else len(names))
        texts = {
            str(column["name"]): str for column in self.columns if column["type"] in ("text", "category")
        }
        if headed and _has_names(cells, names):
            # What the model does not take is not guessed at: pandas would read 000007 as 7.
            texts |= {cell: str for cell in cells if cell not in names}
        tables = pd.read_csv(
            path,
            dtype=texts,
            keep_default_na=False,
            na_values=[""],
            index_col=False,
            chunksize=_ROWS,
            header=0 if headed else None,
            names=None if headed else names or None,
            encoding="utf-8-sig",
        )
        for table in tables:
            never_missing = {str(each["name"]): "" for each in self.columns if each.get("empty")}
            yield table.fillna({name: "" for name in never_missing if name in table.columns})

    def _read_lines(self, path: Path) -> "Iterator[pd.DataFrame]":
        with path.open(encoding="utf-8") as file:
            rows = (json.loads(line) for line in file if line.strip())
            while some := list(itertools.islice(rows, _ROWS)):
                yield _make_table(some, [str(column["name"]) for column in self.columns])

    def compute_digest(self) -> str:
        """Compute a digest of what the files contain now.

        Raises:
            ProjectError: If one cannot be read any more.
        """
        digest = hashlib.sha256()
        for path in self.paths:
            try:
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        digest.update(chunk)
            except OSError as error:
                raise ProjectError(
                    f"{self.name}: {path.name} cannot be read: {first_line(error)}. Put the file back."
                ) from error
        return digest.hexdigest()


Source = Table | Files


@dataclass(frozen=True)
class StoredObjects:
    """The objects under a prefix on S3.

    Attributes:
        uri: The prefix: a folder, which ends in `/`, or one object.
        keys: The keys.
        rows: The rows of each, by the part of its key after the folder; empty if SageMaker cannot take
            them as they are.
        suffix: The suffix that all of them have.
    """

    uri: str
    keys: tuple[str, ...]
    rows: Mapping[str, int] = field(default_factory=dict)
    suffix: str = ""


def find_source(catalog: ProjectCatalog, name: str, columns: Sequence[Mapping[str, Any]]) -> Source:
    """Find the input of a transform that is not on S3: a local file, or a catalog entry.

    Args:
        catalog: The project's catalog.
        name: The path of a file, or the name of an entry.
        columns: The model's columns, as the signature describes them.

    Raises:
        ProjectError: If there is neither, or it is not a table.
    """
    path = Path(name)
    if is_local_file(name):
        _check_suffix(name, path.suffix)
        return Files(name, (path,), columns)
    catalog.check_is_no_path(name)
    rows = catalog.load_rows(name, "Name a catalog entry, a file, or a folder on S3: s3://...")
    return make_table(f"`{name}`", rows)


def make_table(name: str, rows: Any) -> Table:
    """Make a table of a frame of pandas, Polars or Arrow.

    Args:
        name: What it is called in a message.
        rows: The frame.

    Raises:
        ProjectError: If it is none of them.
    """
    convert: Callable[[], Any] | None = getattr(rows, "to_pandas", None)
    if convert is not None:  # Polars, Arrow
        rows = convert()
    if not hasattr(rows, "columns") or not hasattr(rows, "iloc"):
        raise ProjectError(
            f"{name} is a {type(rows).__name__}, not a table in memory. Give a frame of pandas or Polars."
        )
    return Table(name, rows)


def look_at_objects(aws: "Aws", uri: str, form: LineFormat) -> StoredObjects:
    """Look at the objects under a prefix, and count their rows if SageMaker can take them as they are.

    It can if all of them are JSON lines, or CSV without a header.

    Args:
        aws: The clients.
        uri: An object or a folder, `s3://...`.
        form: What the model takes.

    Raises:
        ProjectError: If there are none, or they are of several kinds.
        AwsError: If they cannot be read.
    """
    bucket, _, prefix = uri.removeprefix(S3).partition("/")
    with translate_errors(f"read {uri}"):
        found = list_keys(aws.s3, bucket, prefix)
        keys: tuple[str, ...] = (prefix,) if prefix in found else ()
        if not keys:
            prefix = f"{prefix.rstrip('/')}/" if prefix else ""
            keys = tuple(key for key in found if key.startswith(prefix) and not _is_hidden(key, prefix))
        if not keys:
            raise ProjectError(
                f"There is nothing at {uri}. Correct the input, or check that you may list it."
            )
        suffixes = {Path(key).suffix for key in keys}
        for suffix in suffixes:
            _check_suffix(uri, suffix)
        if len(suffixes) > 1:
            raise ProjectError(
                f"{uri} has files of several kinds: {', '.join(sorted(suffixes))}. Name a folder with one."
            )
        stored = StoredObjects(f"{S3}{bucket}/{prefix}", keys, suffix=suffixes.pop())
        taken = sum(key.startswith(prefix) for key in found)
        if taken > len(keys) or stored.suffix not in (".csv", *_LINES):
            return stored  # SageMaker would take all that begins with the prefix
        folder = prefix[: prefix.rfind("/") + 1]
        rows = {key.removeprefix(folder): _count_rows(aws, bucket, key, stored.suffix, form) for key in keys}
    return StoredObjects(stored.uri, keys, rows, stored.suffix) if all(rows.values()) else stored


def download(
    aws: "Aws",
    stored: StoredObjects,
    folder: Path,
    columns: Sequence[Mapping[str, Any]],
    unchanged_since: datetime | None = None,
) -> Files:
    """Copy objects to this machine.

    Args:
        aws: The clients.
        stored: The objects.
        folder: The folder for the copies.
        columns: The model's columns, as the signature describes them.
        unchanged_since: When a job began to read them; None if there is no such job.

    Raises:
        AwsError: If one cannot be read.
        ProjectError: If one was written after the job began to read them.
    """
    bucket = stored.uri.removeprefix(S3).partition("/")[0]
    paths = [folder / f"input-{number:05d}{stored.suffix}" for number in range(len(stored.keys))]
    with translate_errors(f"read {stored.uri}"):
        for key, path in zip(stored.keys, paths, strict=True):
            found = aws.s3.get_object(Bucket=bucket, Key=key)
            body = found["Body"]
            if unchanged_since is not None and found["LastModified"] > unchanged_since:
                raise ProjectError(
                    f"{S3}{bucket}/{key} was written after the job had started, so its rows may not be those "
                    "that were predicted. Nothing was saved: run the command without --job again."
                )
            with path.open("wb") as file:
                while chunk := body.read(_CHUNK):
                    file.write(chunk)
    return Files(stored.uri, paths, columns)


def _count_rows(aws: "Aws", bucket: str, key: str, suffix: str, form: LineFormat) -> int:
    """Count the lines of an object; 0 if they are not what SageMaker can take."""
    body = aws.s3.get_object(Bucket=bucket, Key=key)["Body"]
    first = body.read(_CHUNK).removeprefix(codecs.BOM_UTF8)
    chunks = itertools.chain([first], iter(lambda: body.read(_CHUNK), b""))
    if suffix != ".csv":
        return count_lines(chunks)
    line = first.partition(b"\n")[0].decode("utf-8", errors="replace")
    cells = next(csv.reader([line]), [])
    known = form.columns or ()
    if is_header(cells, known) or (known and len(cells) != len(known)):
        return 0
    try:
        return _check_widths(_decode_lines(chunks), len(cells))
    except (ValueError, csv.Error) as error:
        raise ProjectError(
            f"{S3}{bucket}/{key} cannot be read: {first_line(error)}. Correct the object."
        ) from error


def _decode_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Divide at line breaks as SageMaker does, whatever is quoted."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", errors="replace").rstrip("\r") for line in lines)
    yield rest.decode("utf-8", errors="replace").rstrip("\r")


def _check_widths(lines: Iterable[str], width: int) -> int:
    """Check that all rows of CSV have as many cells, and count them: pandas shifts or cuts those that differ.

    Raises:
        ValueError: If one has not.
    """
    limit = csv.field_size_limit(_MAX_CELL)
    try:
        count = 0
        for cells in csv.reader(lines):
            if len(cells) == width:
                count += 1
            elif "".join(cells).strip() or len(cells) > 1:
                raise ValueError(f"row {count + 1} has {len(cells)} cells, not {width}")
        return count
    finally:
        csv.field_size_limit(limit)


def _has_names(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether a header has the model's columns by their names, and not only by their places."""
    return bool(names) and (set(names) <= set(cells) or len(cells) != len(names))


def _check_suffix(name: str, suffix: str) -> None:
    if suffix not in _SUFFIXES:
        raise ProjectError(f"{name}: unknown kind of file. {_KINDS}")


def _is_hidden(key: str, prefix: str) -> bool:
    """Tell whether a key is a folder, or a file of Spark's or Hadoop's own."""
    names = key.removeprefix(prefix).split("/")
    return not names[-1] or any(name.startswith(("_", ".")) for name in names)


def _read_json(value: Any) -> "pd.DataFrame":
    import pandas as pd

    if isinstance(value, dict) and {"columns", "data"} <= value.keys():
        return pd.DataFrame(value["data"], columns=value["columns"], dtype=object)
    if isinstance(value, list):
        return _make_table(value, [])
    return pd.DataFrame(value, dtype=object)


def _make_table(rows: list[Any], names: list[str]) -> "pd.DataFrame":
    """Make a table of rows as objects, or as lists in the order of the model's columns."""
    import pandas as pd

    listed = not isinstance(rows[0], dict) if rows else False
    if any(isinstance(row, dict) == listed for row in rows):
        raise ValueError("some rows are objects, and others are not")
    return pd.DataFrame(rows, columns=names if listed and names else None, dtype=object)
