--- Where the aws CLI names an option otherwise than its member, or has a short one for a part of a member. Pure.
local forms = {}

local function dashed(op) return (op.snake:gsub("_", "-")) end

-- ## Other names: "service from>to operations". Most give way to the options that every command has. Text, and not a
-- table: every call reads this file, and hardly one needs a row of it.

local RENAMED <const> = [[

apigateway version>api-version create-rest-api
apigatewayv2 version>api-version create-api update-api
clouddirectory version>schema-version publish-schema
cloudsearchdomain query>search-query search
cloudsearchdomain query>suggest-query suggest
codepipeline version>pipeline-version get-pipeline
codepipeline version>action-version create-custom-action-type delete-custom-action-type get-action-type
controltower version>landing-zone-version create-landing-zone update-landing-zone
datapipeline query>objects-query query-objects
datapipeline version>pipeline-version get-pipeline-definition
ec2 no-no-reboot>reboot create-image
ec2 no-egress>ingress *
ec2 no-disable-api-termination>enable-api-termination *
ecs no-enable-execute-command>disable-execute-command *
ecs no-interactive>non-interactive execute-command
eks version>kubernetes-version create-cluster create-nodegroup update-cluster-version update-nodegroup-version
eks version>kubernetes-version update-cluster-components-version
emr job-flow-ids>cluster-ids *
emr job-flow-id>cluster-id *
gamelift version>build-version create-build update-build
gamelift version>script-version create-script update-script
glue region>resource-region get-unfiltered-*-metadata
iotwireless lo-ra-wan>lorawan *
kinesisanalytics output>application-output add-application-output
kinesisanalyticsv2 output>application-output add-application-output
lex-models version>bot-version delete-bot delete-bot-version
lex-models version>intent-version delete-intent delete-intent-version get-intent
lex-models version>slot-type-version delete-slot-type delete-slot-type-version get-slot-type
lex-models version>resource-version get-export
license-manager version>grant-version get-grant delete-grant
license-manager version>license-version get-license
mturk query>types-query list-qualification-types
pinpoint version>campaign-version get-campaign-version
pinpoint version>segment-version get-segment-version
pinpoint version>template-version delete-*-template get-*-template update-*-template
rekognition output>stream-processor-output create-stream-processor
route53 version>traffic-policy-version delete-traffic-policy get-traffic-policy update-traffic-policy-comment
route53domains start>start-time view-billing
route53domains end>end-time view-billing
sagemaker version>version-number delete-image-version describe-image-version list-aliases update-image-version
schemas version>schema-version *
ses source>from send-email
sns endpoint>notification-endpoint subscribe
stepfunctions output>task-output send-task-success
swf version>activity-version register-activity-type
swf version>workflow-version register-workflow-type
workdocs endpoint>notification-endpoint create-notification-subscription
workdocs query>user-query describe-users
]]

-- "get-*-template": a star stands for anything.
local function is_among(operation, list)
  for name in list:gmatch "%S+" do
    if require "glob".fits(name, operation) then return true end
  end
  return false
end

local function literal(text) return (text:gsub("%p", "%%%0")) end

--- The aws CLI's name of what would be called `name` after its member.
function forms.name(op, name)
  local service = op.service.name
  if not RENAMED:find("\n" .. service .. " " .. name .. ">", 1, true) then return name end
  for to, operations in RENAMED:gmatch("\n" .. literal(service) .. " " .. literal(name) .. ">(%S+)([^\n]*)") do
    if is_among(dashed(op), operations) then return to end
  end
  return name
end

-- ## Short options, and what is made of a whole input: in a file that only these operations read

local SHORT <const> = [[

cloudfront create-invalidation
cloudwatch put-metric-data
codedeploy create-deployment get-application-revision register-application-revision
config put-configuration-recorder
ec2 authorize-security-group-* revoke-security-group-* run-instances *-network-acl-entry
emr list-clusters
lambda create-function publish-layer-version
quicksight start-asset-bundle-import-job
rekognition *
ses send-email
translate import-terminology translate-document
]]

local function short_of(op)
  local _, at = SHORT:find("\n" .. op.service.name .. " ", 1, true)
  return at and is_among(dashed(op), SHORT:match("^[^\n]*", at + 1)) and require "cli.callshort" or nil
end

--- Adds the short options of an operation to its own, `by` name: {shape=, member=, put=, beside=, negative=}.
function forms.add(op, by)
  local short = short_of(op)
  if short then short.add(op, dashed(op), by) end
end

--- Completes a whole input as the aws CLI does: what it leaves to be left out, and its words for numbers.
function forms.complete(op, input)
  local short = short_of(op)
  if short then short.complete(op, dashed(op), input) end
end

return forms
