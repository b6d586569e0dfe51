"""The phases of a training job: its SecondaryStatus, and the transitions from one to the next."""

from local_aws.protocol.resources import Resource

_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
_ENDED = frozenset({"Completed", "Failed", "Stopped", "MaxRuntimeExceeded"})


def begin(job: Resource, phase: str, now: float) -> None:
    """Begin a phase of a job. One that has ended ends no other way.

    Args:
        job: The job's description.
        phase: The SecondaryStatus.
        now: The time in seconds since the epoch.
    """
    transitions = job.setdefault("SecondaryStatusTransitions", [])
    if job.get("SecondaryStatus") in _ENDED:
        return
    if transitions:
        transitions[-1]["EndTime"] = now
    job["SecondaryStatus"] = phase
    transitions.append({"Status": phase, "StartTime": now, "StatusMessage": _MESSAGES[phase]})
    if phase in _ENDED:
        transitions[-1]["EndTime"] = now


def end(job: Resource, status: str, now: float) -> None:
    """Note how a job has ended."""
    begin(job, status, now)
    if "TrainingStartTime" in job:
        job["TrainingTimeInSeconds"] = job["BillableTimeInSeconds"] = round(now - job["TrainingStartTime"])
