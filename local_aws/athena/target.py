"""Where CTAS, INSERT INTO and UNLOAD write, and how."""

from dataclasses import dataclass

from local_aws.athena.statement import Buckets


@dataclass(frozen=True)
class Target:
    """Where and how to write.

    Attributes:
        location: The S3 prefix.
        format: PARQUET, ORC, AVRO, JSON or TEXTFILE.
        compression: The compression in upper case, or empty for the format's default.
        partitioned_by: The last columns of the query.
        delimiter: Between the fields of a TEXTFILE.
        buckets: By which columns the rows are put into how many buckets.
    """

    location: str
    format: str
    compression: str = ""
    partitioned_by: tuple[str, ...] = ()
    delimiter: str = "\x01"
    buckets: Buckets | None = None
