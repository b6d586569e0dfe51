"""Choose one of AWS's prebuilt scikit-learn images for a model, and compare it with this machine."""

import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from kedro_aws_plugin.errors import ConfigError

_SDK = "sagemaker-core"
_SDK_TABLE = "sagemaker/core/image_uri_config/sklearn.json"
_EXTRACT = Path(__file__).with_name("image_table.json")

_DNS_SUFFIXES = {  # as in botocore's endpoints.json, by the beginning of the region's name
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}

_ALWAYS_COMPARED = ("scikit-learn", "numpy", "pandas")


@dataclass(frozen=True)
class Image:
    """A prebuilt scikit-learn image in one region.

    Attributes:
        uri: Its URI, for a SageMaker container definition.
        version: AWS's name for the image, e.g. `1.9-0`.
        installed: The versions of `python`, `scikit-learn`, `numpy`, ... in it, as far as they are known.
        source: The table that the URI is from.
        distributions: The canonical names of the distributions in it. An image whose own list is not known
            is taken to have what the others have: all have the same server and libraries.
    """

    uri: str
    version: str
    installed: Mapping[str, str]
    source: str
    distributions: frozenset[str] = frozenset()

    @property
    def framework_version(self) -> str | None:
        """The FrameworkVersion of a model package, which has at most 10 characters, e.g. `1.4-2`.

        None for an image of the user's own, which is known by its URI alone.
        """
        return self.version.partition("-py")[0] or None


def take_own_image(uri: str, region: str) -> Image:
    """Take an image of the user's own, in ECR. What is installed in it is not known.

    Args:
        uri: Its URI, as `registry.image` has it.
        region: The project's region.

    Raises:
        ConfigError: If the image is in another region: SageMaker pulls images of its own region alone.
    """
    there = uri.split(".")[3]
    if there != region:
        raise ConfigError(
            f"`registry.image`: {uri} is in {there}, and SageMaker in {region} pulls images from {region} "
            "alone. Push the image to a repository there."
        )
    return Image(uri, "", {}, "registry.image")


def choose_sklearn_image(region: str, scikit_learn: str) -> Image:
    """Choose the image for a model that was fitted with `scikit_learn`.

    An image with the same minor version is chosen; else the oldest of the newer ones, because scikit-learn
    reads models of an older version more often than those of a newer one; else the newest.

    Args:
        region: e.g. `eu-west-1`.
        scikit_learn: The installed version, e.g. `1.9.1`.

    Raises:
        ConfigError: If AWS has no scikit-learn images in the region.
    """
    table = _load_table()
    images = table["images"]
    wanted = _parse_minor(scikit_learn)
    by_minor = {_parse_minor(version): version for version in sorted(images, key=_parse_minor)}
    chosen = min((minor for minor in by_minor if minor >= wanted), default=max(by_minor))
    version = by_minor[chosen]
    known = table["containers"].get(version, {"scikit-learn": ".".join(map(str, chosen))})
    every = frozenset(name for names in table["containers"].values() for name in names) - {"python"}
    return Image(_build_uri(images[version], version, region), version, known, table["source"], every)


def explain_skew(image: Image, installed: Mapping[str, str], *, required: Collection[str] = ()) -> list[str]:
    """Explain how this machine differs from the container that will load the model.

    Only the version that wrote a pickle is sure to load it. Major and minor versions are compared.

    Args:
        image: The container's image.
        installed: Versions here, of `python` and of the distributions whose objects the model holds.
        required: The distributions that the container installs by pip in versions of their own.

    Returns:
        A line for each difference, with both versions and the fix.
    """
    names = dict.fromkeys(("python", *_ALWAYS_COMPARED, *sorted(installed)))
    differing = {
        name: (installed[name], image.installed[name])
        for name in names
        if name in installed and name in image.installed and name not in required
        if _parse_minor(installed[name]) != _parse_minor(image.installed[name])
    }
    # The container's versions may not exist for the Python of this machine.
    where = " in that environment" if "python" in differing else ""
    return [
        f"{name} is {here} here and {there} in the container {image.version}: "
        + (
            f"train in a virtual environment of Python {there}."
            if name == "python"
            else f'run `pip install "{name}=={there}"`{where} and train again, or add "{name}=={here}" to'
            " registry.requirements."
        )
        for name, (here, there) in differing.items()
    ]


def _load_table() -> dict[str, Any]:
    """Load the SDK's own table if it is installed, else our extract. Importing the SDK would take seconds."""
    extract = json.loads(_EXTRACT.read_text(encoding="utf-8"))
    origin = extract["extracted_from"]
    images, source = (
        extract["inference"]["versions"],
        f"{_SDK} {origin['version']}, extracted {origin['date']}",
    )
    try:
        sdk = distribution(_SDK)
        table = json.loads(Path(str(sdk.locate_file(_SDK_TABLE))).read_text(encoding="utf-8"))
        images, source = table["inference"]["versions"], f"{_SDK} {sdk.version}"
    except (PackageNotFoundError, OSError, ValueError, KeyError):
        pass  # It is not installed, or its table has moved: use the extract.
    return {"images": images, "containers": extract["containers"], "source": source}


def _build_uri(image: Mapping[str, Any], version: str, region: str) -> str:
    registries = image["registries"]
    if region not in registries:
        nearest = difflib.get_close_matches(region, registries, n=1)
        hint = (
            f" Did you mean {nearest[0]}?" if nearest else f" Choose one of {', '.join(sorted(registries))}."
        )
        raise ConfigError(f"conf/base/aws.yml: `region`: AWS has no scikit-learn images in {region}.{hint}")
    suffix = next((dns for start, dns in _DNS_SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    tag = "-".join([version, image["processors"][0], image["py_versions"][0]])
    return f"{registries[region]}.dkr.ecr.{region}.{suffix}/{image['repository']}:{tag}"


def _parse_minor(version: str) -> tuple[int, int]:
    """Parse major and minor of a version, e.g. of `1.9.1`, `2.0rc1` or AWS's `1.4-2-py312`."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    return numbers[0], numbers[1] if len(numbers) > 1 else 0
