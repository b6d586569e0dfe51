"""The properties of Iceberg tables that Athena knows, and where Iceberg keeps them."""

from collections.abc import Iterator, Mapping

from local_aws.athena.failures import AthenaFailure, unsupported

_CODECS = {"zstd", "gzip", "snappy", "lz4", "none"}
_CODEC = "write.parquet.compression-codec"
_FORMAT = "write.format.default"
_NAMES = {"write_compression": _CODEC, "compression": _CODEC, "format": _FORMAT}
_DEFAULTS = {_FORMAT: "parquet", _CODEC: "zstd"}
NUMBERS: Mapping[str, int] = {
    "optimize_rewrite_min_data_file_size_bytes": 402_653_184,
    "optimize_rewrite_max_data_file_size_bytes": 966_367_641,
    "optimize_rewrite_data_file_threshold": 5,
    "optimize_rewrite_delete_file_threshold": 2,
    "vacuum_min_snapshots_to_keep": 1,
    "vacuum_max_snapshot_age_seconds": 432_000,
    "vacuum_max_metadata_files_to_keep": 100,
    "write_target_data_file_size_bytes": 536_870_912,
}
"""What OPTIMIZE, VACUUM and writers go by, with the values of a table that does not say."""
_OF_ICEBERG = {
    "vacuum_max_metadata_files_to_keep": "write.metadata.previous-versions-max",
    "write_target_data_file_size_bytes": "write.target-file-size-bytes",
}
"""What pyiceberg obeys by its own name: how many metadata files it remembers, how large data files get."""


def read_properties(given: Mapping[str, str], *, new: bool = True) -> dict[str, str]:
    """Turn Athena's properties into Iceberg's.

    Args:
        given: Athena's, of TBLPROPERTIES or of the WITH of CREATE TABLE AS.
        new: Whether they are those of a new table, which has the others as they are by default.

    Raises:
        AthenaFailure: If Athena does not know one, or the local Athena does not do as it says.
    """
    found = dict(_DEFAULTS) if new else {}
    for key, value in given.items():
        name = key.lower()
        if name in {"table_type", "comment"}:
            if name == "comment":
                found["comment"] = value
        elif name == "format":
            if value.lower() != "parquet":
                raise unsupported(f"the format {value.upper()} of Iceberg tables")
        elif find_name(key) == _CODEC:
            found[_CODEC] = _read_codec(value)
        elif value.isdigit():
            found[name] = value
            if name in _OF_ICEBERG:
                found[_OF_ICEBERG[name]] = value
        else:
            raise AthenaFailure(f"INVALID_TABLE_PROPERTY: {name} must be a whole number: {value}")
    return found


def pass_on(stored: Mapping[str, str]) -> dict[str, str]:
    """Add the names that pyiceberg obeys to the properties of a table that was made without them."""
    added = {own: stored[name] for name, own in _OF_ICEBERG.items() if stored.get(name, "").isdigit()}
    return {**added, **stored}


def find_names(key: str) -> Iterator[str]:
    """Give the names under which a property of Athena is kept.

    Raises:
        AthenaFailure: If Athena does not know it.
    """
    name = find_name(key)
    yield name
    if name in _OF_ICEBERG:
        yield _OF_ICEBERG[name]


def find_name(key: str) -> str:
    """Return Iceberg's name of a property of Athena.

    Raises:
        AthenaFailure: If Athena does not know it.
    """
    name = key.lower()
    if name in NUMBERS or name == "comment":
        return name
    if name not in _NAMES:
        raise AthenaFailure(f"Unsupported table property key: {key}")
    return _NAMES[name]


def _read_codec(value: str) -> str:
    codec = {"none": "none", "uncompressed": "none"}.get(value.lower(), value.lower())
    if codec not in _CODECS:
        raise unsupported(f"the compression {value.upper()} of Iceberg tables")
    return "uncompressed" if codec == "none" else codec


def show_properties(properties: Mapping[str, str]) -> dict[str, str]:
    """Return a table's properties in Athena's words."""
    shown = {"table_type": "iceberg"}
    if codec := properties.get(_CODEC):
        shown["write_compression"] = "none" if codec == "uncompressed" else codec
    if form := properties.get(_FORMAT):
        shown["format"] = form
    return {**shown, **{key: value for key, value in properties.items() if key in NUMBERS}}


def read_number(properties: Mapping[str, str], name: str) -> int:
    """Return what OPTIMIZE or VACUUM goes by."""
    return int(properties.get(name, NUMBERS[name]))
