"""Result files, and reading them by GetQueryResults."""

from athena_api import OUTPUT, Api, expect_fault, outcome

from local_aws.athena.column_info import describe_column, write_metadata_file
from local_aws.trino import Column


def test_a_select_leaves_a_csv_file_that_tells_null_from_empty(api: Api):
    rows = [("a", None, ""), ('say "hi"', "x,y", "two\nlines"), (None, None, None), ("Zürich", ",", '"\n"')]
    api.engine.answers["SELECT"] = outcome(*rows, update_count=0)
    execution_id = api.run("SELECT")["QueryExecutionId"]
    assert api.object(f"{OUTPUT}{execution_id}.csv").decode() == (
        '"c0","c1","c2"\n"a",,""\n"say ""hi""","x,y","two\nlines"\n,,\n"Zürich",",","""\n"""\n'
    )
    assert api.rows(execution_id) == [["c0", "c1", "c2"], *map(list, rows)]
    for size in (1, 2, 3, 5):
        pages = list(api.pages(execution_id, MaxResults=size))
        assert all(len(page) <= size for page in pages)
        assert [row for page in pages for row in page] == [["c0", "c1", "c2"], *map(list, rows)]
    answer = api("GetQueryResults", QueryExecutionId=execution_id)
    assert answer["UpdateCount"] == 0
    assert answer["ResultSet"]["Rows"][3] == {"Data": [{}, {}, {}]}


def test_a_page_has_at_most_a_thousand_rows(api: Api):
    api.engine.answers["SELECT"] = outcome(*((str(number),) for number in range(2500)))
    execution_id = api.run("SELECT")["QueryExecutionId"]
    pages = list(api.pages(execution_id))
    assert [len(page) for page in pages] == [1000, 1000, 501]
    assert [int(row[0] or 0) for page in pages for row in page if row != ["c0"]] == list(range(2500))


def test_no_rows_leave_a_header(api: Api):
    api.engine.answers["SELECT"] = outcome(
        rows=iter(()), columns=(Column("n", "bigint"), Column("N", "varchar"))
    )
    execution_id = api.run("SELECT")["QueryExecutionId"]
    assert api.object(f"{OUTPUT}{execution_id}.csv") == b'"n","N"\n'
    assert api.rows(execution_id) == [["n", "N"]]


def test_a_token_belongs_to_its_query(api: Api):
    api.engine.answers["SELECT"] = lambda: outcome(("1",), ("2",))
    first, second = (api.run("SELECT")["QueryExecutionId"] for _ in range(2))
    token = api("GetQueryResults", QueryExecutionId=first, MaxResults=1)["NextToken"]
    assert expect_fault(api, "GetQueryResults", QueryExecutionId=second, NextToken=token)[1] == (
        "Invalid pagination token."
    )


def test_results_that_were_deleted_cannot_be_read(api: Api):
    api.engine.answers["SELECT"] = outcome(("1",), ("2",))
    execution_id = api.run("SELECT")["QueryExecutionId"]
    token = api("GetQueryResults", QueryExecutionId=execution_id, MaxResults=1)["NextToken"]
    api.moto.request("DELETE", f"/{OUTPUT.removeprefix('s3://')}{execution_id}.csv")
    for params in ({}, {"NextToken": token}):
        assert expect_fault(api, "GetQueryResults", QueryExecutionId=execution_id, **params) == (
            "InvalidRequestException",
            "Could not find results",
            "RESULT_NOT_FOUND",
        )


def test_results_are_read_from_s3_as_they_are_now(api: Api):
    api.engine.answers["SELECT"] = outcome(("1",))
    execution_id = api.run("SELECT")["QueryExecutionId"]
    path = f"/{OUTPUT.removeprefix('s3://')}{execution_id}.csv"
    for content, rows in (
        (b'"other"\n', [["other"]]),
        (b'"open', [[None]]),
        (b"plain,text\n", [[None, None]]),
    ):
        api.moto.request("PUT", path, body=content)
        assert api.rows(execution_id) == rows


def test_results_that_are_read_leave_no_files(api: Api):
    api.engine.answers["SELECT"] = lambda: outcome(("1",))
    ids = [api.run("SELECT")["QueryExecutionId"] for _ in range(12)]
    assert [api.rows(each) for each in ids] == [[["c0"], ["1"]]] * 12
    assert [each for each in api.folder.rglob("*") if each.is_file()] == []


def test_a_failed_query_has_no_results(api: Api):
    api.engine.answers["SELECT"] = ValueError()
    execution_id = api.run("SELECT")["QueryExecutionId"]
    assert expect_fault(api, "GetQueryResults", QueryExecutionId=execution_id) == (
        "InvalidRequestException",
        "Query did not finish successfully. Final query state: FAILED",
        "INVALID_QUERY_EXECUTION_STATE",
    )


def test_utility_statements_leave_text_without_a_header(api: Api):
    api.engine.kinds["SHOW"] = ("UTILITY", "SHOW_TABLES")
    columns = (Column("tab_name", "string"),)
    api.engine.answers["SHOW"] = outcome(("a",), ("b",), columns=columns, plain_text=True)
    shown = api.run("SHOW")
    execution_id = shown["QueryExecutionId"]
    assert shown["ResultConfiguration"]["OutputLocation"] == f"{OUTPUT}{execution_id}.txt"
    assert api.object(f"{OUTPUT}{execution_id}.txt") == b"a\nb"
    assert api.rows(execution_id, MaxResults=1) == [["a"], ["b"]]
    assert f"out/{execution_id}.txt.metadata" in api.list_keys()


def test_a_ddl_statement_leaves_an_empty_text_file(api: Api):
    api.engine.kinds["CREATE"] = ("DDL", "CREATE_TABLE")
    api.engine.answers["CREATE"] = outcome(rows=iter(()), columns=(), plain_text=True)
    execution_id = api.run("CREATE")["QueryExecutionId"]
    assert api.list_keys() == [f"out/{execution_id}.txt"]
    answer = api("GetQueryResults", QueryExecutionId=execution_id)
    assert answer == {"ResultSet": {"Rows": [], "ResultSetMetadata": {"ColumnInfo": []}}}


def test_statements_that_write_files_leave_a_manifest(api: Api):
    kinds = {"CREATE_TABLE_AS_SELECT": "tables/", "INSERT": "", "UNLOAD": "", "EXECUTE": ""}
    for kind, folder in kinds.items():
        api.engine.kinds[kind] = ("DDL" if folder else "DML", kind)
        files = (f"{OUTPUT}data/1.parquet", f"{OUTPUT}data/2.parquet")
        api.engine.answers[kind] = outcome(rows=iter(()), columns=(), written=files, update_count=7)
        shown = api.run(kind)
        stem = f"{OUTPUT}{folder}{shown['QueryExecutionId']}"
        assert shown["ResultConfiguration"]["OutputLocation"] == stem
        assert shown["Statistics"]["DataManifestLocation"] == f"{stem}-manifest.csv"
        assert api.object(f"{stem}-manifest.csv").decode().splitlines() == list(files)
        assert api.object(f"{stem}.metadata")
        answer = api("GetQueryResults", QueryExecutionId=shown["QueryExecutionId"])
        assert answer["UpdateCount"] == 7
        assert answer["ResultSet"]["Rows"] == []
        assert [each["Name"] for each in answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]] == ["rows"]


def test_column_types_are_named_as_athena_names_them():
    shown = {
        each: tuple(
            describe_column("c", each)[name] for name in ("Type", "Precision", "Scale", "CaseSensitive")
        )
        for each in (
            "integer",
            "bigint",
            "real",
            "double",
            "decimal(10,2)",
            "decimal(38, 0)",
            "varchar",
            "varchar(5)",
            "char(3)",
            "boolean",
            "date",
            "timestamp(3)",
            "timestamp(3) with time zone",
            "varbinary",
            "array(row(a integer, b varchar(3)))",
            "map(varchar,decimal(3,1))",
            "row(a integer,b varchar)",
            "json",
        )
    }
    assert shown == {
        "integer": ("integer", 10, 0, False),
        "bigint": ("bigint", 19, 0, False),
        "real": ("float", 17, 0, False),
        "double": ("double", 17, 0, False),
        "decimal(10,2)": ("decimal", 10, 2, False),
        "decimal(38, 0)": ("decimal", 38, 0, False),
        "varchar": ("varchar", 2147483647, 0, True),
        "varchar(5)": ("varchar", 5, 0, True),
        "char(3)": ("char", 3, 0, True),
        "boolean": ("boolean", 0, 0, False),
        "date": ("date", 0, 0, False),
        "timestamp(3)": ("timestamp", 3, 0, False),
        "timestamp(3) with time zone": ("timestamp with time zone", 3, 0, False),
        "varbinary": ("varbinary", 1073741824, 0, False),
        "array(row(a integer, b varchar(3)))": ("array", 0, 0, False),
        "map(varchar,decimal(3,1))": ("map", 0, 0, False),
        "row(a integer,b varchar)": ("row", 0, 0, False),
        "json": ("json", 0, 0, False),
    }


def test_the_metadata_file_is_a_protocol_buffers_message():
    assert write_metadata_file("id", [describe_column("n", "varchar(300)")], "INSERT", 300) == (
        b"\x0a\x02id\x12\x06INSERT\x18\xac\x02"
        b"\x22\x1e\x0a\x04hive\x22\x01n\x2a\x01n\x32\x07varchar\x38\xac\x02\x40\x00\x48\x03\x50\x01"
    )


def test_a_workgroup_can_leave_the_results_to_athena(api: Api):
    managed = {"ManagedQueryResultsConfiguration": {"Enabled": True}}
    api("CreateWorkGroup", Name="managed", Configuration=managed)
    api.engine.answers["SELECT 1"] = outcome(("1",))

    execution = api.run("SELECT 1", WorkGroup="managed")

    assert execution["ManagedQueryResultsConfiguration"] == {"Enabled": True}
    assert "ResultConfiguration" not in execution
    rows = api("GetQueryResults", QueryExecutionId=execution["QueryExecutionId"])["ResultSet"]["Rows"]
    assert rows[-1] == {"Data": [{"VarCharValue": "1"}]}


def test_managed_results_have_no_place(api: Api):
    both = {
        "ManagedQueryResultsConfiguration": {"Enabled": True},
        "ResultConfiguration": {"OutputLocation": "s3://lake/results/"},
    }
    assert "managed query results" in expect_fault(api, "CreateWorkGroup", Name="x", Configuration=both)[1]
