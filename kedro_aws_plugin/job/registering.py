"""The last step of an execution: register the models of the run, with the lineage of what was submitted."""

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.job.running import RunningStep
from kedro_aws_plugin.kedro_internals import make_catalog
from kedro_aws_plugin.registration.after_run import PendingRegistrations, models_to_register, register_model
from kedro_aws_plugin.run.record import (
    RunRecord,
    find_installed_versions,
    hash_parameters,
    read_key,
    write_record,
)
from kedro_aws_plugin.session.session import Session, make_loader
from local_aws import default_state_dir


def register_outputs(running: RunningStep) -> list[str]:
    """Register the models that earlier steps of the run have saved.

    Returns:
        A line for each model.

    Raises:
        KedroAwsError: If a model cannot be registered.
    """
    job, run_id, submission = running.job, running.place.run_id, running.submission
    loader, conf = make_loader(running.folder, job.env, dict(submission.params))
    session = Session.of(loader, running.folder, job.package, conf)
    session.connect()
    context = session.kedro_context
    catalog = make_catalog(context, run_id, running.pins)
    state = default_state_dir(running.folder)
    digest = submission.parameters_hash or hash_parameters(context.params, read_key(state))
    record = RunRecord(job.git_sha, job.git_dirty, digest, find_installed_versions())
    write_record(state, run_id, record)
    registries = models_to_register(session.config, job.outputs, catalog)
    if not registries:
        raise ProjectError("None of the models of this run can be registered; the lines above say why.")
    pending = PendingRegistrations(session.project, context.params, registries, session.overrides)
    lines = [register_model(pending, catalog, each, run_id) for each in registries]
    return [line for line in lines if line is not None]
