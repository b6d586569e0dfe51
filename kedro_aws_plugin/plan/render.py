"""Plans as text."""

import json
from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any

from kedro_aws_plugin.plan.plan import Plan

_TEMPLATE = "TemplateBody"
"""The key of a request whose value is a document of its own, unreadable as one JSON string."""


def render(plan: Plan) -> str:
    """Format a plan's steps, one a line. Without steps, say what is unchanged."""
    if not plan.steps:
        return f"unchanged: {plan.unchanged}"
    lines = [f"  {number}. {step}" for number, step in enumerate(plan.show_steps(), start=1)]
    return "\n".join([f"Plan: {plan.title}", *lines, *_render_cost(plan)])


def render_requests(plan: Plan) -> str:
    """Format a plan with every request that it would send, complete."""
    if not plan.steps:
        return render(plan)
    blocks = [f"Plan: {plan.title}"]
    for number, step in enumerate(plan.as_json()["steps"], start=1):
        blocks += _render_step(f"{number}.", step)
        for letter, other in zip(ascii_lowercase, step.get("otherwise", []), strict=False):
            blocks += _render_step(f"{number}{letter}. If {number}. fails:", other)
    return "\n\n".join([*blocks, *_render_cost(plan)])


def _render_cost(plan: Plan) -> list[str]:
    return [f"cost: {plan.cost.text}"] if plan.cost else []


def _render_step(label: str, step: Mapping[str, Any]) -> list[str]:
    """Format a step and its requests: one block, and one more for each template."""
    blocks = [f"{label} {step['summary']}"]
    for sent in step.get("requests", [step]):
        template = sent["request"].get(_TEMPLATE)
        shown = {**sent["request"], _TEMPLATE: "<below>"} if template else sent["request"]
        request = json.dumps(shown, indent=2, ensure_ascii=False)
        blocks[-1] += f"\n{sent.get('service', step['service'])}:{sent['operation']} {request}"
        blocks += [template.rstrip()] if template else []
    return blocks
