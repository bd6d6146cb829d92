"""iam: what a role may do, by its own policies; AWS's own policies; what people do that no API does."""
import datetime
import fnmatch
import functools
import json
from urllib.parse import unquote

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import SERVICE_NAME_CONVERSION, AWSManagedPolicy

from call import Refusal, operation
from moto import backends


def principal(call):
    arn = call.params["PolicySourceArn"]
    backend = call.backend()
    kind, _, name = arn.rpartition(":")[2].partition("/")
    name = name.rpartition("/")[2]
    known = {"role": backend.roles.values(), "user": backend.users.values()}.get(kind, ())
    for one in known:
        if one.name == name:
            return one
    raise Refusal("NoSuchEntity", f"The entity {arn} does not exist")


def documents(one):
    own = one.policies if isinstance(one.policies, dict) else {}
    for text in own.values():
        yield text.get("policy_document") if isinstance(text, dict) else text
    for managed in one.managed_policies.values():
        yield managed.document


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(call, one):
    for text in [*documents(one), *call.params.get("PolicyInputList", [])]:
        document = json.loads(text if text.lstrip().startswith("{") else unquote(text))
        yield from listed(document.get("Statement", []))


def applies(statement, action, resource):
    acts = any(fnmatch.fnmatch(action.lower(), a.lower()) for a in listed(statement.get("Action", [])))
    if "NotAction" in statement:
        acts = not any(fnmatch.fnmatch(action.lower(), a.lower()) for a in listed(statement["NotAction"]))
    on = any(resource == "*" and r == "*" or fnmatch.fnmatch(resource, r)
             for r in listed(statement.get("Resource", "*")))
    return acts and on


@operation("iam", "SimulatePrincipalPolicy")
def simulate_principal_policy(call):
    """Conditions are not read: a statement with one counts as not given."""
    rules = [s for s in statements(call, principal(call)) if not s.get("Condition")]
    out = []
    for action in call.params["ActionNames"]:
        for resource in call.params.get("ResourceArns") or ["*"]:
            effects = {s["Effect"] for s in rules if applies(s, action, resource)}
            verdict = "explicitDeny" if "Deny" in effects else "allowed" if effects else "implicitDeny"
            out.append({"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": verdict,
                        "MatchedStatements": [], "MissingContextValues": []})
    return {"IsTruncated": False, "EvaluationResults": out}


# --- The roles of services: what IAM calls them; moto joins the name itself, and makes one twice

LINKED = {"config.amazonaws.com": "Config", "config-conforms.amazonaws.com": "ConfigConforms",
          "guardduty.amazonaws.com": "AmazonGuardDuty", "securityhub.amazonaws.com": "SecurityHub",
          "access-analyzer.amazonaws.com": "AccessAnalyzer", "ecs.amazonaws.com": "ECS"}


@operation("iam", "CreateServiceLinkedRole")
def create_service_linked_role(call):
    service = call.params["AWSServiceName"]
    known = SERVICE_NAME_CONVERSION.get(service.partition(".")[0])
    if service in LINKED:
        SERVICE_NAME_CONVERSION[service.partition(".")[0]] = known = LINKED[service]
    if known and f"AWSServiceRoleFor{known}" in [r.name for r in call.backend().roles.values()]:
        raise Refusal("InvalidInput", f"Service role name AWSServiceRoleFor{known} has been taken in this account,"
                      " please try a different suffix.")
    return call.moto()


ROOT = {"user": "<root_account>", "user_creation_time": "2020-01-01T00:00:00+00:00",
        "password_enabled": "not_supported", "password_last_changed": "not_supported",
        "password_next_rotation": "not_supported", "password_last_used": "no_information",
        "mfa_active": "false", "access_key_1_active": "false", "access_key_2_active": "false",
        "cert_1_active": "false", "cert_2_active": "false"}


@operation("iam", "GetCredentialReport")
def get_credential_report(call):
    """moto leaves the account's root out."""
    answer = call.moto()
    head, *rows = answer["Content"].decode().strip().split("\n")
    known = {**ROOT, "arn": f"arn:aws:iam::{call.account}:root"}
    root = ",".join(known.get(column, "N/A") for column in head.split(","))
    answer["Content"] = "\n".join([head, root, *rows]).encode()
    return answer


# --- AWS's own policies: those that somebody asks for, out of moto's data, which it leaves out by default

@functools.cache
def managed():
    return {f"arn:aws:iam::aws:policy{data['Path']}{name}": (name, data)
            for name, data in json.loads(aws_managed_policies_data).items()}


def bring(call):
    arn, backend = call.params["PolicyArn"], call.backend()
    if arn.startswith("arn:aws:iam::aws:policy/") and arn not in backend.managed_policies and arn in managed():
        name, data = managed()[arn]
        backend.managed_policies[arn] = AWSManagedPolicy.from_data(name, call.account, "us-east-1", data)
    return call.moto()


for name in ("AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy", "GetPolicy", "GetPolicyVersion"):
    operation("iam", name)(bring)


# --- what no API does, and what takes months: the JSON in the SSM parameter /sandbox/people of the account (us-east-1)
#   {"root_mfa": true}              the root has registered a second factor, at the console
#   {"root_keys": 1}                the root has made itself a key there
#   {"key_days": {USER: 120}}       how old the keys of a user are

def said(call):
    found = backends.get_backend("ssm")[call.account]["us-east-1"].get_parameter("/sandbox/people")
    return json.loads(found.value) if found else {}


@operation("iam", "GetAccountSummary")
def get_account_summary(call):
    answer, people = call.moto(), said(call)
    answer["SummaryMap"]["AccountMFAEnabled"] = int(people.get("root_mfa", False))
    answer["SummaryMap"]["AccountAccessKeysPresent"] = people.get("root_keys", 0)
    return answer


@operation("iam", "ListAccessKeys")
def list_access_keys(call):
    answer = call.moto()
    days = said(call).get("key_days", {}).get(call.params.get("UserName"), 0)
    for key in answer["AccessKeyMetadata"] if days else []:
        key["CreateDate"] -= datetime.timedelta(days=days)
    return answer
