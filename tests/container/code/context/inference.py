"""A handler that wants a context, which another of AWS's servers gives."""


def model_fn(model_dir):
    return model_dir


def input_fn(body, content_type, context):
    return body, content_type, context
