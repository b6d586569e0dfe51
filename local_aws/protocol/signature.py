"""Verification of AWS's signature version 4, by botocore's own signer, in the headers or in the query.

The signer signs the request again as the client says that it did; the two signatures must be the same. For
requests in which nothing has more than one form, that is a few lines here.
Digests of payloads and signatures of chunks are taken from the headers and not computed again, so that bodies
stream.
"""

import hmac
import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import EMPTY_SHA256_HASH, SIGV4_TIMESTAMP, UNSIGNED_PAYLOAD, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials as BotocoreCredentials

from local_aws.control.credentials import Credentials

S3_SERVICES = frozenset({"s3", "s3-object-lambda", "s3-outposts", "s3express"})
"""Signing names whose paths are signed as they are, and whose payloads have their digest in a header."""

_ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(rf"{_ALGORITHM}\s+(.*)", re.DOTALL)
_USUAL = re.compile(rf"({_ALGORITHM} Credential=[^,\s]+, SignedHeaders=[^,\s]+), Signature=([0-9a-f]{{64}})")
_SIGNATURE = re.compile(r"(?<=[?&])X-Amz-Signature=[^&]*&?")
_DIGEST = "X-Amz-Content-SHA256"
_PLAIN_METHOD = re.compile("[A-Z]+")
_PLAIN_SCOPE = re.compile("[a-z0-9-]+/[a-z0-9-]+")
_PLAIN_TARGET = re.compile(r"/|(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_PLAIN_VALUE = re.compile("[!-~]+( [!-~]+)*")
_TIMESTAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_SKEW = timedelta(minutes=15)
_LONGEST_EXPIRY = 7 * 24 * 3600

# It would write each string to sign to the log of the server.
logging.getLogger("botocore.auth").setLevel(logging.INFO)


class Head(NamedTuple):
    """A request as it came in, without its body.

    Attributes:
        method: Such as ``GET``.
        target: The path and query, as the client wrote them.
        headers: All headers.
    """

    method: str
    target: str
    headers: Message


class Refused(Exception):
    """A request that is not let in.

    Attributes:
        reason: A key of the error codes in `local_aws.protocol.refusal`.
        message: What the caller is told.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Claim(NamedTuple):
    """What a request says about its signature.

    Attributes:
        access_key_id: Whose it is.
        date: Of the scope, as ``20260101``.
        region: Of the scope.
        service: Of the scope.
        signed: The names of the signed headers, in lower case.
        signature: The signature.
        timestamp: When it was signed, in AWS's form.
        expires: For how many seconds it is valid; None if it is in the headers.
    """

    access_key_id: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str
    timestamp: str
    expires: int | None = None

    @property
    def of_s3(self) -> bool:
        """Whether S3's rules of signing apply."""
        return self.service in S3_SERVICES


class Verifier:
    """Verifies signatures that were made with the credentials of this local AWS.

    Args:
        credentials: The credentials.
        clock: Reads the time.
    """

    def __init__(self, credentials: Credentials, clock: Callable[[], float] = time.time) -> None:
        self._credentials = credentials
        self._clock = clock

    def renew(self, credentials: Credentials) -> None:
        """Refuse the credentials from now on, and accept others."""
        self._credentials = credentials

    def read_claim(self, head: Head) -> Claim:
        """Read and check what can be checked without the body: form, access key, time and signed headers.

        Raises:
            Refused: If the request cannot be a rightful one.
        """
        claim = _parse_claim(head)
        if not hmac.compare_digest(claim.access_key_id.encode(), self._credentials.access_key_id.encode()):
            raise Refused(
                "unknown key",
                "The AWS Access Key Id you provided does not exist in our records. This local AWS has "
                "credentials of its own: local-aws env",
            )
        self._check_time(claim)
        _check_signed_headers(claim, head)
        return claim

    def verify(self, claim: Claim, head: Head, body: bytes | None) -> None:
        """Verify the signature of a claim that `read_claim` has returned.

        Args:
            claim: The claim.
            head: The request that it is about.
            body: The body; None if it was not read because the headers have its digest, as on S3.

        Raises:
            Refused: If the signature is not that of the request.
        """
        if body is not None and self._is_plainly_signed(claim, head, body):
            return
        signer = (_S3Signer if claim.of_s3 else _Signer)(self._credentials, claim)
        if not hmac.compare_digest(signer.sign_again(head, body).encode(), claim.signature.encode()):
            raise Refused(
                "mismatch",
                "The request signature we calculated does not match the signature you provided. Check your "
                "key and signing method. This local AWS has credentials of its own: local-aws env",
            )

    def _is_plainly_signed(self, claim: Claim, head: Head, body: bytes) -> bool:
        """Tell whether a request is of a plain form, and signed. It need not be, if this says no."""
        to_sign = write_plainly(claim, head, body)
        if to_sign is None:
            return False
        secret = self._credentials.secret_access_key
        key = _derive_key(secret, claim.date, claim.region, claim.service)
        made = hmac.digest(key, to_sign.encode("ascii"), "sha256").hex()
        return hmac.compare_digest(made.encode(), claim.signature.encode())

    def _check_time(self, claim: Claim) -> None:
        signed_at = _parse_time(claim.timestamp)
        now = datetime.fromtimestamp(self._clock(), timezone.utc)
        if claim.timestamp[:8] != claim.date:
            raise Refused("malformed", "Invalid credential date: it is not that of the request.")
        if claim.expires is None:
            if abs(now - signed_at) > _SKEW:
                raise Refused("skewed", _explain_skew(claim, signed_at, now))
        elif signed_at - now > _SKEW:
            raise Refused("expired", "Request is not valid yet")
        elif now > signed_at + timedelta(seconds=claim.expires):
            raise Refused("expired", "Request has expired")


def _explain_skew(claim: Claim, signed_at: datetime, now: datetime) -> str:
    """Say in AWS's words that one of the two clocks is wrong; S3 has words of its own."""
    if claim.of_s3:
        return "The difference between the request time and the current time is too large."
    is_late = signed_at < now
    limit = (now - _SKEW if is_late else now + _SKEW).strftime(SIGV4_TIMESTAMP)
    what, sign = ("expired", "-") if is_late else ("not yet current", "+")
    how = "is now earlier than" if is_late else "is still later than"
    at = now.strftime(SIGV4_TIMESTAMP)
    return f"Signature {what}: {claim.timestamp} {how} {limit} ({at} {sign} 15 min.)"


def write_plainly(claim: Claim, head: Head, body: bytes) -> str | None:
    """Write what is signed of a request in which nothing has more than one form; None for any other request.

    That is most requests of the SDKs, and botocore takes several times as long for them.
    """
    is_plain = (
        claim.expires is None
        and _is_plain_scope(claim.region, claim.service, claim.signed)
        and _PLAIN_METHOD.fullmatch(head.method)
        and _PLAIN_TARGET.fullmatch(head.target)
        and _DIGEST not in head.headers
    )
    if not is_plain:
        return None
    headers: dict[str, str] = {}
    for name, value in head.headers.items():
        lowered = name.lower()
        if lowered in headers or (lowered in claim.signed and not _PLAIN_VALUE.fullmatch(value)):
            return None
        headers[lowered] = value
    signed = "".join(f"{name}:{headers[name]}\n" for name in claim.signed)
    names, digest = ";".join(claim.signed), sha256(body).hexdigest()
    canonical = f"{head.method}\n{head.target}\n\n{signed}\n{names}\n{digest}"
    scope = f"{claim.date}/{claim.region}/{claim.service}/aws4_request"
    return f"{_ALGORITHM}\n{claim.timestamp}\n{scope}\n{sha256(canonical.encode('ascii')).hexdigest()}"


@lru_cache(maxsize=64)
def _is_plain_scope(region: str, service: str, signed: tuple[str, ...]) -> bool:
    is_sorted = list(signed) == sorted(set(signed))
    return service not in S3_SERVICES and is_sorted and bool(_PLAIN_SCOPE.fullmatch(f"{region}/{service}"))


class _AgainMixin:
    """Makes a signer of botocore's sign as a claim says: its headers, its time, its digest of the body."""

    def __init__(self, credentials: Credentials, claim: Claim) -> None:
        known = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key)
        super().__init__(known, claim.service, claim.region)  # type: ignore[call-arg]
        self._claim = claim

    def sign_again(self, head: Head, body: bytes | None) -> str:
        """Sign a request that was signed before."""
        presigned = self._claim.expires is not None
        target = _SIGNATURE.sub("", head.target).rstrip("&") if presigned else head.target
        request = AWSRequest(method=head.method, url=f"http://{head.headers['Host']}{target}")
        request.headers = _copy_headers(head.headers)
        request.context["timestamp"] = self._claim.timestamp
        digest = _find_digest(head, presigned=presigned, of_s3=self._claim.of_s3)
        if digest is None or (body is not None and digest != UNSIGNED_PAYLOAD):
            digest = sha256(body).hexdigest() if body else EMPTY_SHA256_HASH
        request.headers[_DIGEST] = digest
        signer: Any = self
        to_sign = signer.string_to_sign(request, signer.canonical_request(request))
        return str(signer.signature(to_sign, request))

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        """Give those that the client has signed, in place of those that botocore would sign."""
        chosen = HTTPHeaders()
        for name, value in request.headers.items():
            if name.lower() in self._claim.signed:
                chosen[name.lower()] = value
        return chosen

    def signature(self, string_to_sign: str, request: AWSRequest) -> str:
        """Sign, with a key that is kept for the day."""
        del request
        claim, secret = self._claim, self.credentials.secret_key  # type: ignore[attr-defined]
        key = _derive_key(secret, claim.date, claim.region, claim.service)
        return hmac.new(key, string_to_sign.encode("utf-8"), sha256).hexdigest()


class _Signer(_AgainMixin, SigV4Auth):
    pass


class _S3Signer(_AgainMixin, S3SigV4Auth):
    pass


@lru_cache(maxsize=64)
def _derive_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode("utf-8"), sha256).digest()
    return key


def _copy_headers(headers: Message) -> HTTPHeaders:
    copied = HTTPHeaders()
    for name, value in headers.items():
        if name.lower() != _DIGEST.lower():
            copied[name] = _decode(value)
    return copied


def _decode(value: str) -> str:
    """Decode a header that is UTF-8; http.client has decoded each as Latin-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _find_digest(head: Head, *, presigned: bool, of_s3: bool) -> str | None:
    """Find what stands for the payload in the signed text; None if it is the digest of the body."""
    stated = head.headers.get(_DIGEST)
    if stated is None and of_s3:
        if not presigned:
            raise Refused("malformed", "Missing required header for this request: x-amz-content-sha256")
        return UNSIGNED_PAYLOAD
    return str(stated) if stated is not None else None


def _parse_claim(head: Head) -> Claim:
    stated = head.headers.get_all("Authorization") or []
    query: dict[str, str] = {}
    if "?" in head.target:
        query = dict(parse_qsl(urlsplit(head.target).query, keep_blank_values=True))
    if len(stated) == 1 and "X-Amz-Signature" not in query:
        if (usual := _USUAL.fullmatch(str(stated[0]))) is not None:
            return _parse_stated(usual[1])._replace(signature=usual[2], timestamp=_find_time(head.headers))
        found = _HEADER.fullmatch(str(stated[0]))
        if found is None:
            raise Refused("unsupported", _UNSUPPORTED)
        parts = dict(part.strip().partition("=")[::2] for part in found.group(1).split(","))
        return _make_claim(parts, _find_time(head.headers))
    if not stated and query.get("X-Amz-Algorithm") == _ALGORITHM:
        parts = {name.removeprefix("X-Amz-"): value for name, value in query.items()}
        return _make_claim(parts, parts.get("Date", ""), _parse_expiry(parts.get("Expires", "")))
    if stated or {"Signature", "X-Amz-Signature"} & query.keys():
        raise Refused("unsupported", _UNSUPPORTED)
    raise Refused("missing", "Access Denied. The request has no signature.")


_UNSUPPORTED = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256; for "
    "presigned URLs of boto3: Config(signature_version='s3v4')."
)


@lru_cache(maxsize=64)
def _parse_stated(stated: str) -> Claim:
    """Parse what a client states in each of its requests to a service, all but time and signature."""
    parts = dict(part.strip().partition("=")[::2] for part in stated.partition(" ")[2].split(","))
    return _make_claim({**parts, "Signature": ""}, "")


def _make_claim(parts: Mapping[str, str], timestamp: str, expires: int | None = None) -> Claim:
    try:
        scope = parts["Credential"].split("/")
        key, (date, region, service, end) = "/".join(scope[:-4]), scope[-4:]
        signed = tuple(parts["SignedHeaders"].lower().split(";"))
        signature = parts["Signature"]
    except (KeyError, ValueError):
        message = "The authorization lacks Credential, SignedHeaders or Signature."
        raise Refused("malformed", message) from None
    if end != "aws4_request":
        raise Refused("malformed", "The credential scope does not end with aws4_request.")
    return Claim(key, date, region, service.lower(), signed, signature, timestamp, expires)


def _find_time(headers: Message) -> str:
    """Find when a request was signed, in AWS's form; the header Date may be in HTTP's."""
    stated = str(headers.get("X-Amz-Date") or headers.get("Date") or "")
    if "," in stated:
        try:
            return parsedate_to_datetime(stated).astimezone(timezone.utc).strftime(SIGV4_TIMESTAMP)
        except ValueError:
            return ""
    return stated


@lru_cache(maxsize=64)
def _parse_time(timestamp: str) -> datetime:
    try:
        if (found := _TIMESTAMP.fullmatch(timestamp)) is None:
            raise ValueError(timestamp)
        year, month, day, hour, minute, second = map(int, found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        raise Refused("malformed", "AWS authentication requires a valid Date or x-amz-date header") from None


def _parse_expiry(seconds: str) -> int:
    if re.fullmatch(r"\d{1,6}", seconds, re.ASCII) is None or not 1 <= int(seconds) <= _LONGEST_EXPIRY:
        raise Refused("malformed", "X-Amz-Expires must be between 1 and 604800 seconds")
    return int(seconds)


def _check_signed_headers(claim: Claim, head: Head) -> None:
    present = {name.lower() for name in head.headers}
    signed = set(claim.signed)
    left_out = {name for name in present - signed if name.startswith("x-amz-")}
    if "host" not in signed or left_out:
        names = ", ".join(sorted(left_out or {"host"}))
        raise Refused("unsigned", f"There were headers present in the request which were not signed: {names}")
    if signed - present:
        raise Refused("malformed", "SignedHeaders names a header that the request does not have.")
