"""What a plan will cost: (requests, AWS's price list) -> a sentence and numbers. Nothing is guessed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any

HOURS_A_MONTH = 730
"""365 days of 24 hours, divided by 12, as AWS's pricing calculator counts."""
_SECONDS_AN_HOUR = 3600
_MB_PER_GB = 1024
_REFRESH = "kedro aws prices --refresh"
_RUNS = {"StartPipelineExecution", "RetryPipelineExecution", "StartExecution", "RedriveExecution"}
"""What makes jobs on instances that the requests do not name."""

_JOBS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "CreateProcessingJob": ("Processing", ("ProcessingResources", "ClusterConfig")),
    "CreateTrainingJob": ("Train", ("ResourceConfig",)),
}
"""The jobs of a pipeline, which AWS makes: their kind in the price list, and where their instances stand."""

_INSTANCE = re.compile(r"(?:^|-)((?:Host|AsyncInf|Tsform|Processing|Train):ml\.[\w.-]+)$")
_SERVERLESS = re.compile(r"(?:^|-)(ServerlessInf:Mem-\d+GB)$")
_PROVISIONED = re.compile(r"(?:^|[-:])(ProvisionedConcurrency:(?:Usage|Mem)-\d+GB)$")


@dataclass(frozen=True)
class PriceList:
    """The prices of SageMaker in a region, in USD.

    Attributes:
        region: The region.
        published: The day on which AWS published it, e.g. 2026-11-30.
        source: The address from which it was read.
        prices: The price of an hour or a second, by AWS's usage type without the region's prefix:
            `Host:ml.m5.large`.
    """

    region: str
    published: str
    source: str
    prices: Mapping[str, Decimal]


@dataclass(frozen=True)
class Cost:
    """What a plan will cost.

    Attributes:
        text: The whole of it in a sentence, without a full stop.
        per: What `low` and `high` are for: a `month`, an `hour` of the job, a `run` of the pipeline, or a
            `second` of answering; None if the price is unknown.
        low: The least that it costs, in USD.
        high: The most, in USD: another amount if instances are added and removed by themselves.
        unknown: The usage types without a price.
        published: The day of the price list; None without one.
        source: Where the price list is from; None without one.
    """

    text: str
    per: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    unknown: tuple[str, ...] = ()
    published: str | None = None
    source: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Convert to plain values: amounts are texts, so that none is rounded."""
        amounts = {"low": self.low, "high": self.high}
        return {
            "text": self.text,
            "currency": "USD",
            "per": self.per,
            **{name: None if value is None else format(value, "f") for name, value in amounts.items()},
            "unknown": list(self.unknown),
            "published": self.published,
            "source": self.source,
        }


@dataclass(frozen=True)
class _Part:
    """One thing that is billed: so many units at one price.

    Attributes:
        usage: AWS's usage type.
        name: What the price is for, e.g. ml.m5.large.
        low: How many there are at least.
        high: How many there are at most.
        per: What AWS's price is for: `hour` or `second`.
    """

    usage: str
    name: str
    low: int
    high: int
    per: str


@dataclass(frozen=True)
class _Job:
    """A job of a pipeline: AWS's usage type, its instance type, and after how many minutes it is stopped."""

    usage: str
    instance: str
    minutes: int


@dataclass
class _Bill:
    """What requests cause: each month, each hour of a job, each second of answering, each run."""

    monthly: list[_Part] = field(default_factory=list)
    hourly: list[_Part] = field(default_factory=list)
    answering: list[_Part] = field(default_factory=list)
    run: list[_Job] = field(default_factory=list)


def find_usage(usage_type: str) -> str | None:
    """Find what a usage type of AWS's price list is about, without the region's prefix; None for all others.

    Example:
        >>> find_usage("USE1-Host:ml.m5.large")
        'Host:ml.m5.large'
    """
    for pattern in (_INSTANCE, _SERVERLESS, _PROVISIONED):
        if found := pattern.search(usage_type):
            return found[1]
    return None


def is_by_hour(usage: str) -> bool:
    """Tell whether AWS bills a usage type by the hour; all others are billed by the second."""
    return ":ml." in usage


def estimate_cost(
    requests: Iterable[tuple[str, Mapping[str, Any]]], region: str, prices: PriceList | None
) -> Cost | None:
    """Estimate what requests will cost; None if they create nothing that is billed by time.

    Args:
        requests: Operations of SageMaker and Application Auto Scaling, with their requests.
        region: The region.
        prices: AWS's price list of that region, if it is known.
    """
    sent = list(requests)
    operations = {operation for operation, _ in sent}
    bill = _collect(sent)
    parts = [*bill.monthly, *bill.hourly, *bill.answering]
    usages = {part.usage for part in parts} | {job.usage for job in bill.run}
    if not usages:
        return _name_what_has_no_price(operations)
    known = prices.prices if prices else {}
    unknown = tuple(sorted(usages.difference(known)))
    if unknown or prices is None:
        names = ", ".join(usage.partition(":")[2] for usage in unknown)
        why = f": AWS's price list of {prices.published} has none" if prices else f" ({_REFRESH})"
        return Cost(f"price unknown for {names} in {region}{why}", unknown=unknown)
    if bill.run:
        return _add_up_run(bill.run, prices)
    return _add_up(bill, prices)


def _name_what_has_no_price(operations: Set[str]) -> Cost | None:
    if "CreateEndpoint" in operations and "CreateEndpointConfig" not in operations:
        return Cost("that of the endpoint config, which exists already")
    if "StartJobRun" in operations:
        return Cost("price unknown for the vCPU and the memory of the job's workers")
    if operations & _RUNS:
        return Cost("price unknown for the jobs of the pipeline")
    return None


def _collect(requests: Iterable[tuple[str, Mapping[str, Any]]]) -> _Bill:
    bill = _Bill()
    sent = list(requests)
    limits = {
        request["ResourceId"].rpartition("/")[2]: (request["MinCapacity"], request["MaxCapacity"])
        for operation, request in sent
        if operation == "RegisterScalableTarget"
    }
    for operation, request in sent:
        if operation == "CreateEndpointConfig":
            kind = "AsyncInf" if "AsyncInferenceConfig" in request else "Host"
            for variant in _list_variants(request):
                _add_variant(bill, variant, kind, limits.get(variant["VariantName"]))
        if operation == "CreateTransformJob":
            resources = request["TransformResources"]
            kind, count = resources["InstanceType"], resources["InstanceCount"]
            bill.hourly.append(_Part(f"Tsform:{kind}", kind, count, count, "hour"))
        if operation in _JOBS:
            bill.run.append(_read_job(operation, request))
    return bill


def price_job(operation: str, request: Mapping[str, Any], prices: PriceList) -> str | None:
    """Say what an hour of a job of a pipeline costs, and the whole of it at most; None if that is unknown."""
    job = _read_job(operation, request)
    price = prices.prices.get(job.usage)
    if price is None:
        return None
    return f"{_format_price(price)} an hour, at most {_format_amount(price * job.minutes / 60)}"


def _read_job(operation: str, request: Mapping[str, Any]) -> _Job:
    kind, path = _JOBS[operation]
    resources = request
    for member in path:
        resources = resources[member]
    minutes = -(-request["StoppingCondition"]["MaxRuntimeInSeconds"] // 60)
    return _Job(f"{kind}:{resources['InstanceType']}", resources["InstanceType"], minutes)


def _list_variants(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from request.get("ProductionVariants", ())
    yield from request.get("ShadowProductionVariants", ())


def _add_variant(bill: _Bill, variant: Mapping[str, Any], kind: str, limits: tuple[int, int] | None) -> None:
    """Add a variant: instances all the month; serverless by the second, and what is kept ready.

    What is kept ready has a lower price for a second of answering. Requests beyond it are on demand.
    """
    if serverless := variant.get("ServerlessConfig"):
        size = f"{serverless['MemorySizeInMB'] // _MB_PER_GB}GB"
        name = f"{size[:-2]} GB"
        ready = serverless.get("ProvisionedConcurrency", 0)
        low, high = limits or (ready, ready)
        if high:
            usage = f"ProvisionedConcurrency:Usage-{size}"
            bill.monthly.append(_Part(usage, f"{name} kept ready", low, high, "second"))
            bill.answering.append(
                _Part(f"ProvisionedConcurrency:Mem-{size}", f"{name} kept ready", 1, 1, "second")
            )
        if low < serverless["MaxConcurrency"]:
            beyond = f"{name} on demand" if high else name
            bill.answering.append(_Part(f"ServerlessInf:Mem-{size}", beyond, 1, 1, "second"))
        return
    count = variant["InitialInstanceCount"]
    low, high = limits or (count, count)
    instance = variant["InstanceType"]
    bill.monthly.append(_Part(f"{kind}:{instance}", instance, low, high, "hour"))


def _add_up(bill: _Bill, prices: PriceList) -> Cost:
    found = f" in {prices.region}, AWS price list of {prices.published})"
    origin: dict[str, Any] = {"published": prices.published, "source": prices.source}
    if bill.hourly:
        amount = sum((prices.prices[part.usage] * part.high for part in bill.hourly), Decimal())
        text = f"{_format_price(amount)} for each hour of the job ({_describe(bill.hourly, prices)}{found}"
        return Cost(text, "hour", amount, amount, **origin)
    answering = [
        f"{_format_price(prices.prices[part.usage])} a second while it answers ({part.name})"
        for part in bill.answering
    ]
    if not bill.monthly:
        [amount, *_] = [prices.prices[part.usage] for part in bill.answering]
        text = f"{'; '.join(answering)[:-1]}{found}, nothing while idle"
        return Cost(text, "second", amount, amount, **origin)
    low, high = (
        sum((getattr(part, end) * _by_month(part, prices) for part in bill.monthly), Decimal())
        for end in ("low", "high")
    )
    about = f"about ${high:,.2f}" if low == high else f"from ${low:,.2f} to ${high:,.2f}"
    text = f"{about} a month ({_describe(bill.monthly, prices)}{found}"
    return Cost("; and ".join([text, *answering]), "month", low, high, **origin)


def _add_up_run(jobs: Sequence[_Job], prices: PriceList) -> Cost:
    """Add up a run whose jobs all take as long as they may. Spare capacity costs less, never more."""
    amount = sum((prices.prices[job.usage] * job.minutes / 60 for job in jobs), Decimal())
    described = "; ".join(
        f"{count} x {job.instance}, {_format_price(prices.prices[job.usage])} an hour, "
        f"up to {job.minutes} min"
        for job, count in Counter(jobs).items()
    )
    where = f"in {prices.region}, AWS price list of {prices.published}"
    return Cost(
        f"at most {_format_amount(amount)} a run, if no step is tried again ({described} {where})",
        "run",
        Decimal(),
        amount,
        published=prices.published,
        source=prices.source,
    )


def _by_month(part: _Part, prices: PriceList) -> Decimal:
    units = HOURS_A_MONTH * (_SECONDS_AN_HOUR if part.per == "second" else 1)
    return prices.prices[part.usage] * units


def _describe(parts: Iterable[_Part], prices: PriceList) -> str:
    return "; ".join(
        f"{part.low if part.low == part.high else f'{part.low} to {part.high}'} x {part.name}, "
        f"{_format_price(prices.prices[part.usage])} {'an hour' if part.per == 'hour' else 'a second'}"
        for part in parts
    )


def _format_amount(amount: Decimal) -> str:
    """Write an amount that is an upper bound: rounded up to a cent."""
    return f"${amount.quantize(Decimal('0.01'), ROUND_CEILING):,}"


def _format_price(amount: Decimal) -> str:
    """Write an amount with all its digits, and at least two after the point."""
    text = format(amount.normalize(), "f")
    whole, _, rest = text.partition(".")
    return f"${whole}.{rest:0<2}"
