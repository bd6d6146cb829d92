"""One AWS call as its operation and its parameters, and the way back to bytes.

An extension is a function of a Call that returns the operation's output as a
dict, or raises Refusal. `call.moto()` is moto's own answer, decoded, for those
that only amend it; where moto refuses, its refusal goes out untouched.

    @operation("kms", "EnableKeyRotation")
    def enable_key_rotation(call): ...
"""
import importlib
import importlib.util
import io
import pathlib
import threading

from botocore import parsers
from moto import backends
from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import NotFound, get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

import shapes

OPERATIONS = {}                               # (service, operation name) -> function
REST = set()                                  # services whose requests need the router
# Signing names that are not the model's own.
MODELS = {"monitoring": "cloudwatch", "elasticloadbalancing": "elbv2", "states": "stepfunctions",
          "email": "ses", "tagging": "resourcegroupstaggingapi", "access-analyzer": "accessanalyzer"}
# Services whose extension is not in the file of their name.
FILES = {"support": "advice", "trustedadvisor": "advice", "compute-optimizer": "advice",
         "cost-optimization-hub": "advice", "health": "advice", "lambda": "lambda_"}
LOADED, LOADING = set(), threading.RLock()
# What a service calls a parameter that its model refuses.
INVALID = {"budgets": "InvalidParameterException", "logs": "InvalidParameterException",
           "elasticache": "InvalidParameterValue", "rds": "InvalidParameterValue",
           "sns": "InvalidParameter", "sqs": "InvalidParameterValue"}
STATE = {}                                    # (account, region, service) -> the extension's own


class Refusal(ServiceException):
    """An error as the service answers it; more members by keyword."""

    def __init__(self, code, message, **members):
        super().__init__(code, message)
        self.code, self.message = code, message
        for name, value in members.items():
            setattr(self, name, value)


class Passed(Exception):
    """moto's own refusal: sent on as it is."""

    def __init__(self, status, headers, body):
        super().__init__(status)
        self.answer = status, headers, body


class Unfit(Exception):
    """An answer of the extension that the service's model does not allow."""


def operation(service, *names):
    """Registers a function for operations of a service that the model must have."""
    def register(function):
        model = get_service_model(service)
        for name in names:
            if name not in model.operation_names:
                raise Unfit(f"{service} has no operation {name}")
            OPERATIONS[service, name] = function
        if str(model.protocol).startswith("rest"):
            REST.add(service)
        return function
    return register


def load(service):
    """Imports the extension of a service at its first call: starting up must stay fast."""
    if service in LOADED:
        return
    with LOADING:
        if service not in LOADED:
            name = "services." + FILES.get(service, service.replace("-", "_"))
            if "." not in service and importlib.util.find_spec(name) is not None:
                importlib.import_module(name)
            LOADED.add(service)


def load_all():
    folder = pathlib.Path(__file__).with_name("services")
    for path in sorted(folder.glob("[a-z]*.py")):
        importlib.import_module("services." + path.stem)


def name_of(service, environ, form):
    """The operation of a request and its path labels, or None where it can't be told."""
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return target.rpartition(".")[2], {}
    action = form.get("Action")
    if action:
        return action, {}
    if service not in REST:
        return None, {}
    try:
        found, labels = get_service_router(service).match(Request(rewound(environ)))
        return found.name, labels
    except (NotFound, NotImplementedError):
        return None, {}


def rewound(environ):
    """The same request, its body unread: who reads it next finds it whole."""
    return dict(environ, **{"wsgi.input": io.BytesIO(environ["tidelock.body"])})


class Call:
    def __init__(self, moto, service, name, labels, environ, account, region):
        self._moto, self._environ = moto, environ
        self.service, self.name = service, name
        self.account, self.region = account, region
        self._service_model = get_service_model(service)
        self.model = self._service_model.operation_model(name)
        self._protocol = determine_request_protocol(self._service_model,
                                                    environ.get("CONTENT_TYPE", ""))
        self.params = self._parse(labels)

    def _parse(self, labels):
        request = Request(rewound(self._environ))
        parser = PROTOCOL_PARSERS[self._protocol](self.model, map_type=dict)
        return parser.parse({"method": request.method, "values": request.values,
                             "headers": request.headers, "body": self._environ["tidelock.body"],
                             "url_path": request.path, "url_params": labels}) or {}

    @property
    def state(self):
        """The extension's memory of this account, region and service; a dict."""
        return STATE.setdefault((self.account, self.region, self.service), {})

    def other(self, service):
        return STATE.setdefault((self.account, self.region, service), {})

    def backend(self, service=None):
        known = backends.get_backend(service or self.service)[self.account]
        return known[self.region] if self.region in known else known["aws"]

    def arn(self, rest, service=None):
        return f"arn:aws:{service or self.service}:{self.region}:{self.account}:{rest}"

    def refuse_bad_input(self):
        faults = shapes.faults_of_input(self.model, self.params)
        if faults:
            code = INVALID.get(self.service, "ValidationException")
            count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
            raise Refusal(code, count + "; ".join(faults))

    def raw(self):
        """moto's answer as it is: status, headers, body."""
        return self._moto(rewound(self._environ))

    def moto(self):
        status, headers, body = self.raw()
        if status >= 300:
            raise Passed(status, headers, body)
        if self.model.output_shape is None:
            return {}
        parser = parsers.create_parser(self._protocol)
        lower = {name.lower(): value for name, value in headers}
        answer = parser.parse({"status_code": status, "headers": lower, "body": body},
                              self.model.output_shape)
        answer.pop("ResponseMetadata", None)
        return answer

    def run(self):
        """Status, headers and body."""
        function = OPERATIONS[self.service, self.name]
        try:
            self.refuse_bad_input()
            answer = function(self)
            faults = shapes.faults_of_output(self.model, answer or {})
        except Refusal as refusal:
            answer = refusal
            fault = shapes.fault_of_error(self.model, refusal.code)
            faults = [fault] if fault else []
        except Passed as passed:
            return passed.answer
        if faults:
            raise Unfit(f"the extension's answer to {self.service} {self.name} does not fit the"
                        f" service's model: {'; '.join(faults)}")
        return self.serialize(answer or {})

    def serialize(self, answer):
        serializer = get_serializer_class(self.service, self._protocol)
        out = serializer(operation_model=self.model).serialize(answer)
        body = out["body"]
        headers = [(name, str(value)) for name, value in out["headers"].items()]
        return out["status_code"], headers, body.encode() if isinstance(body, str) else body
