"""Partitions: registered, repaired, pruned, projected."""

import datetime as dt

import pytest
from lake import Lake

SALES = (
    "create external table sales (amount int) partitioned by (year int, shop string) "
    "row format delimited fields terminated by ',' location 's3://lake/sales'"
)


@pytest.fixture
def sales(lake: Lake) -> Lake:
    """Three objects in three directories, none of them registered."""
    lake.run(SALES)
    for year, shop, amount in ((2023, "a b", 1), (2024, "a b", 20), (2024, "c%2Fd", 300)):
        lake.put(f"sales/year={year}/shop={shop}/part", f"{amount}\n")
    return lake


def test_an_unregistered_partition_is_invisible(sales: Lake) -> None:
    assert sales.rows("select * from sales") == []

    sales.run("alter table sales add partition (year=2024, shop='a b')")

    assert sales.rows("select * from sales") == [("20", "2024", "a b")]
    assert sales.run("show partitions sales").lines == ["year=2024/shop=a b"]


def test_msck_repair_registers_what_is_there(sales: Lake) -> None:
    sales.put("sales/elsewhere/x", "9\n")
    result = sales.run("msck repair table sales")

    assert result.lines[0] == (
        "Partitions not in metastore:\tsales:year=2023/shop=a b\tsales:year=2024/shop=a b\t"
        "sales:year=2024/shop=c%2Fd"
    )
    assert result.lines[1] == "Repair: Added partition to metastore sales:year=2023/shop=a b"
    assert sales.run("msck repair table sales").lines == []
    assert sorted(sales.rows("select shop, year, amount from sales")) == [
        ("a b", "2023", "1"),
        ("a b", "2024", "20"),
        ("c/d", "2024", "300"),
    ]


def test_add_and_drop_partitions(sales: Lake) -> None:
    add = (
        "alter table sales add {} partition (year=2024, shop='x') location 's3://lake/other/' "
        "partition (year=1, shop='y')"
    )
    sales.run(add.format(""))
    sales.put("other/part", "7\n")

    assert "Partition already exists." in sales.fails(add.format(""))
    sales.run(add.format("if not exists"))
    assert sales.rows("select * from sales") == [("7", "2024", "x")]

    sales.run("alter table sales drop partition (year=2024, shop='x')")
    sales.run("alter table sales drop if exists partition (year=2024, shop='x')")
    assert sales.run("show partitions sales").lines == ["year=1/shop=y"]
    assert sales.rows('select * from "sales$partitions"') == [("1", "y")]


def test_null_is_a_partition_too(sales: Lake) -> None:
    sales.put("sales/year=2024/shop=__HIVE_DEFAULT_PARTITION__/part", "4\n")
    sales.run("alter table sales add partition (year=2024, shop='__HIVE_DEFAULT_PARTITION__')")

    assert sales.rows("select amount from sales where shop is null") == [("4",)]


def test_a_partition_value_must_be_of_its_type(sales: Lake) -> None:
    sales.moto.call(
        "glue",
        "CreatePartition",
        {
            "DatabaseName": "db",
            "TableName": "sales",
            "PartitionInput": {"Values": ["soon", "x"], "StorageDescriptor": {"Location": "s3://lake/x/"}},
        },
    )

    assert sales.fails("select * from sales") == (
        "HIVE_INVALID_PARTITION_VALUE: Invalid partition value 'soon' for INTEGER partition key: year"
    )


@pytest.mark.parametrize(
    ("where", "scanned"),
    [
        ("", 2 + 3 + 4),
        ("where year = 2024", 3 + 4),
        ("where s.year > 2023 and amount > 0", 3 + 4),
        ("where year in (2023, 2025) and shop like 'a%'", 2),
        ("where year = 2023 or shop = 'c/d'", 2 + 4),
        ("where year = 2023 or amount > 0", 2 + 3 + 4),
        ("where cast(year as varchar) || '-01' = '2023-01'", 2),
        ("where year = (select 2024)", 2 + 3 + 4),
        ("where year = ?", 3 + 4),
        ("where year between ? and 2030", 3 + 4),
        ("where year = 1", 0),
    ],
)
def test_only_partitions_that_the_query_can_need_are_read(sales: Lake, where: str, scanned: int) -> None:
    sales.run("msck repair table sales")

    result = sales.run(f"select * from sales s {where}", parameters=("2024",) if "?" in where else ())

    assert result.scanned == scanned
    assert len(result.rows) <= 3


def test_pruning_keeps_what_another_mention_or_an_outer_join_needs(sales: Lake) -> None:
    sales.run("msck repair table sales")

    assert sales.rows(
        "select count(*) from sales a join sales b on a.shop = b.shop where a.year = 2023 and b.year = 2024"
    ) == [("1",)]
    assert sales.rows("select n from (values 1) t (n) left join sales on amount = n where year is null") == []
    assert sales.rows("select year, (select count(*) from sales) from sales where year = 2023") == [
        ("2023", "3")
    ]


def project(lake: Lake, keys: str, **properties: str) -> None:
    named = "".join(f", '{name.replace('__', '.')}'='{value}'" for name, value in properties.items())
    lake.run(
        f"create external table p (a int) partitioned by ({keys}) location 's3://lake/p/' "
        f"tblproperties ('projection.enabled'='true'{named})"
    )


def test_projected_enums_and_integers(lake: Lake) -> None:
    project(
        lake,
        "kind string, n int",
        projection__kind__type="enum",
        projection__kind__values="x,y",
        projection__n__type="integer",
        projection__n__range="1,10",
        projection__n__interval="3",
        projection__n__digits="2",
    )
    for kind, n in (("x", "01"), ("x", "02"), ("y", "10"), ("z", "01"), ("x", "4")):
        lake.put(f"p/kind={kind}/n={n}/part", "5\n")

    assert sorted(lake.rows("select kind, n from p")) == [("x", "1"), ("y", "10")]
    assert lake.run("select * from p where n > 5").scanned == 2


def test_a_projection_without_an_end_is_refused_before_it_fills_the_memory(lake: Lake) -> None:
    project(lake, "n bigint", projection__n__type="integer", projection__n__range="1,1000000000000")
    assert lake.fails("select * from p") == (
        "NOT_SUPPORTED: the local Athena does not support a projection of more than 1000000 partitions: "
        "filter by its keys"
    )


def test_projected_dates(lake: Lake) -> None:
    project(
        lake,
        "day string, hour string",
        projection__day__type="date",
        projection__day__format="yyyy-MM-dd",
        projection__day__range="NOW-2DAYS,NOW",
        projection__hour__type="date",
        projection__hour__format="yyyyMMdd/HH",
        projection__hour__range="20240101/22,20240102/02",
        projection__hour__interval="2",
        projection__hour__interval__unit="HOURS",
    )
    today = dt.datetime.now(dt.timezone.utc).date()
    days = [today - dt.timedelta(days=ago) for ago in (-1, 0, 2, 3)]
    for day in days:
        lake.put(f"p/day={day}/hour=20240102/00/part", "1\n")

    assert sorted(lake.rows("select day, hour from p")) == [
        (str(days[2]), "20240102/00"),
        (str(days[1]), "20240102/00"),
    ]
    assert lake.run(f"select * from p where day = '{today}'").scanned == 2


def test_projected_months_and_years(lake: Lake) -> None:
    project(
        lake,
        "m string, d date",
        projection__m__type="date",
        projection__m__format="yyyy/MM",
        projection__m__range="2023/11,2024/02",
        projection__d__type="date",
        projection__d__format="yyyy-MM-dd",
        projection__d__range="2022-01-01,2024-01-01",
        projection__d__interval="1",
        projection__d__interval__unit="YEARS",
        storage__location__template="s3://lake/elsewhere/${m}/${d}/",
    )
    for m in ("2023/11", "2024/01", "2024/03"):
        for d in ("2022-01-01", "2024-01-01", "2024-01-02"):
            lake.put(f"elsewhere/{m}/{d}/part", "1\n")

    assert sorted(lake.rows("select m, d from p where d > date '2022-06-01'")) == [
        ("2023/11", "2024-01-01"),
        ("2024/01", "2024-01-01"),
    ]


def test_an_injected_key_needs_its_value(lake: Lake) -> None:
    project(lake, "who string", projection__who__type="injected")
    for who in ("ann", "bob", "cy"):
        lake.put(f"p/who={who}/part", "1\n")

    assert lake.fails("select * from p") == (
        "CONSTRAINT_VIOLATION: For the injected projected partition column who, the WHERE clause must "
        "contain only static equality conditions, and at least one such condition must be present."
    )
    assert lake.rows("select who from p where who = 'bob'") == [("bob",)]
    assert sorted(lake.rows("select who from p where who in ('ann', 'cy', 'dan')")) == [("ann",), ("cy",)]
    assert lake.rows("select who from p where who = ?", parameters=("'cy'",)) == [("cy",)]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({}, "the following partition columns are missing projection configuration: ['k']"),
        ({"type": "integer"}, "projection.k.range is required"),
        ({"type": "integer", "range": "1"}, "projection.k.range is '1'"),
        ({"type": "lottery"}, "projection.k.type is 'lottery'"),
        ({"type": "date", "range": "a,b", "format": "yyyy-MM-dd"}, "projection.k.range is 'a,b'"),
        ({"type": "date", "range": "1,2", "format": "EEE"}, "does not support the date format EEE"),
        ({"type": "date", "range": "2020,2022", "format": "yyyy"}, "projection.k.interval is required"),
    ],
)
def test_projections_that_cannot_be(lake: Lake, properties: dict[str, str], message: str) -> None:
    named = {f"projection__k__{name}": value for name, value in properties.items()}
    project(lake, "k string", **named)

    assert message in lake.fails("select * from p")
