"""A config loader whose catalog is bound to the AWS of its environment."""

from typing import Any

from kedro.config import AbstractConfigLoader, MissingConfigException

from kedro_aws_plugin.session.bound_catalog import bind_catalog, bind_credentials
from kedro_aws_plugin.session.session import find_session


class BoundLoader(AbstractConfigLoader):
    """Binds the catalog and the credentials that the loader beneath it reads.

    They are bound each time they are read: a session may read them again for each of its runs.
    """

    def __getitem__(self, key: str) -> Any:
        """Read the configuration of a kind, such as `catalog`."""
        if key not in ("catalog", "credentials"):
            return super().__getitem__(key)
        session = find_session(self)
        binding = session.find_binding() if session is not None else None
        if binding is None:
            return super().__getitem__(key)
        if key == "catalog":
            return bind_catalog(super().__getitem__(key), binding, self._read_credentials)
        return bind_credentials(self._read_credentials(), binding)

    def read_unbound(self, key: str) -> Any:
        """Read the configuration of a kind as the files have it, without connecting to AWS."""
        return super().__getitem__(key)

    def _read_credentials(self) -> dict[str, Any]:
        try:
            return dict(super().__getitem__("credentials"))
        except MissingConfigException:
            return {}


def bind_loader(loader: AbstractConfigLoader) -> None:
    """Bind a config loader that exists, of whatever class, for the one object."""
    kind = type(loader)
    if not isinstance(loader, BoundLoader):
        loader.__class__ = type(kind.__name__, (BoundLoader, kind), {"__module__": kind.__module__})
