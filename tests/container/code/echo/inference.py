"""Handlers that answer with what the server gave them."""

import ctypes
import importlib.metadata
import json
import os
import socket
import time

import prices
from shop.stock import words


def model_fn(model_dir):
    return {"model_dir": model_dir, "factor": prices.FACTOR, "words": words.read_words()}


def input_fn(body, content_type):
    text = body if isinstance(body, str) else body.decode("latin-1")
    return {"type": type(body).__name__, "content_type": content_type, "body": text}


def predict_fn(data, model):
    if data["body"] == "raise":
        raise ValueError("a sentence for the client")
    if data["body"] == "slow":
        start = time.monotonic()
        ctypes.CDLL(None).usleep(700_000)  # as a computation does, it lets no other request of the worker run
        return {"pid": os.getpid(), "start": start, "end": time.monotonic()}
    if data["body"] == "installed":
        return {"files": [str(file) for file in importlib.metadata.files("model-code")]}
    if data["body"] == "surroundings":
        return {
            "environment": dict(os.environ),
            "interfaces": [name for _, name in socket.if_nameindex()],
            "files": {folder: os.listdir(folder) for folder in ("/opt/ml", "/tmp")},  # noqa: PTH208
            "folder": os.getcwd(),  # noqa: PTH109
            "processes": os.readlink("/proc/self/ns/pid"),  # noqa: PTH115
        }
    return {**data, "model": model}


def output_fn(prediction, accept):
    return json.dumps({**prediction, "accept": accept}), accept
