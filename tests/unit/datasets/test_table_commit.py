"""A change of Glue that succeeds but whose answer is lost."""

from typing import Any

from kedro_aws_plugin.aws.glue import TableVersion
from kedro_aws_plugin.datasets._table_definition import Layout, Save, TableEntry, build_definition
from kedro_aws_plugin.datasets._table_saving import Commit

LAYOUT = Layout({"id": "bigint"}, {})


class LostAnswers:
    """A Glue that performs each update, but answers as it does to a repeated request."""

    def __init__(self, definition: Any) -> None:
        self.versions = [definition]

    def get_table(self) -> TableVersion:
        return TableVersion(self.versions[-1], str(len(self.versions)))

    def update_table(self, definition: Any, version: str) -> bool:
        assert version == str(len(self.versions))
        self.versions.append(definition)
        return False


def test_an_overwrite_that_was_not_confirmed_is_done_once() -> None:
    old, new = (
        Save(TableEntry("shop.prices", (), {}), "overwrite", "s3://flights/prices/", name)
        for name in ("old", "new")
    )
    glue: Any = LostAnswers(build_definition(old, None, LAYOUT))
    files: Any = None
    assert Commit(glue, files, new).run(LAYOUT, {(): new.folder}) == [old.folder]
    assert [one["StorageDescriptor"]["Location"] for one in glue.versions] == [old.folder, new.folder]
