"""ec2: routes that come and go with a gateway endpoint's tables, and what AWS refuses about them."""
import json

from call import Refusal, operation


def table(call, name):
    found = call.backend().route_tables.get(name)
    if found is None:
        raise Refusal("InvalidRouteTableId.NotFound", f"The routeTable ID '{name}' does not exist")
    return found


def fits(call, vpc, prefix_list, tables):
    """A table of another network is refused, and so is a second way to the same prefix list."""
    for name in tables:
        found = table(call, name)
        if found.vpc_id != vpc:
            raise Refusal("InvalidParameter", f"route table {name} and network {vpc} belong to different networks")
        if prefix_list and any(r.destination_prefix_list and r.destination_prefix_list.id == prefix_list
                               for r in found.routes):
            raise Refusal("RouteAlreadyExists", f"route table {name} already has a route with"
                          f" destination-prefix-list-id {prefix_list}")


def prefix_list_of(call, service):
    for found in call.backend().managed_prefix_lists.values():
        if found.prefix_list_name == service:
            return found.id
    return None


def check_policy(text):
    try:
        statements = json.loads(text)["Statement"]
        assert isinstance(statements, list) and all("Effect" in s for s in statements)
    except (ValueError, KeyError, TypeError, AssertionError):
        raise Refusal("InvalidPolicyDocument", "The Policy document is not valid") from None


@operation("ec2", "CreateVpcEndpoint")
def create_vpc_endpoint(call):
    params = call.params
    if params.get("PolicyDocument"):
        check_policy(params["PolicyDocument"])
    if params.get("VpcEndpointType", "Gateway") == "Gateway":
        if params.get("SubnetIds"):
            raise Refusal("InvalidParameter", "Gateway endpoints take no subnets")
        fits(call, params["VpcId"], prefix_list_of(call, params["ServiceName"]), params.get("RouteTableIds", []))
    answer = call.moto()
    answer["VpcEndpoint"]["State"] = answer["VpcEndpoint"]["State"].capitalize()     # as the model spells it
    return answer


@operation("ec2", "ModifyVpcEndpoint")
def modify_vpc_endpoint(call):
    params, backend = call.params, call.backend()
    found = backend.describe_vpc_endpoints(vpc_end_point_ids=[params["VpcEndpointId"]])[0]
    prefix_list = found.destination_prefix_list_id
    added = [t for t in params.get("AddRouteTableIds", []) if t not in found.route_table_ids]
    fits(call, found.vpc_id, prefix_list, added)
    if params.get("PolicyDocument"):
        check_policy(params["PolicyDocument"])
    answer = call.moto()
    if params.get("ResetPolicy"):
        found.policy_document = json.dumps(found.DEFAULT_POLICY)
    if prefix_list:
        for name in added:
            backend.create_route(name, None, gateway_id=found.id, destination_prefix_list_id=prefix_list)
        for name in params.get("RemoveRouteTableIds", []):
            backend.delete_route(name, prefix_list)
    return answer
