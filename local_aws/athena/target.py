"""Where CTAS, INSERT INTO and UNLOAD write, and how."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Where and how to write.

    Attributes:
        location: The S3 prefix.
        format: PARQUET, JSON or TEXTFILE.
        compression: The compression in upper case, or empty for the format's default.
        partitioned_by: The last columns of the query.
        delimiter: Between the fields of a TEXTFILE.
    """

    location: str
    format: str
    compression: str = ""
    partitioned_by: tuple[str, ...] = ()
    delimiter: str = "\x01"
