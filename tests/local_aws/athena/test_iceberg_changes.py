"""Random UPDATE, DELETE, MERGE and INSERT of an Iceberg table, beside the same of a table of DuckDB's own."""

import random

import duckdb
import pytest
from lake import Lake

PARTS = ["k", "truncate(3, v)", "bucket(3, k)"]


class Pair:
    """A table of the lake and one of DuckDB, which has the same statements of its own."""

    def __init__(self, lake: Lake, partition: str) -> None:
        self._lake = lake
        self._native = duckdb.connect()
        self._native.execute("create table t (k bigint, v bigint, s varchar)")
        lake.run(
            f"create table t (k bigint, v bigint, s string) partitioned by ({partition}) "
            "location 's3://lake/t/' tblproperties ('table_type'='ICEBERG')"
        )

    def run(self, sql: str) -> None:
        """Run a statement on both; counts and rows must be equal."""
        ours = self._lake.run(sql).outcome.update_count
        ((count,),) = self._native.execute(sql).fetchall()
        assert ours == count, sql
        expected = self._native.execute("select k, v, s from t order by all nulls last").fetchall()
        rows = self._lake.rows("select k, v, s from t order by k, v, s")
        assert rows == [tuple(None if each is None else str(each) for each in row) for row in expected], sql


class Statements:
    """Makes statements from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def make(self) -> str:
        return self._random.choice([self._insert, self._update, self._delete, self._merge, self._merge])()

    def _value(self) -> str:
        return self._random.choice(["null", *map(str, range(9))])

    def _insert(self) -> str:
        rows = ", ".join(f"({self._value()}, {self._value()}, 's{self._value()}')" for _ in range(3))
        return f"insert into t values {rows}"

    def _condition(self, name: str = "t") -> str:
        column = self._random.choice(["k", "v"])
        return self._random.choice(
            [
                f"{name}.{column} > {self._random.randrange(9)}",
                f"{name}.{column} in (1, 4, null)",
                f"{name}.{column} is null",
                f"not ({name}.k < {name}.v)",
                f"{name}.{column} = (select max(v) from t)" if name == "t" else f"{name}.v is not null",
            ]
        )

    def _update(self) -> str:
        assignment = self._random.choice(["v = v + 1", "k = v, v = k", "s = s || 'x', v = null", "k = 3"])
        return f"update t set {assignment} where {self._condition()}"

    def _delete(self) -> str:
        return f"delete from t where {self._condition()}"

    def _merge(self) -> str:
        keys = self._random.sample(range(9), 4)
        rows = ", ".join(f"({key}, {self._random.randrange(9)})" for key in keys)
        cases = [
            f"when matched and {self._condition('u')} then delete",
            f"when matched and {self._condition('n')} then update set v = n.v, s = u.s || 'm'",
            "when matched then update set k = n.k + 10",
        ]
        chosen = sorted(self._random.sample(range(3), self._random.randint(1, 3)))
        insert = self._random.choice(
            ["", "when not matched then insert (k, v) values (n.k, n.v)",
             "when not matched and n.v > 4 then insert values (n.k, n.v + 1, 'new')"]
        )  # fmt: skip
        written = " ".join(cases[index] for index in chosen)
        return f"merge into t as u using (values {rows}) as n(k, v) on u.k = n.k {written} {insert}"


@pytest.mark.parametrize("seed", range(3))
def test_changes_are_those_of_another_engine(lake: Lake, seed: int) -> None:
    pair, statements = Pair(lake, PARTS[seed]), Statements(seed)
    pair.run("insert into t values (1, 2, 'a'), (2, 3, 'b'), (4, null, 'c'), (null, 5, null), (7, 7, 'd')")

    for _ in range(8):
        pair.run(statements.make())


def test_cases_inside_of_changes(lake: Lake) -> None:
    lake.run("create table t (k bigint) location 's3://lake/t/' tblproperties ('table_type'='ICEBERG')")
    lake.run("insert into t values (1), (2)")

    lake.run("update t set k = case when k = 1 then 10 else k end where case k when 1 then true end")
    lake.run(
        "merge into t using (values 2, 3) as n(k) on t.k = n.k "
        "when matched and case when n.k = 2 then true end then update set k = 20 "
        "when not matched then insert values (case when n.k = 3 then 30 end)"
    )

    assert sorted(lake.rows("select k from t")) == [("10",), ("20",), ("30",)]
