"""Two ways to answer requests, of which the server cannot choose one."""


def model_fn(model_dir):
    return model_dir


def input_fn(body, content_type):
    return content_type, body


def transform_fn(model, body, content_type, accept):
    return f"{model} {content_type} {body}", accept
