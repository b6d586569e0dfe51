"""A model that does not load."""


def model_fn(model_dir):
    raise ValueError(f"no model in {model_dir}")
