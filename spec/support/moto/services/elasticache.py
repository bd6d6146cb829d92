"""elasticache: members of a group, settings that moto forgets, parameter groups, states that take time."""
import datetime

import slow
from call import Refusal, operation

KEPT = ("SnapshotWindow", "SnapshotRetentionLimit", "CacheNodeType", "TransitEncryptionMode")
FAMILIES = ("redis6.x", "redis7", "redis5.0", "valkey7", "valkey8", "memcached1.6")
PARAMETERS = {"maxmemory-policy": "volatile-lru", "timeout": "0", "notify-keyspace-events": "",
              "reserved-memory-percent": "25", "cluster-enabled": "no", "lazyfree-lazy-eviction": "no",
              "min-replicas-to-write": "0", "min-replicas-max-lag": "10"}


def kept(call, name):
    return call.state.setdefault(f"group {name}", {})


def note(call, name, message, kind="replication-group"):
    call.state.setdefault("events", []).append({
        "SourceIdentifier": name, "SourceType": kind, "Message": message,
        "Date": datetime.datetime.now(datetime.timezone.utc)})


def members(call, group):
    """As many nodes as were asked for; moto makes one."""
    name = group["ReplicationGroupId"]
    count = kept(call, name).get("members", len(group.get("MemberClusters", [])))
    group["MemberClusters"] = [f"{name}-{i:03}" for i in range(1, count + 1)]
    nodes = group.get("NodeGroups") or []
    if len(nodes) != 1 or not nodes[0].get("NodeGroupMembers"):
        return
    first, primary = nodes[0]["NodeGroupMembers"][0], kept(call, name).get("primary", 1)
    nodes[0]["NodeGroupMembers"] = [
        {**first, "CacheClusterId": f"{name}-{i:03}", "CurrentRole": "primary" if i == primary else "replica",
         "ReadEndpoint": {**first["ReadEndpoint"], "Address": first["ReadEndpoint"]["Address"].replace(
             "-001", f"-{i:03}", 1)}} for i in range(1, count + 1)]


def show(call, group):
    name = group["ReplicationGroupId"]
    found = kept(call, name)
    group.update({key: found[key] for key in KEPT if key in found})
    if "AuthTokenEnabled" in found:
        group["AuthTokenEnabled"] = found["AuthTokenEnabled"]
    members(call, group)
    if slow.settling(call.state, name):
        group["Status"] = found.get("doing", "modifying")
    return group


def keep(call, name):
    for key in KEPT:
        if key in call.params:
            kept(call, name)[key] = call.params[key]


def check(call):
    params = call.params
    if "AuthToken" in params and params.get("TransitEncryptionEnabled") is False:
        raise Refusal("InvalidParameterCombination", "Encryption features are not supported: an AUTH token"
                      " needs encryption in transit")
    token = params.get("AuthToken")
    if token is not None and not (16 <= len(token) <= 128 and not set(token) & set('@"/ ')):
        raise Refusal("InvalidParameterValue", "Invalid AuthToken provided.")


@operation("elasticache", "CreateReplicationGroup")
def create_replication_group(call):
    check(call)
    if "AuthToken" in call.params and not call.params.get("TransitEncryptionEnabled"):
        raise Refusal("InvalidParameterCombination",
                      "Encryption features are not supported: an AUTH token needs encryption in transit")
    name = call.params["ReplicationGroupId"].lower()
    count = call.params.get("NumCacheClusters", 1)
    if call.params.get("AutomaticFailoverEnabled") and "NumNodeGroups" not in call.params and count < 2:
        raise Refusal("InvalidParameterCombination",
                      "When using automatic failover, there must be at least 2 cache clusters in the replication group.")
    answer = call.moto()
    call.state.pop(f"group {name}", None)
    keep(call, name)
    if "NumNodeGroups" not in call.params:
        kept(call, name)["members"] = count
    kept(call, name)["doing"] = "creating"
    slow.settle(call.state, name)
    note(call, name, "Replication group created")
    show(call, answer["ReplicationGroup"])
    return answer


@operation("elasticache", "ModifyReplicationGroup")
def modify_replication_group(call):
    check(call)
    answer = call.moto()
    name = call.params["ReplicationGroupId"].lower()
    keep(call, name)
    strategy = call.params.get("AuthTokenUpdateStrategy")
    if strategy == "DELETE":
        kept(call, name)["AuthTokenEnabled"] = False
    elif strategy in ("SET", "ROTATE") or "AuthToken" in call.params:
        kept(call, name)["AuthTokenEnabled"] = True
    kept(call, name)["doing"] = "modifying"
    slow.settle(call.state, name)
    note(call, name, "Replication group modified")
    show(call, answer["ReplicationGroup"])
    return answer


@operation("elasticache", "DeleteReplicationGroup")
def delete_replication_group(call):
    """moto keeps it as one that is being deleted, for ever."""
    answer = call.moto()
    call.backend().replication_groups.pop(call.params["ReplicationGroupId"].lower(), None)
    return answer


@operation("elasticache", "DeleteCacheCluster")
def delete_cache_cluster(call):
    answer = call.moto()
    call.backend().cache_clusters.pop(call.params["CacheClusterId"], None)
    return answer


@operation("elasticache", "DescribeReplicationGroups")
def describe_replication_groups(call):
    answer = call.moto()
    for group in answer.get("ReplicationGroups", []):
        show(call, group)
    return answer


@operation("elasticache", "TestFailover")
def test_failover(call):
    name = call.params["ReplicationGroupId"]
    groups = call.backend().replication_groups
    if name not in groups:
        raise Refusal("ReplicationGroupNotFoundFault", f"Replication group {name} not found.")
    found = kept(call, name)
    if found.get("members", 1) < 2:
        raise Refusal("InvalidParameterCombination", "there is no replica to fail over to")
    found["primary"] = found.get("primary", 1) % found["members"] + 1
    found["doing"] = "modifying"
    slow.settle(call.state, name)
    note(call, name, f"Failover from primary node to replica {name}-{found['primary']:03} completed")
    return {"ReplicationGroup": {"ReplicationGroupId": name, "Status": "modifying"}}


@operation("elasticache", "DescribeEvents")
def describe_events(call):
    only, kind = call.params.get("SourceIdentifier"), call.params.get("SourceType")
    return {"Events": [e for e in call.state.get("events", []) if only in (None, e["SourceIdentifier"])
                       and kind in (None, e["SourceType"])]}


@operation("elasticache", "CopySnapshot")
def copy_snapshot(call):
    source, target = call.params["SourceSnapshotName"], call.params["TargetSnapshotName"]
    snapshots = call.backend().snapshots
    if source not in snapshots:
        raise Refusal("SnapshotNotFoundFault", f"Snapshot {source} not found.")
    if target in snapshots:
        raise Refusal("SnapshotAlreadyExistsFault", f"Snapshot {target} already exists.")
    return {"Snapshot": {"SnapshotName": target, "SnapshotStatus": "creating", "SnapshotSource": "manual"}}


def groups(call):
    return call.state.setdefault("parameter groups", {})


def group(call):
    name = call.params["CacheParameterGroupName"]
    if name not in groups(call):
        raise Refusal("CacheParameterGroupNotFound", f"CacheParameterGroup {name} not found.")
    return groups(call)[name]


def described(one):
    return {key: one[key] for key in ("CacheParameterGroupName", "CacheParameterGroupFamily",
                                      "Description", "IsGlobal", "ARN")}


@operation("elasticache", "CreateCacheParameterGroup")
def create_cache_parameter_group(call):
    name, family = call.params["CacheParameterGroupName"], call.params["CacheParameterGroupFamily"]
    if name in groups(call):
        raise Refusal("CacheParameterGroupAlreadyExists", f"CacheParameterGroup {name} already exists")
    if family not in FAMILIES:
        raise Refusal("InvalidParameterValue", f"CacheParameterGroupFamily {family} is not a valid parameter group family")
    groups(call)[name] = {"CacheParameterGroupName": name, "CacheParameterGroupFamily": family,
                          "Description": call.params["Description"], "IsGlobal": False, "changed": {},
                          "ARN": call.arn(f"parametergroup:{name}")}
    return {"CacheParameterGroup": described(groups(call)[name])}


@operation("elasticache", "DescribeCacheParameterGroups")
def describe_cache_parameter_groups(call):
    if "CacheParameterGroupName" in call.params:
        return {"CacheParameterGroups": [described(group(call))]}
    return {"CacheParameterGroups": [described(g) for g in groups(call).values()]}


@operation("elasticache", "ModifyCacheParameterGroup")
def modify_cache_parameter_group(call):
    found = group(call)
    for pair in call.params["ParameterNameValues"]:
        name = pair.get("ParameterName")
        if name not in PARAMETERS:
            raise Refusal("InvalidParameterValue", f"The parameter {name} cannot be found")
        found["changed"][name] = pair.get("ParameterValue", "")
    return {"CacheParameterGroupName": found["CacheParameterGroupName"]}


@operation("elasticache", "DescribeCacheParameters")
def describe_cache_parameters(call):
    name = call.params["CacheParameterGroupName"]
    changed = {} if name.startswith("default.") else group(call)["changed"]
    source = call.params.get("Source")
    out = []
    for key, default in PARAMETERS.items():
        origin = "user" if key in changed else "system"
        if source in (None, origin):
            out.append({"ParameterName": key, "ParameterValue": changed.get(key, default), "Source": origin,
                        "DataType": "string", "IsModifiable": True, "ChangeType": "immediate"})
    return {"Parameters": out}


@operation("elasticache", "DeleteCacheParameterGroup")
def delete_cache_parameter_group(call):
    del groups(call)[group(call)["CacheParameterGroupName"]]
    return {}


# --- serverless caches: encrypted, in many zones and asking for TLS by their nature

def serverless(call):
    return call.state.setdefault("serverless", {})


def serverless_named(call):
    name = call.params["ServerlessCacheName"].lower()
    if name not in serverless(call):
        raise Refusal("ServerlessCacheNotFoundFault", f"Serverless cache {name} not found.")
    return serverless(call)[name]


@operation("elasticache", "CreateServerlessCache")
def create_serverless_cache(call):
    name, engine = call.params["ServerlessCacheName"].lower(), call.params["Engine"]
    if name in serverless(call):
        raise Refusal("ServerlessCacheAlreadyExistsFault", f"Serverless cache {name} already exists")
    if engine not in ("redis", "valkey", "memcached"):
        raise Refusal("InvalidParameterValue", f"Engine {engine} is not supported")
    if engine == "memcached" and call.params.get("UserGroupId"):
        raise Refusal("InvalidParameterCombination", "User groups are not supported for Memcached")
    found = {"ServerlessCacheName": name, "Engine": engine, "Status": "available", "MajorEngineVersion": "8",
             "ARN": call.arn(f"serverlesscache:{name}"), "SnapshotRetentionLimit": 0,
             "Endpoint": {"Address": f"{name}.serverless.{call.region}.cache.amazonaws.com", "Port": 6379},
             "CreateTime": datetime.datetime.now(datetime.timezone.utc)}
    for key in ("Description", "KmsKeyId", "SecurityGroupIds", "SubnetIds", "UserGroupId", "SnapshotRetentionLimit",
                "DailySnapshotTime", "MajorEngineVersion", "CacheUsageLimits"):
        if key in call.params:
            found[key] = call.params[key]
    serverless(call)[name] = found
    return {"ServerlessCache": found}


@operation("elasticache", "DescribeServerlessCaches")
def describe_serverless_caches(call):
    if "ServerlessCacheName" in call.params:
        return {"ServerlessCaches": [serverless_named(call)]}
    return {"ServerlessCaches": list(serverless(call).values())}


@operation("elasticache", "ModifyServerlessCache")
def modify_serverless_cache(call):
    found = serverless_named(call)
    for key in ("Description", "SecurityGroupIds", "UserGroupId", "SnapshotRetentionLimit", "DailySnapshotTime"):
        if key in call.params:
            found[key] = call.params[key]
    if call.params.get("RemoveUserGroup"):
        found.pop("UserGroupId", None)
    return {"ServerlessCache": found}


@operation("elasticache", "DeleteServerlessCache")
def delete_serverless_cache(call):
    found = serverless_named(call)
    del serverless(call)[found["ServerlessCacheName"]]
    return {"ServerlessCache": {**found, "Status": "deleting"}}
