"""Stand in for `sagemaker_sklearn_container.serving`, which is in AWS's image and in no package index.

It gives the image's server, `sagemaker-containers`, the handlers of the model's script, and defaults for
those that the script lacks. `scripts/make_container_environment.py` copies this file into the environment.
"""

import importlib
import logging

from sagemaker_containers.beta.framework import (
    content_types,
    encoders,
    env,
    modules,
    server,
    transformer,
    worker,
)

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s - %(name)s - %(message)s")

_state = {}  # the WSGI application of this worker, once the first request has made it


class UserError(Exception):
    """The script's handlers contradict each other."""


def read_input(body, content_type):
    """Decode a request into an array, of float32 if it was text."""
    array = encoders.decode(body, content_type)
    return array.astype("float32") if content_type in content_types.UTF8_TYPES else array


def predict(data, model):
    """Call the model."""
    return model.predict(data)


def write_output(prediction, accept):
    """Encode a prediction in the format that the client accepts."""
    return worker.Response(encoders.encode(prediction, accept), mimetype=accept)


def make_transformer(script):
    """Combine a script's handlers with the defaults."""
    model_fn = getattr(script, "model_fn", transformer.default_model_fn)
    trio = {name: getattr(script, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
    if transform_fn := getattr(script, "transform_fn", None):
        if any(trio.values()):
            raise UserError("transform_fn cannot be combined with input_fn, predict_fn or output_fn.")
        return transformer.Transformer(model_fn=model_fn, transform_fn=transform_fn)
    defaults = {"input_fn": read_input, "predict_fn": predict, "output_fn": write_output}
    return transformer.Transformer(model_fn, **{name: trio[name] or defaults[name] for name in trio})


def make_application():
    """Import the script, load its model, and make the application that answers requests."""
    serving = env.ServingEnv()
    try:
        script = importlib.import_module(serving.module_name)
    except ImportError:
        script = modules.import_module(serving.module_dir, serving.module_name)
    handlers = make_transformer(script)
    handlers.initialize()
    parameters = getattr(script, "execution_parameters_fn", None)
    return worker.Worker(
        handlers.transform, module_name=serving.module_name, execution_parameters_fn=parameters
    )


def main(environ, start_response):
    """Answer a request. The first one of a worker loads the model."""
    if "application" not in _state:
        _state["application"] = make_application()
    return _state["application"](environ, start_response)


def serve():
    """Run the server, as the image's command `serve` does."""
    server.start(env.ServingEnv().framework_module)
