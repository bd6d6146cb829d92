"""resourcegroupstaggingapi: event source mappings, which moto tags but does not list."""
from call import operation


def wanted(call, tags):
    for given in call.params.get("TagFilters") or []:
        if given["Key"] not in tags or given.get("Values") and tags[given["Key"]] not in given["Values"]:
            return False
    kinds = call.params.get("ResourceTypeFilters")
    return not kinds or "lambda" in kinds or "lambda:event-source-mapping" in kinds


@operation("resourcegroupstaggingapi", "GetResources")
def get_resources(call):
    answer = call.moto()
    if answer.get("PaginationToken") or call.params.get("ResourceARNList"):
        return answer
    for mapping in call.backend("lambda")._event_source_mappings.values():
        if mapping.tags and wanted(call, mapping.tags):
            answer["ResourceTagMappingList"].append({
                "ResourceARN": mapping.arn, "Tags": [{"Key": k, "Value": v} for k, v in mapping.tags.items()]})
    return answer
