"""Find the entry of the catalog that a dataset comes from: its own, or a pattern that its name matches."""

from collections.abc import Collection, Mapping
from typing import Any


def find_sources(catalog: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """Find the name of each dataset's entry. Datasets without one are left out.

    Args:
        catalog: The catalog's configuration.
        names: The names of datasets.
    """
    resolver = _make_resolver(catalog)
    found = {name: name if name in catalog else resolver.match_dataset_pattern(name) for name in names}
    return {name: source for name, source in found.items() if source is not None}


def resolve_entries(catalog: Mapping[str, Any], names: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Find the configuration of each dataset, without its credentials. Datasets without one are left out.

    Args:
        catalog: The catalog's configuration.
        names: The names of datasets.
    """
    resolver = _make_resolver(catalog)
    found = {name: resolver.resolve_pattern(name) for name in find_sources(catalog, names)}
    return {name: entry for name, entry in found.items() if isinstance(entry, Mapping)}


def _make_resolver(catalog: Mapping[str, Any]) -> Any:
    from kedro.io import CatalogConfigResolver

    plain = {name: _leave_out_credentials(entry) for name, entry in catalog.items()}
    return CatalogConfigResolver(plain, default_runtime_patterns={})


def _leave_out_credentials(entry: Any) -> Any:
    """Leave out the names of credentials, which need not be known here."""
    if not isinstance(entry, Mapping):
        return entry
    return {key: _leave_out_credentials(value) for key, value in entry.items() if key != "credentials"}
