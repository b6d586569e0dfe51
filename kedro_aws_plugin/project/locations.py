"""Find where on AWS a catalog's datasets are: the folders on S3, the databases and tables of Glue."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_aws_plugin.config import AwsConfig, find_results_folder
from kedro_aws_plugin.config.athena import PRIMARY
from kedro_aws_plugin.plan.policy.callers import DataUse
from kedro_aws_plugin.plan.policy.reach import Data
from kedro_aws_plugin.project.entries import find_sources

_QUERY, _TABLE = "AthenaQueryDataset", "AthenaTableDataset"
_S3 = ("s3://", "s3a://", "s3n://")
_PATHS = ("filepath", "path")
_MARK = "sagemaker"


@dataclass
class _Found:
    """What has been found so far; see `Data`."""

    uses: set[DataUse] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    workgroups: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)

    def freeze(self) -> Data:
        return Data(**{name: frozenset(value) for name, value in vars(self).items()})


def find_written(catalog: Mapping[str, Any], pipelines: Iterable[Any]) -> set[str]:
    """Find the entries, patterns included, that the nodes of pipelines write.

    Args:
        catalog: The catalog's configuration.
        pipelines: The registered pipelines.
    """
    outputs = {name for pipeline in pipelines for node in pipeline.nodes for name in node.outputs}
    return set(find_sources(catalog, outputs).values())


def find_data(catalog: Mapping[str, Any], written: set[str], config: AwsConfig) -> Data:
    """Find what a run reads and writes on AWS.

    Args:
        catalog: The catalog's configuration, patterns included.
        written: The entries that a run writes; all others are only read.
        config: The project's aws.yml.
    """
    found = _Found()
    for name, entry in catalog.items():
        if not isinstance(entry, Mapping):
            continue
        found.groups |= _find_in_marks(entry, "group")
        found.images |= _find_in_marks(entry, "image")
        kind = str(entry.get("type", ""))
        if kind.endswith(_QUERY):
            _add_query(found, entry, config)
        elif kind.endswith(_TABLE):
            _add_table(found, entry, config, is_written=name in written)
        else:
            _add_files(found, entry, is_written=name in written)
    if found.databases and config.athena:
        found.read |= {table.location for table in config.athena.tables.values()}
    _add_transform(found, catalog, config)
    return found.freeze()


def _add_files(found: _Found, entry: Mapping[str, Any], *, is_written: bool) -> None:
    for uri in _list_uris(entry):
        found.uses.add("files")
        found.read.add(uri)
        if is_written:
            found.written.add(uri)
        if is_written and _replaces_files(entry):
            found.uses.add("folders")
            found.replaced.add(uri)


def _add_query(found: _Found, entry: Mapping[str, Any], config: AwsConfig) -> None:
    found.uses.add("ctas" if entry.get("mode") == "ctas" else "query")
    _add_athena(found, entry, config)


def _add_athena(found: _Found, entry: Mapping[str, Any], config: AwsConfig) -> None:
    """Add what a statement of Athena needs: a database, a workgroup, and the folder of its results."""
    stated = config.athena
    if database := entry.get("database") or (stated.database if stated else None):
        found.databases.add(str(database))
    found.workgroups.add(str(entry.get("workgroup") or (stated.workgroup if stated else PRIMARY)))
    results = _as_folder(str(entry.get("output_location") or find_results_folder(config)))
    for uris in (found.read, found.written, found.replaced):
        uris.add(results)


def _add_table(found: _Found, entry: Mapping[str, Any], config: AwsConfig, *, is_written: bool) -> None:
    stated = config.athena
    database = entry.get("database") or (stated.database if stated else None)
    is_iceberg = entry.get("table_format") == "iceberg"
    if is_iceberg:
        found.uses.add("iceberg")
        _add_athena(found, entry, config)
    else:
        found.uses.add("table")
    results = str(entry.get("output_location") or find_results_folder(config))
    bucket = results.removeprefix("s3://").partition("/")[0]
    default = f"s3://{bucket}/tables/{database}/{entry.get('table')}/"
    location = _cut_at_pattern(_as_folder(str(entry.get("location") or default)))
    found.tables.add(_cut_at_pattern(f"{database}/{entry.get('table')}", end="*"))
    found.read.add(location)
    if is_written:
        found.written.add(location)
    if is_written and not is_iceberg:  # Iceberg keeps earlier files
        found.replaced.add(location)


def _add_transform(found: _Found, catalog: Mapping[str, Any], config: AwsConfig) -> None:
    """Add what `transform:` of aws.yml names: an entry that is written, or a folder on S3."""
    for uri in (config.transform.input, config.transform.output):
        if uri is not None and uri.startswith(_S3):
            found.read.add(_normalize(uri))
    output = config.transform.output
    if output is not None and isinstance(catalog.get(output), Mapping):
        found.written |= set(_list_uris(catalog[output]))


def _list_uris(entry: Mapping[str, Any]) -> Iterator[str]:
    """List the folders on S3 in which an entry's files are; a file at the top of a bucket stands alone."""
    for key in _PATHS:
        path = entry.get(key)
        if isinstance(path, str) and path.startswith(_S3):
            yield from _widen(_normalize(path), is_folder=key == "path")
    inner = entry.get("dataset")
    if isinstance(inner, Mapping):
        yield from _list_uris(inner)


def _widen(uri: str, *, is_folder: bool) -> Iterator[str]:
    cut = _cut_at_pattern(_as_folder(uri) if is_folder else uri)
    if cut.endswith("/"):
        yield cut
        return
    folder = f"{cut.rpartition('/')[0]}/"
    if "/" in folder.removeprefix("s3://").rstrip("/"):
        yield folder
    else:  # its versions are in a folder of the same name
        yield from (cut, f"{cut}/")


def _cut_at_pattern(text: str, end: str = "") -> str:
    """Cut off what a dataset factory makes up: `s3://b/data/{name}.csv` is in `s3://b/data/`."""
    start, brace, _ = text.partition("{")
    if not brace:
        return text
    return f"{start}{end}" if end else f"{start.rpartition('/')[0]}/"


def _replaces_files(entry: Mapping[str, Any]) -> bool:
    """Tell whether a save deletes files: Spark and a PartitionedDataset that overwrites replace a folder."""
    return ".spark" in f".{entry.get('type', '')}" or bool(entry.get("overwrite"))


def _find_in_marks(entry: Mapping[str, Any], key: str) -> set[str]:
    """Find a key in the mark of an entry, or of the dataset that it caches."""
    metadata = entry.get("metadata")
    mark = metadata.get(_MARK) if isinstance(metadata, Mapping) else None
    own = {str(mark[key])} if isinstance(mark, Mapping) and mark.get(key) else set()
    inner = entry.get("dataset")
    return own | (_find_in_marks(inner, key) if isinstance(inner, Mapping) else set())


def _normalize(uri: str) -> str:
    return f"s3://{uri.partition('://')[2]}"


def _as_folder(uri: str) -> str:
    return f"{uri.rstrip('/')}/"
