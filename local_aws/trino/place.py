"""The place of an expression in a query, as its translation needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from local_aws.trino import nodes
from local_aws.trino.scope import Field, Scope, Session
from local_aws.trino.typed import Typed
from local_aws.trino.types import Type


class Grouped(Protocol):
    """What stands between the rows and an expression over groups of them."""

    def replace(self, node: nodes.Node) -> Typed | None:
        """Return the group's column that holds a node's value, if the node is a key or an aggregate."""

    def column(self, value: Typed, name: nodes.Name) -> Typed:
        """Return the group's column for a column of the rows, which must be a key."""


class Queries(Protocol):
    """What translates the queries inside expressions."""

    def subquery(self, query: nodes.Query, parent: Place) -> tuple[str, tuple[Field, ...]]:
        """Return the SQL of a query and its columns, which are named c0, c1, ... in it."""


class Place(Protocol):
    """A place of a query where expressions stand, which translates them."""

    @property
    def session(self) -> Session:
        """What the whole translation shares."""

    @property
    def scope(self) -> Scope:
        """The columns in reach."""

    @property
    def queries(self) -> Queries:
        """What translates the queries inside expressions."""

    @property
    def clause(self) -> str:
        """The name of the place in failures."""

    @property
    def windows(self) -> Mapping[str, nodes.Window]:
        """The windows that the WINDOW clause names."""

    @property
    def allows_windows(self) -> bool:
        """Whether window functions may stand here."""

    def translate(self, node: nodes.Node) -> Typed:
        """Return the SQL and the type of an expression."""

    def boolean(self, node: nodes.Node, message: str) -> str:
        """Return the SQL of a condition; `message` has a `{}` for the type that it wrongly has."""

    def common(self, at: tuple[int, int], what: str, values: list[Typed]) -> Type:
        """Return the common type of values; `what` names them in the failure."""

    def look_up(self, name: nodes.Name) -> Typed | None:
        """Return the column that a name means here or in a query around."""

    def inside_lambda(self, variables: Mapping[str, Typed]) -> Place:
        """Return the same place inside a lambda with these variables."""

    def inside_window(self) -> Place:
        """Return the same place inside a window function, where no other may stand."""
