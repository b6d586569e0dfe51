"""Versions, differences and endpoints as tables: a head and rows of text, for terminals and for notebooks."""

from collections.abc import Sequence
from datetime import timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from kedro_aws_plugin.actions.registry import Difference
    from kedro_aws_plugin.plan.observed import EndpointReport, Figures, RegisteredGroup, VariantReport

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""The head, and the rows."""


def tabulate_versions(found: "RegisteredGroup") -> Table:
    """Put the versions of a model in rows, their metrics side by side."""
    metrics = sorted({name for package in found.packages for name in package.metrics})
    head = ["version", "approval", "registered", *metrics, "description"]
    rows = [
        [
            str(each.version),
            each.approval,
            each.created,
            *(f"{each.metrics[name]:.4g}" if name in each.metrics else "" for name in metrics),
            each.description,
        ]
        for each in found.packages
    ]
    return head, rows


def tabulate_differences(differences: "Sequence[Difference]", names: Sequence[str]) -> Table:
    """Put what differs in rows, the two versions side by side."""
    rows = [
        [each.name, each.one, each.other, "" if each.change is None else f"{each.change:+.4g}"]
        for each in differences
    ]
    return ["", *(f"version {name}" for name in names), "change"], rows


def tabulate_endpoints(reports: "Sequence[EndpointReport]") -> Table:
    """Put endpoints in rows. A column that is empty in all of them is left out."""
    head = (
        *("endpoint", "status", "variant", "weight", "share", "serves", "size", "captures", "last hour"),
        "failure",
    )
    rows = [row for each in reports for row in _tabulate_endpoint(each)]
    kept = [column for column in range(len(head)) if not rows or any(row[column] for row in rows)]
    return [head[column] for column in kept], [[row[column] for column in kept] for row in rows]


def tabulate_drift(reports: "Sequence[EndpointReport]") -> Table:
    """Put what differs between aws.yml and what runs in rows, one for each key."""
    rows = [
        (report.name, each.key, _show(each.wanted), _show(each.runs))
        for report in reports
        for each in report.drift
    ]
    return ("endpoint", "key", "aws.yml", "runs"), rows


def _show(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def format_time(time: "datetime") -> str:
    """Format a time as tables and sentences have it, in UTC."""
    return f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format rows under a head, with columns two spaces apart, for terminals, pipes and files alike."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    return "\n".join(lines)


def _tabulate_endpoint(report: "EndpointReport") -> list[Sequence[str]]:
    """Put an endpoint in a row; if it has several variants, each of them."""
    figures = {each.variant: _describe_figures(each) for each in report.last_hour}
    captures, failure = _describe_capture(report), report.failure or ""
    if len(report.variants) < 2:  # noqa: PLR2004
        serves = "" if report.config is None else _name_version(report)
        asked = "; ".join(figures.values())
        size = _describe_size(report)
        return [(report.name, report.status, "", "", "", serves, size, captures, asked, failure)]
    first, *others = [
        (
            each.name,
            f"{each.weight:g}",
            f"{'copies of ' if each.shadow else ''}{each.share:.0%}",
            _name_version(each),
            _describe_instances(each),
        )
        for each in report.variants
    ]
    asked_of = [figures.get(each.name, "") for each in report.variants]
    return [
        (report.name, report.status, *first, captures, asked_of[0], failure),
        *(("", "", *each, "", asked, "") for each, asked in zip(others, asked_of[1:], strict=True)),
    ]


def _name_version(served: "EndpointReport | VariantReport") -> str:
    return f"{served.group}/{served.version}" if served.group else served.package or "?"


def _describe_size(report: "EndpointReport") -> str:
    if report.mode == "serverless":
        return f"serverless, {report.memory_mb} MB, {report.max_concurrency} at once"
    if report.mode in ("realtime", "async"):
        return f"{report.mode}, {_describe_instances(report)}"
    return ""


def _describe_instances(served: "EndpointReport | VariantReport") -> str:
    return f"{served.instance_count} x {served.instance_type or '?'}"


def _describe_figures(figures: "Figures") -> str:
    requests = f"{figures.requests} request{'s' if figures.requests > 1 else ''}"
    errors = {"4xx": figures.errors_4xx, "5xx": figures.errors_5xx}
    times = {"p50": figures.p50_ms, "p99": figures.p99_ms}
    return ", ".join(
        [
            requests,
            *(f"{count} x {status}" for status, count in errors.items() if count),
            *(f"{name} {value:.1f} ms" for name, value in times.items() if value is not None),
        ]
    )


def _describe_capture(report: "EndpointReport") -> str:
    if report.capture_percent is None:
        return ""
    return f"{report.capture_percent}% to {report.capture_destination}"
