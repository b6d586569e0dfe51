"""A plan as text."""

from kedro_aws_plugin.plan.plan import Plan


def render(plan: Plan) -> str:
    """Show a plan's steps, one a line, or what is unchanged."""
    if not plan.steps:
        return f"unchanged: {plan.unchanged}"
    lines = [f"  {number}. {step}" for number, step in enumerate(plan.steps, start=1)]
    return "\n".join([f"Plan: {plan.title}", *lines])


def render_requests(plan: Plan) -> str:
    """Show a plan with every request that it would send, complete."""
    import json

    if not plan.steps:
        return render(plan)
    blocks = [f"Plan: {plan.title}"]
    for number, step in enumerate(plan.as_json()["steps"], start=1):
        request = json.dumps(step["request"], indent=2, ensure_ascii=False)
        blocks.append(f"{number}. {step['summary']}\n{step['service']}:{step['operation']} {request}")
    return "\n\n".join(blocks)
