"""resourcegroupstaggingapi: event source mappings and composite alarms, which moto tags but does not list."""
from call import operation


def wanted(call, tags, service, kind):
    for given in call.params.get("TagFilters") or []:
        if given["Key"] not in tags or given.get("Values") and tags[given["Key"]] not in given["Values"]:
            return False
    kinds = call.params.get("ResourceTypeFilters")
    return not kinds or service in kinds or f"{service}:{kind}" in kinds


@operation("resourcegroupstaggingapi", "GetResources")
def get_resources(call):
    answer = call.moto()
    if answer.get("PaginationToken") or call.params.get("ResourceARNList"):
        return answer
    for mapping in call.backend("lambda")._event_source_mappings.values():
        if mapping.tags and wanted(call, mapping.tags, "lambda", "event-source-mapping"):
            answer["ResourceTagMappingList"].append({
                "ResourceARN": mapping.arn, "Tags": [{"Key": k, "Value": v} for k, v in mapping.tags.items()]})
    for arn, tags in call.other("cloudwatch").get("tags", {}).items():
        if ":alarm:" in arn and wanted(call, tags, "cloudwatch", "alarm"):
            answer["ResourceTagMappingList"].append({
                "ResourceARN": arn, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]})
    return answer
