"""A table over a CSV file with three reviews, for clients of Athena that nobody here wrote."""

from typing import Any

from shop import BUCKET, DATABASE, RESULTS, client

from local_aws import LocalAws

REVIEWS = """id,shuttle,rating,price,day
1,Falcon,9.5,10.25,2026-01-01
2,Eagle,,20.50,2026-01-02
3,Sea gull,7.0,30.75,2026-01-03
"""
TYPED = """
SELECT CAST(id AS integer) id, shuttle, rating, price, day, day = DATE '2026-01-01' AS first,
  TIMESTAMP '2026-01-01 10:20:30.123' AS at
FROM reviews ORDER BY id
"""


def add_reviews(aws: LocalAws) -> None:
    """Put the table into the shop."""
    client(aws, "s3").put_object(Bucket=BUCKET, Key="reviews/part.csv", Body=REVIEWS.encode())
    columns = {
        "id": "bigint",
        "shuttle": "string",
        "rating": "double",
        "price": "decimal(10,2)",
        "day": "date",
    }
    table = {
        "Name": "reviews",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "skip.header.line.count": "1", "classification": "csv"},
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
            "Location": f"s3://{BUCKET}/reviews/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                "Parameters": {"field.delim": ",", "serialization.format": ","},
            },
        },
    }
    client(aws, "glue").create_table(DatabaseName=DATABASE, TableInput=table)


def connect(**options: Any) -> Any:
    """A PyAthena connection, as its documentation makes one."""
    import pyathena

    return pyathena.connect(s3_staging_dir=RESULTS, schema_name=DATABASE, poll_interval=0.1, **options)
