"""A handler that answers requests it cannot use with a status and a sentence of its own."""

from sagemaker_containers.beta.framework import worker  # an attribute: `worker` is not a module there


def model_fn(model_dir):
    return model_dir


def transform_fn(model, body, content_type, accept):
    if content_type != "text/csv":
        return worker.Response(f"{content_type} is not text/csv.", status=415, mimetype="text/plain")
    if not body:
        return worker.Response("The request is empty: send a row.", status=400, mimetype="text/plain")
    return f"{model} {body}", accept
