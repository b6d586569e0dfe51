"""Tables of text, CSV and JSON files: what the local Athena reads from them."""

import bz2
import gzip

import pytest
from lake import Lake

SIMPLE = "create external table t ({columns}) {row_format} stored as textfile location 's3://lake/t/' {rest}"


def _text_table(lake: Lake, columns: str, row_format: str = "", rest: str = "") -> None:
    lake.run(SIMPLE.format(columns=columns, row_format=row_format, rest=rest))


def _csv(lake: Lake, columns: str, *rows: str, rest: str = "") -> None:
    _text_table(lake, columns, "row format delimited fields terminated by ','", rest)
    lake.put("t/a.csv", "".join(f"{row}\n" for row in rows))


def test_lazy_simple_values_that_do_not_parse_are_null(lake: Lake) -> None:
    _csv(
        lake,
        "i int, b bigint, d double, n decimal(5,2), o boolean, y date, s timestamp, v varchar(3)",
        "1,2,1.5,1.255,true,2024-02-29,2024-01-02 03:04:05.678,abcdef",
        "1.5,x,1e3,12345.6,TRUE,2024-02-30,nonsense,",
        "99999999999,99999999999,NaN,-1,no,2024-1-2,2024-01-02,\\N",
    )

    assert lake.rows("select * from t") == [
        ("1", "2", "1.5", "1.26", "true", "2024-02-29", "2024-01-02 03:04:05.678", "abc"),
        ("1", None, "1000.0", None, "true", "2024-03-01", None, ""),
        (None, "99999999999", "NaN", "-1.00", None, "2024-01-02", None, None),
    ]


def test_compressed_text_is_read(lake: Lake) -> None:
    _text_table(lake, "a int", "row format delimited fields terminated by ','")
    lake.put("t/a.bz2", bz2.compress(b"1\n2\n"))
    lake.put("t/b.gz", gzip.compress(b"3\n"))

    assert sorted(lake.rows("select a from t")) == [("1",), ("2",), ("3",)]


def test_lazy_simple_numbers_and_dates_at_the_edges(lake: Lake) -> None:
    _csv(
        lake,
        "i int, d double, y date",
        "-1.99,+Infinity,1986-01-33",
        "+.5,-0,1986-01-01 x",
        "1e2,Inf,1986-01-01T00:00:00",
    )

    assert lake.rows("select * from t") == [
        ("-1", "Infinity", "1986-02-02"),
        ("0", "-0.0", "1986-01-01"),
        (None, None, None),
    ]


def test_header_lines_belong_to_the_table_and_not_to_the_file(lake: Lake) -> None:
    _csv(lake, "a string", "x", "y")
    assert lake.rows("select a from t") == [("x",), ("y",)]

    lake.run("alter table t set tblproperties ('skip.header.line.count'='1')")

    assert lake.rows("select a from t") == [("y",)]


def test_lazy_simple_lines_may_be_short_or_long_and_end_in_any_way(lake: Lake) -> None:
    _text_table(lake, "a string, b string", "row format delimited fields terminated by ';'")
    lake.put("t/1", b"1;2;3\r\n4\r\n\n5;6")

    assert lake.rows("select a, b from t") == [("1", "2"), ("4", None), ("", None), ("5", "6")]


def test_lazy_simple_has_control_a_between_fields_unless_told(lake: Lake) -> None:
    _text_table(lake, "a string, b int")
    lake.put("t/1", b"x,y\x017\n")

    assert lake.rows("select * from t") == [("x,y", "7")]


def test_lazy_simple_escape_protects_the_delimiter(lake: Lake) -> None:
    _text_table(lake, "a string, b string", r"row format delimited fields terminated by ',' escaped by '\\'")
    lake.put("t/1", b"a\\,b,c\\\\\n\\N,\n")

    assert lake.rows("select * from t") == [("a,b", "c\\"), (None, "")]


def test_lazy_simple_collections(lake: Lake) -> None:
    _text_table(
        lake,
        "a array<int>, m map<string,int>, s struct<x:int,y:string>",
        "row format delimited fields terminated by ',' collection items terminated by '|' "
        "map keys terminated by ':'",
    )
    lake.put("t/1", "1|2|x,a:1|b:2,7|seven\n\\N,\\N,\\N\n")

    assert lake.rows("select * from t") == [
        ("[1, 2, null]", "{a=1, b=2}", "{x=7, y=seven}"),
        (None, None, None),
    ]
    assert lake.rows("select a[2], m['b'], s.y from t where a is not null") == [("2", "2", "seven")]


def test_header_lines_are_skipped_in_every_file(lake: Lake) -> None:
    _csv(lake, "a int", "a", "1", rest="tblproperties ('skip.header.line.count'='1')")
    lake.put("t/b.csv", "a\n2\n")

    assert sorted(lake.rows("select a from t")) == [("1",), ("2",)]


def test_files_are_read_recursively_and_unpacked_but_hidden_ones_are_not(lake: Lake) -> None:
    _csv(lake, "a int", "1")
    lake.put("t/deep/er/b.csv.gz", gzip.compress(b"2\n"))
    lake.put("t/_SUCCESS", "3\n")
    lake.put("t/.hidden/c.csv", "4\n")
    lake.put("t/empty/", "")
    lake.put("t2/d.csv", "5\n")

    found = lake.rows('select a, "$path" from t order by a')

    assert found == [("1", "s3://lake/t/a.csv"), ("2", "s3://lake/t/deep/er/b.csv.gz")]


def test_names_of_objects_are_only_names(lake: Lake) -> None:
    _csv(lake, "a int", "1")
    lake.put("t/o'brien; drop [x] *?.csv", "2\n")

    assert lake.rows("""select a from t where "$path" like '%o''brien%'""") == [("2",)]


def test_open_csv_quotes_and_escapes(lake: Lake) -> None:
    _text_table(
        lake,
        "a string, b string, c string",
        "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        r"with serdeproperties ('separatorChar'=',','quoteChar'='\"','escapeChar'='\\')",
    )
    lake.put("t/1", b'"a,1","say ""hi""",\n"x\\"y",z\nplain,"",3,4\n')

    assert lake.rows("select * from t") == [
        ("a,1", 'say "hi"', ""),
        ('x"y', "z", None),
        ("plain", "", "3"),
    ]


def test_open_csv_types(lake: Lake) -> None:
    _text_table(
        lake,
        "i int, d double, b boolean, y date, s timestamp",
        "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'",
    )
    lake.put("t/1", '"1","2.5","TRUE","19782","1709208000123"\n')

    assert lake.rows("select * from t") == [("1", "2.5", "true", "2024-02-29", "2024-02-29 12:00:00.123")]


def test_open_csv_does_not_make_null_of_what_is_not_a_number(lake: Lake) -> None:
    _text_table(lake, "i int", "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'")
    lake.put("t/1", '""\n')

    assert lake.fails("select i from t").startswith("HIVE_BAD_DATA: Error parsing field value ''")


def test_json_keys_are_lower_cased_and_nested_values_keep_their_types(lake: Lake) -> None:
    _text_table(
        lake,
        "id bigint, tags array<string>, at struct<x:double,inner:struct<flag:boolean>>, m map<string,int>, "
        "n decimal(10,2), d date, raw string",
        "row format serde 'org.openx.data.jsonserde.JsonSerDe'",
    )
    lake.put(
        "t/1.json",
        '{"ID": 1, "Tags": ["a", null], "at": {"X": 1, "Inner": {"Flag": true}}, "m": {"Key": 2}, '
        '"n": 1.255, "d": "2024-02-29", "raw": {"k": [1, 2]}}\n\n{"id": "2", "other": 1}\n',
    )

    assert lake.rows("select * from t order by id") == [
        ("1", "[a, null]", "{x=1.0, inner={flag=true}}", "{key=2}", "1.26", "2024-02-29", '{"k":[1,2]}'),
        ("2", None, None, None, None, None, None),
        (None, None, None, None, None, None, None),  # an empty line
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [("{broken", "HIVE_CURSOR_ERROR"), ("1", "HIVE_CURSOR_ERROR"), ('{"a": "x"}', "HIVE_BAD_DATA")],
)
def test_json_that_cannot_be_read_fails(lake: Lake, line: str, code: str) -> None:
    _text_table(lake, "a int", "row format serde 'org.openx.data.jsonserde.JsonSerDe'")
    lake.put("t/1.json", line)

    assert lake.fails("select a from t").startswith(f"{code}: ")


def test_malformed_json_may_be_ignored(lake: Lake) -> None:
    _text_table(
        lake,
        "a int",
        "row format serde 'org.openx.data.jsonserde.JsonSerDe' "
        "with serdeproperties ('ignore.malformed.json'='true')",
    )
    lake.put("t/1.json", '{"a": 1}\n{broken\n')

    assert lake.rows("select a from t") == [("1",), (None,)]


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("", (None, None, None)),
        ("a,", ("a", "", None)),
        ('"a""a","b,b",c', ('a"a', "b,b", "c")),
        (r'"a\"a","b\,b","c\\c"', ('a"a', "b,b", "c\\c")),
        (r"a\"a,b\\b,c", ('a"a', "b\\b", "c")),
        (r"a\,a,b", ("a", "a", "b")),
        ('"a,b,c', (None, None, None)),
        ('a,b,"c', ("a", "b", None)),
        ('12x"a"x,x"b",c', ('12x"a"x', 'x"b', "c")),
        (' "a",  "b",  "c"  ', (" a", "b", 'c"  ')),
    ],
)
def test_open_csv_takes_lines_apart_as_opencsv(lake: Lake, line: str, fields: tuple[str | None, ...]) -> None:
    """Lines of the tests that Trino has for its reader of this SerDe's files."""
    _text_table(
        lake, "a string, b string, c string", "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'"
    )
    lake.put("t/1", line + "\n")

    assert lake.rows("select a, b, c from t") == [fields]


def test_a_changed_object_is_read_again(lake: Lake) -> None:
    _csv(lake, "a int", "1")
    assert lake.rows("select a from t") == [("1",)]

    lake.put("t/a.csv", "2\n")

    assert lake.rows("select a from t") == [("2",)]


@pytest.mark.parametrize(
    "properties",
    [
        "'table_type'='DELTA'",
        "'skip.footer.line.count'='1'",
        "'parquet.column.index.access'='true'",
        "'serialization.encoding'='latin1'",
        "'use.null.for.invalid.data'='true'",
    ],
)
def test_properties_that_are_not_supported_are_refused(lake: Lake, properties: str) -> None:
    _csv(lake, "a int", "1")
    lake.run(f"alter table t set tblproperties ({properties})")

    assert lake.fails("select a from t").startswith("NOT_SUPPORTED: the local Athena does not support ")


@pytest.mark.parametrize("value", ['"1_000"', '" 7 "', '"inf"', "true", '""'])
@pytest.mark.parametrize("kind", ["int", "double", "decimal(9,2)"])
def test_json_numbers_are_not_pythons(lake: Lake, kind: str, value: str) -> None:
    _text_table(lake, f"a {kind}", "row format serde 'org.openx.data.jsonserde.JsonSerDe'")
    lake.put("t/1", f'{{"a": {value}}}\n')

    assert lake.fails("select a from t").startswith("HIVE_BAD_DATA: Error parsing field value")


def test_json_numbers_keep_their_digits(lake: Lake) -> None:
    _text_table(lake, "n decimal(38,20), s string", "row format serde 'org.openx.data.jsonserde.JsonSerDe'")
    lake.put("t/1", '{"n": 123456789012345678.12345678901234567891, "s": 1.10}\n{"s": {"a": [1e3, true]}}\n')

    assert lake.rows("select n, s from t") == [
        ("123456789012345678.12345678901234567891", "1.10"),
        (None, '{"a":[1E+3,true]}'),
    ]


def test_json_timestamps(lake: Lake) -> None:
    _text_table(lake, "s timestamp, d date", "row format serde 'org.apache.hive.hcatalog.data.JsonSerDe'")
    lake.put("t/1", '{"s": "2024-01-02 03:04:05.6789", "d": "2024-01-02"}\n{"s": "2024-01-02T03:04:05"}\n')
    lake.put("zoned/1", '{"s": "2024-01-02T03:04:05Z"}')

    assert lake.rows("select * from t") == [
        ("2024-01-02 03:04:05.679", "2024-01-02"),
        ("2024-01-02 03:04:05.000", None),
    ]
    lake.run("alter table t set location 's3://lake/zoned/'")
    assert "does not support timestamps with a time zone" in lake.fails("select s from t")
