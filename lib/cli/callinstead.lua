--- Commands of the aws CLI that are no operations, by service, and the calls that they are made of. Data.
return {
  s3 = {ls = "tidelock call s3 list-buckets, or list-objects-v2 --bucket NAME",
    cp = "tidelock call s3 put-object ... --body FILE, or get-object ... FILE", mb = "tidelock call s3 create-bucket",
    rb = "tidelock call s3 delete-bucket", rm = "tidelock call s3 delete-object",
    mv = "tidelock call s3 copy-object, then delete-object", sync = "tidelock call s3 put-object for each file",
    presign = 'tidelock repl: aws.s3:presign("get_object", {Bucket = "b", Key = "k"})'},
  ecr = {["get-login-password"] = "tidelock call ecr get-authorization-token --output text "
    .. "--query 'authorizationData[0].authorizationToken' | base64 -d | cut -d: -f2"},
  ["ecr-public"] = {["get-login-password"] = "tidelock call ecr-public get-authorization-token --region us-east-1 "
    .. "--output text --query authorizationData.authorizationToken | base64 -d | cut -d: -f2"},
  logs = {tail = "tidelock call logs filter-log-events --log-group-name NAME --start-time MILLISECONDS, "
    .. "or to follow it start-live-tail --log-group-identifiers ARN"},
  cloudformation = {deploy = "tidelock call cloudformation create-change-set, then execute-change-set"},
  rds = {["add-option-to-option-group"] = "tidelock call rds modify-option-group --options-to-include ...",
    ["remove-option-from-option-group"] = "tidelock call rds modify-option-group --options-to-remove ..."},
  emr = {["create-cluster"] = "tidelock call emr run-job-flow", ["add-steps"] = "tidelock call emr add-job-flow-steps",
    ["terminate-clusters"] = "tidelock call emr terminate-job-flows --cluster-ids ID"},
}
