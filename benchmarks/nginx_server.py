"""nginx in the place of the local S3, for the few requests of one client: the limit of any server.

It looks at no signature, computes no checksum and keeps no metadata. A part of a multipart upload is a file
of its own; the upload itself is answered with a fixed text, which says nothing of the parts. It answers HEAD,
GET with ranges, PUT, multipart uploads, and listings of the one folder `data/` as it was when it was shared.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

_SETTINGS = """
daemon off;
{user}
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    default_type application/octet-stream;
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 1000000;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/unused-proxy;
    fastcgi_temp_path {folder}/unused-fastcgi;
    uwsgi_temp_path {folder}/unused-uwsgi;
    scgi_temp_path {folder}/unused-scgi;
    map $request_method $etag_of_part {{ PUT '"0"'; default $sent_http_etag; }}
    map $arg_prefix $listing {{ default nothing; ~*^data(%2F|/)$ data; }}
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        location / {{
            if ($request_method = POST) {{
                add_header Content-Type application/xml;
                return 200 '<Answer xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><UploadId>1</UploadId></Answer>';
            }}
            if ($args ~ list-type=2) {{ rewrite ^ /$listing.xml break; }}
            if (-d $request_filename) {{ return 404; }}
            if ($arg_partNumber) {{ rewrite ^(.*)$ $1.$arg_partNumber break; }}
            add_header ETag $etag_of_part;
            dav_methods PUT;
            create_full_put_path on;
        }}
    }}
}}
"""
_LISTING = """<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>
<KeyCount>{count}</KeyCount><MaxKeys>1000</MaxKeys>{entries}</ListBucketResult>"""
_ENTRY = """<Contents><Key>data/{name}</Key><Size>{size}</Size><ETag>"{etag}"</ETag>
<LastModified>2026-01-01T00:00:00.000Z</LastModified><StorageClass>STANDARD</StorageClass></Contents>"""
_WAIT = 10


class Nginx:
    """A running nginx.

    Attributes:
        url: Where it listens.
        files: The folder that it serves: a folder for each bucket.
        pid: Its main process.
    """

    def __init__(self, url: str, files: Path, pid: int) -> None:
        self.url = url
        self.files = files
        self.pid = pid

    def share(self, folder: Path, bucket: str) -> None:
        """Serve the files of a folder as those of `data/` in a bucket, without copying them."""
        shared = self.files / bucket / "data"
        shared.mkdir(parents=True)
        listed = []
        for path in sorted(folder.iterdir()):
            (shared / path.name).hardlink_to(path)
            found = path.stat()
            etag = f"{int(found.st_mtime):x}-{found.st_size:x}"  # as nginx makes it
            listed.append(_ENTRY.format(name=path.name, size=found.st_size, etag=etag))
        (self.files / "data.xml").write_text(_LISTING.format(count=len(listed), entries="".join(listed)))
        (self.files / "nothing.xml").write_text(_LISTING.format(count=0, entries=""))

    def client(self) -> Any:
        """Make a client of S3 that asks it."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(signature_version="s3v4", s3={"payload_signing_enabled": False}),
        )


@contextmanager
def serve_by_nginx(folder: Path) -> Iterator[Nginx | None]:
    """Run nginx within a folder; None if it is not installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    if program is None:
        print("nginx is not installed: there is no limit to compare with", file=sys.stderr)
        yield None
        return
    files = folder / "files"
    files.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "nginx.conf"
    settings.write_text(_SETTINGS.format(folder=folder, port=port, user=_name_user()))
    process = subprocess.Popen([program, "-e", str(folder / "error.log"), "-c", str(settings)])
    try:
        _wait_for(port)
        yield Nginx(f"http://127.0.0.1:{port}", files, process.pid)
    finally:
        process.terminate()
        process.wait()


def _name_user() -> str:
    """Let workers be who started it: those of root would be another user, who may not write here."""
    return "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _WAIT
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if not tried.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.02)
    sys.exit("nginx did not start.")
