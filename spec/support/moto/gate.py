"""The front of the sandbox: signatures, then the extension, then moto.

Everything a client sends passes here once; what the extension does not know
goes to moto as it came.
"""
import json
import os
import sys
import time
import traceback
import uuid
from urllib.parse import parse_qsl

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from moto import backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.iam.access_control import IAMRequestBase
from moto.iam.models import get_account_id_from
from moto.moto_server.werkzeug_app import (BackendRequest, DomainDispatcherApplication,
                                           create_backend_app)

import call
import sign

# Where moto is asked to hold requests to IAM policies it would calculate signatures again, and wrongly for some forms:
# they have been checked here, every one of them.
IAMRequestBase.check_signature = lambda self: None

DIRECT = {}                                   # backend name -> its one dispatcher, or None
XML_PROTOCOLS = ("query", "ec2", "rest-xml")
S3_CODES = {"UnrecognizedClientException": "InvalidAccessKeyId",
            "InvalidSignatureException": "RequestTimeTooSkewed"}
QUERY_CODES = {"UnrecognizedClientException": "InvalidClientTokenId",
               "InvalidSignatureException": "SignatureDoesNotMatch"}


class Gate:
    def __init__(self, auth=True):
        self.auth = auth
        self.events = []                      # what LookupEvents finds
        self.app = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        request_id = str(uuid.uuid4())
        try:
            status, headers, body = self.answer(environ, request_id)
        except Exception as bug:              # ours or moto's: told to whoever runs the sandbox
            print(traceback.format_exc(), file=sys.stderr, flush=True)
            status, headers, body = refusal(
                scope_of(environ, form_of(environ))[2], environ, "InternalFailure",
                "the sandbox failed, in its extension or in moto (its log has the traceback):"
                f" {type(bug).__name__}: {bug}", 501)   # 501: to try again would not help
        names = {name.lower() for name, _ in headers}
        if "x-amzn-requestid" not in names:
            headers.append(("x-amzn-requestid", request_id))
        start_response(f"{status} Status", headers)
        return [body]

    def answer(self, environ, request_id):
        path = environ["PATH_INFO"]
        if path.startswith(("/moto-api", "/latest/", "/favicon.ico")):
            if path == "/moto-api/reset":
                call.STATE.clear()
                self.events.clear()
            return self.flask(environ)
        form = form_of(environ)
        access_key, region, service = scope_of(environ, form)
        if self.auth:
            try:
                sign.check(environ["REQUEST_METHOD"], environ["RAW_URI"],
                           environ["tidelock.headers"], form, environ["tidelock.body"])
            except sign.Refused as refused:
                return refusal(service, environ, refused.code, refused.message, 403)
        if access_key and len(access_key) == 12 and access_key.isdigit():
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = access_key
        if service is None:
            return self.flask(environ)
        return self.dispatch(environ, form, access_key, region, service, request_id)

    def dispatch(self, environ, form, access_key, region, service, request_id):
        service = call.MODELS.get(service, service)
        if service == "s3" and environ["PATH_INFO"].startswith("/v20180820/"):
            service = "s3control"
        call.load(service)
        name, labels = call.name_of(service, environ, form)
        account = account_of(environ, access_key)
        if (service, name) in call.OPERATIONS:
            one = call.Call(self.moto, service, name, labels, environ, account, region)
            one.events = self.events
            answer = one.run()
        else:
            answer = self.moto(environ, service, name)
        if name and answer[0] < 300 and not name.startswith(("Get", "List", "Describe", "Lookup")):
            self.remember(service, name, environ, account, region, access_key, request_id)
        return answer

    def remember(self, service, name, environ, account, region, access_key, request_id):
        self.events.append({"service": service, "name": name, "time": time.time(),
                            "account": account, "region": region, "access_key": access_key,
                            "id": request_id, "path": environ["PATH_INFO"], "body": environ["tidelock.body"][:4096],
                            "agent": environ.get("HTTP_USER_AGENT", "")})
        del self.events[:-10000]

    def moto(self, environ, service=None, name=None):
        """moto's own answer; what it can't do is a 501 in the service's own form."""
        try:
            host = service and service not in ONE_CLASS and self.app.infer_service_region_host(
                call.rewound(environ), environ["PATH_INFO"])       # None for a presigned URL: moto then takes S3
            if host and self.app.get_backend_for_host(host) is None:
                raise NotImplementedError(f"moto has no service {service}")
            return self.direct(environ, service) or self.flask(environ)
        except NotImplementedError as missing:
            why = str(missing) or f"{service} {name}"
        except ModuleNotFoundError as absent:
            why = f"its package {absent.name} is not installed"
        return refusal(service, environ, "NotImplemented",
                       f"the sandbox does not know {service} {name or 'operation'}: {why}", 501)

    def direct(self, environ, service):
        """Services of one path and one class need no Flask: two thirds of the time are its."""
        handler = dispatcher(service)
        if handler is None:
            return None
        request = BackendRequest(call.rewound(environ))
        status, headers, body = handler(request, request.raw_url, dict(request.headers))
        if isinstance(body, str):
            body = body.encode()
        return int(status), [(k, str(v)) for k, v in headers.items()], body or b""

    def flask(self, environ):
        got = []
        parts = self.app(call.rewound(environ),
                         lambda status, headers, exc_info=None: got.extend((status, headers)))
        try:
            body = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        return int(got[0].split(" ", 1)[0]), list(got[1]), body


# Whose signing name is a backend's name, whose path is "/" alone, and whose form is plain.
ONE_CLASS = {"sqs", "sns", "iam", "sts", "kms", "ssm", "secretsmanager", "logs", "cloudwatch",
             "events", "ecs", "ec2", "rds", "elasticache", "budgets", "ce", "cloudtrail",
             "dynamodb", "config", "application-autoscaling", "organizations"}


def dispatcher(service):
    if service not in ONE_CLASS:
        return None
    if service not in DIRECT:
        known = backends.get_backend(service)
        inner = known[DEFAULT_ACCOUNT_ID] if isinstance(known, BackendDict) else {}
        backend = inner["us-east-1"] if "us-east-1" in inner else inner["aws"]
        handlers = dict(backend.flask_paths)
        root = handlers.get("/")
        DIRECT[service] = root if getattr(root, "__name__", "") == "dispatch" else None
    return DIRECT[service]


def form_of(environ):
    """Query string and form body as one dict; a body of any other type is left alone."""
    pairs = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        pairs += parse_qsl(environ["tidelock.body"].decode("utf-8", "replace"),
                           keep_blank_values=True)
    return dict(pairs)


def scope_of(environ, form):
    credential = form.get("X-Amz-Credential")
    header = environ.get("HTTP_AUTHORIZATION", "")
    if "Credential=" in header:
        credential = header.split("Credential=", 1)[1].split(",", 1)[0]
    parts = (credential or "").strip().split("/")
    if len(parts) != 5:
        return None, "us-east-1", None
    return parts[0], parts[2], parts[3].lower()


def account_of(environ, access_key):
    return (os.environ.get("MOTO_ACCOUNT_ID") or environ.get("HTTP_X_MOTO_ACCOUNT_ID")
            or (get_account_id_from(access_key) if access_key else DEFAULT_ACCOUNT_ID))


def refusal(service, environ, code, message, status):
    """An error in the form the service's protocol gives it."""
    service = call.MODELS.get(service, service)
    try:
        model = get_service_model(service)
        protocol = str(model.protocol)
    except (UnknownServiceError, OperationNotFoundError, TypeError):
        protocol = "json" if "HTTP_X_AMZ_TARGET" in environ else "query"
        model = None
    if service == "s3":
        code = S3_CODES.get(code, code)
    elif protocol in XML_PROTOCOLS:
        code = QUERY_CODES.get(code, code)
    if model is None or protocol not in XML_PROTOCOLS:
        body = json.dumps({"__type": code, "message": message}).encode()
        return status, [("Content-Type", "application/x-amz-json-1.1"),
                        ("x-amzn-errortype", code)], body
    serializer = get_serializer_class(service, protocol)
    some = model.operation_model(model.operation_names[0])
    out = serializer(operation_model=some).serialize(call.Refusal(code, message))
    headers = [(k, str(v)) for k, v in out["headers"].items()]
    body = out["body"]
    return status, headers, body.encode() if isinstance(body, str) else body
