"""Where CTAS, INSERT INTO and UNLOAD write, and how."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Where and how to write.

    Attributes:
        location: the S3 prefix.
        format: PARQUET, JSON or TEXTFILE.
        compression: in upper case, or empty for the format's own.
        partitioned_by: the last columns of the query.
        delimiter: between the fields of a TEXTFILE.
    """

    location: str
    format: str
    compression: str = ""
    partitioned_by: tuple[str, ...] = ()
    delimiter: str = "\x01"
