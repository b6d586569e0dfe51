"""A server with price lists in AWS's form, on this machine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def make_offer(prices: dict[str, str], published: str = "2026-11-30T02:56:06Z") -> dict[str, Any]:
    """Make an offer file: a product and a term of on-demand prices for each usage type.

    The form is that of "Reading the service price list files" in the AWS Billing user guide.
    """
    products, terms = {}, {}
    for number, (usage, price) in enumerate(prices.items()):
        sku = f"SKU{number:05d}"
        offer, rate = f"{sku}.JRTCKXETXF", f"{sku}.JRTCKXETXF.6YS6EN2CT7"
        family = "ML Serverless" if "Serverless" in usage else "ML Instance"
        products[sku] = {
            "sku": sku,
            "productFamily": family,
            "attributes": {"servicecode": "AmazonSageMaker", "usagetype": usage, "regionCode": "eu-west-1"},
        }
        dimension = {
            "rateCode": rate,
            "unit": "Seconds" if "Serverless" in usage else "Hrs",
            "beginRange": "0",
            "endRange": "Inf",
            "pricePerUnit": {"USD": price},
            "appliesTo": [],
        }
        terms[sku] = {
            offer: {"offerTermCode": "JRTCKXETXF", "sku": sku, "priceDimensions": {rate: dimension}}
        }
    return {
        "formatVersion": "v1.0",
        "offerCode": "AmazonSageMaker",
        "version": "20261130025606",
        "publicationDate": published,
        "products": products,
        "terms": {"OnDemand": terms},
    }


@contextmanager
def serve_prices(answers: dict[str, tuple[int, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """Serve bodies by path; all others are forbidden, as on AWS. The body of a 302 is where it sends to.

    Gives the address, and the paths that were asked for.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = answers.get(self.path, (403, b"<Error/>"))
            self.send_response(status)
            if status == HTTPStatus.FOUND:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(offer: dict[str, Any]) -> tuple[int, bytes]:
    """An answer with an offer file."""
    return 200, json.dumps(offer).encode()
