"""AWS's public price list of SageMaker: asked for when the user says so, and kept for the user."""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.cost import PriceList, find_usage, is_by_hour

ADDRESS = "https://pricing.us-east-1.amazonaws.com"
"""Where AWS publishes the price lists of all regions but those of China; nobody needs credentials."""
_PATH = "/offers/v1.0/aws/AmazonSageMaker/current/{region}/index.json"
_TIMEOUT = 60
_LARGEST = 256 * 2**20
_CHUNK = 2**20
_LOWEST, _HIGHEST = Decimal("1e-12"), Decimal(10_000)
"""Between these are the prices of an hour and of a second, in USD; what is not is no price."""

_FREE = Decimal(0)

_FOLDER = "kedro-aws-plugin"


class _StayThere(urllib.request.HTTPRedirectHandler):
    """Goes to no other host, and to none without TLS: users see which address is asked."""

    def redirect_request(self, req: urllib.request.Request, *rest: Any) -> urllib.request.Request | None:
        url: str = rest[-1]
        if urlsplit(url)[:2] != urlsplit(req.full_url)[:2]:
            raise AwsError(
                f"{req.full_url} sends to {url}, and AWS does not do that. Nothing was asked there. Check "
                "the network and HTTPS_PROXY."
            )
        return super().redirect_request(req, *rest)


def make_url(region: str) -> str:
    """Make the address of a region's price list."""
    return f"{ADDRESS}{_PATH.format(region=region)}"


def fetch_prices(region: str) -> PriceList:
    """Ask AWS for the prices of a region.

    Raises:
        AwsError: If AWS does not answer, or has no price list of this region.
    """
    url = make_url(region)
    try:
        with urllib.request.build_opener(_StayThere).open(url, timeout=_TIMEOUT) as answer:
            body = _read(answer, url)
    except urllib.error.HTTPError as error:
        known = (
            "There is no such region, or its prices are elsewhere"
            if error.code in (403, 404)
            else "Try again"
        )
        raise AwsError(f"{url} answers {error.code} {error.reason}. {known}.") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise AwsError(f"{url} cannot be reached: {reason}. Check the network and HTTPS_PROXY.") from error
    try:
        return _parse(json.loads(body), region, url)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, RecursionError) as error:
        raise AwsError(
            f"{url} is not a price list as AWS writes them: {error!r}. Try again later."
        ) from error


def _read(answer: Any, url: str) -> bytes:
    """Read a body; one that has no end is not kept in memory."""
    chunks, size = [], 0
    while chunk := answer.read(_CHUNK):
        size += len(chunk)
        if size > _LARGEST:
            raise AwsError(
                f"{url} is larger than {_LARGEST // 2**20} MB, which no price list is. Try again later."
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _parse(document: Mapping[str, Any], region: str, url: str) -> PriceList:
    terms = document["terms"]["OnDemand"]
    found: dict[str, set[Decimal | None]] = {}
    for sku, product in document["products"].items():
        usage = find_usage(product.get("attributes", {}).get("usagetype", ""))
        if usage is None:
            continue
        found.setdefault(usage, set()).update(
            _read_price(usage, dimension["unit"], dimension["pricePerUnit"]["USD"])
            for offer in terms.get(sku, {}).values()
            for dimension in offer["priceDimensions"].values()
            if "USD" in dimension["pricePerUnit"]
        )
    # What is free up to some amount costs the one other price at most. Several others: a price by amount, or
    # two products of one name. Nobody knows which it will be.
    paid = {usage: amounts - {_FREE} for usage, amounts in found.items()}
    known = {usage: amounts.pop() for usage, amounts in paid.items() if len(amounts) == 1}
    prices = {usage: price for usage, price in known.items() if price}
    if not prices:
        raise ValueError("no price of SageMaker is in it")
    return PriceList(region, str(document["publicationDate"])[:10], url, prices)


def _read_price(usage: str, unit: str, text: str) -> Decimal | None:
    """Read the price of an hour or a second; None if it is for another unit, or no price that can be."""
    price = Decimal(text)
    is_meant = unit.lower().startswith("h" if is_by_hour(usage) else "s")
    return price if is_meant and (_is_price(price) or price == _FREE) else None


def _is_price(price: Decimal) -> bool:
    return price.is_finite() and _LOWEST < price < _HIGHEST


def find_cache(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Find the folder of the user's price lists."""
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    if stated := environ.get("XDG_CACHE_HOME"):
        base = Path(stated)
    elif platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = home / "Library" / "Caches" if platform == "darwin" else home / ".cache"
    return base / _FOLDER / "prices"


def save_prices(prices: PriceList, folder: Path) -> Path:
    """Keep a price list; a reader never sees half of it.

    Returns:
        The file.

    Raises:
        AwsError: If it cannot be written.
    """
    file = folder / f"{prices.region}.json"
    value = {
        "region": prices.region,
        "published": prices.published,
        "source": prices.source,
        "prices": {usage: format(price, "f") for usage, price in sorted(prices.prices.items())},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(value, indent=1), encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise AwsError(
            f"{file} cannot be written: {error.strerror}. Make room, or let it be written."
        ) from error
    return file


def load_prices(region: str, folder: Path) -> PriceList | None:
    """Load the price list that was kept; None if there is none, or `save_prices` did not write it."""
    try:
        value = json.loads((folder / f"{region}.json").read_text(encoding="utf-8"))
        prices = {usage: Decimal(price) for usage, price in value["prices"].items()}
        texts = (value["region"], value["published"], value["source"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidOperation, RecursionError):
        return None
    is_own = texts[0] == region and all(isinstance(text, str) and text.isprintable() for text in texts)
    return PriceList(*texts, prices) if is_own and all(map(_is_price, prices.values())) else None
