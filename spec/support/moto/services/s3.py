"""s3: sub-resources that moto takes for CreateBucket, conditions it does not read, blocked policies."""
import json

from moto.s3.models import OWNER, FakeBucket

from call import Passed, Refusal, operation


def bucket(call):
    name = call.params["Bucket"]
    found = call.backend().buckets.get(name)
    if found is None:
        raise Refusal("NoSuchBucket", "The specified bucket does not exist", BucketName=name)
    return call.state.setdefault(name, {})


@operation("s3", "DeleteBucket")
def delete_bucket(call):
    answer = call.moto()
    call.state.pop(call.params["Bucket"], None)
    return answer


def kept_by_id(put, get, many, delete, member, listed):
    """A configuration of which a bucket has several, each with an id."""

    @operation("s3", put)
    def put_one(call):
        new = call.params[member]
        if new["Id"] != call.params["Id"]:
            raise Refusal("InvalidArgument", "The Id in the request and in the configuration differ")
        bucket(call).setdefault(member, {})[new["Id"]] = new
        return {}

    @operation("s3", get)
    def get_one(call):
        found = bucket(call).get(member, {}).get(call.params["Id"])
        if found is None:
            raise Refusal("NoSuchConfiguration", "The specified configuration does not exist.")
        return {member: found}

    @operation("s3", many)
    def list_all(call):
        return {listed: list(bucket(call).get(member, {}).values()), "IsTruncated": False}

    @operation("s3", delete)
    def delete_one(call):
        if bucket(call).get(member, {}).pop(call.params["Id"], None) is None:
            raise Refusal("NoSuchConfiguration", "The specified configuration does not exist.")
        return {}


for _kind in ("IntelligentTiering", "Metrics", "Analytics"):
    kept_by_id(f"PutBucket{_kind}Configuration", f"GetBucket{_kind}Configuration",
               f"ListBucket{_kind}Configurations", f"DeleteBucket{_kind}Configuration",
               f"{_kind}Configuration", f"{_kind}ConfigurationList")


@operation("s3", "PutBucketRequestPayment")
def put_request_payment(call):
    bucket(call)["payer"] = call.params["RequestPaymentConfiguration"]["Payer"]
    return {}


@operation("s3", "GetBucketRequestPayment")
def get_request_payment(call):
    return {"Payer": bucket(call).get("payer", "BucketOwner")}


@operation("s3", "GetBucketEncryption")
def get_bucket_encryption(call):
    """Since 2023 no bucket is without: AES256 is what nobody asked for."""
    bucket(call)
    try:
        return call.moto()
    except Passed as passed:
        if b"ServerSideEncryptionConfigurationNotFoundError" not in passed.answer[2]:
            raise
    return {"ServerSideEncryptionConfiguration": {"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}}


def is_public(policy):
    for statement in policy.get("Statement", []):
        principal = statement.get("Principal")
        everyone = principal == "*" or (isinstance(principal, dict) and "*" in (
            principal.get("AWS") if isinstance(principal.get("AWS"), list) else [principal.get("AWS")]))
        if statement.get("Effect") == "Allow" and everyone and not statement.get("Condition"):
            return True
    return False


@operation("s3", "PutBucketPolicy")
def put_bucket_policy(call):
    try:
        policy = json.loads(call.params["Policy"])
    except ValueError:
        raise Refusal("MalformedPolicy", "This policy contains invalid Json") from None
    found = call.backend().buckets.get(call.params["Bucket"])
    block = getattr(found, "public_access_block", None)
    if block is not None and str(block.block_public_policy).lower() == "true" and is_public(policy):
        raise Refusal("AccessDenied", "Access Denied: the policy is public, and BlockPublicPolicy is on")
    return call.moto()


def without_conditions(document):
    """What binds here and now: a statement with a condition is read as one that does not apply.

    moto reads no condition, so a Deny-unless-TLS would lock every object of the bucket.
    """
    policy = json.loads(document)
    statements = policy.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    policy["Statement"] = [s for s in statements if not s.get("Condition")]
    return policy


def get_permission(self, action, resource):
    from moto.iam.access_control import IAMPolicy, PermissionResult
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = without_conditions(self.policy.decode())
    if not policy["Statement"]:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


FakeBucket.get_permission = get_permission


def refuse_denied(call):
    """A bucket's policy may deny what concerns its own settings; moto asks it for objects only."""
    from moto.iam.access_control import PermissionResult
    name = call.params["Bucket"]
    found = call.backend().buckets.get(name)
    if found is not None and found.policy is not None:
        if found.get_permission(f"s3:{call.name}", f"arn:aws:s3:::{name}") == PermissionResult.DENIED:
            raise Refusal("AccessDenied", f"User: arn:aws:iam::{call.account}:root is not authorized to perform:"
                          f" s3:{call.name} on resource: \"arn:aws:s3:::{name}\" with an explicit deny in a"
                          " resource-based policy")
    return found


@operation("s3", "GetBucketPolicy", "GetBucketAcl")
def if_not_denied(call):
    refuse_denied(call)
    return call.moto()


# Its answer has the place as the body's root, which no model says: it goes out as moto wrote it.
@operation("s3", "GetBucketLocation")
def get_bucket_location(call):
    refuse_denied(call)
    raise Passed(*call.raw())


@operation("s3", "PutBucketAcl")
def put_bucket_acl(call):
    found = call.backend().buckets.get(call.params["Bucket"])
    private = call.params.get("ACL") in ("private", "bucket-owner-full-control")
    if found is not None and "BucketOwnerEnforced" in str(found.ownership_rule) and not private:
        raise Refusal("AccessControlListNotSupported", "The bucket does not allow ACLs")
    return call.moto()


@operation("s3", "PutBucketOwnershipControls")
def put_bucket_ownership_controls(call):
    found = refuse_denied(call)
    wanted = call.params["OwnershipControls"]["Rules"][0]["ObjectOwnership"]
    if found is not None and wanted == "BucketOwnerEnforced" and any(
            grantee.uri or grantee.id != OWNER for grant in found.acl.grants for grantee in grant.grantees):
        raise Refusal("InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's"
                      " BucketOwnerEnforced setting")
    return call.moto()
