"""The extra [athena]: a table is written, and a query of it read, on the AWS of the variables."""

import boto3
import pandas as pd

from kedro_aws_plugin.datasets import AthenaQueryDataset, AthenaTableDataset

PLACE = {"LocationConstraint": "eu-west-1"}

boto3.client("s3").create_bucket(Bucket="tables", CreateBucketConfiguration=PLACE)
boto3.client("glue").create_database(DatabaseInput={"Name": "fruit"})
prices = pd.DataFrame({"name": ["apple", "pear"], "price": [1.5, 2.5], "day": ["mon", "tue"]})
table = AthenaTableDataset(
    table="prices", database="fruit", location="s3://tables/prices/", partition_by="day"
)
table.save(prices)
assert table.load().sort_values("name")["price"].tolist() == [1.5, 2.5]
for mode in ("unload", "ctas", "select"):
    query = AthenaQueryDataset(
        query="SELECT name, price FROM prices WHERE price > ?",
        database="fruit",
        output_location="s3://tables/results/",
        execution_parameters=[2],
        mode=mode,
    )
    frame = query.load()
    assert frame.to_dict("records") == [{"name": "pear", "price": 2.5}], mode
