--- config.conformance_pack: rules of AWS Config that come and go together. The API never shows a template again: its
-- hash, kept in a tag, tells whether it has changed.
local resource = require "resources"

local HASH <const> = "tidelock:template"
local MEMBERS <const> = {"TemplateBody", "TemplateS3Uri", "TemplateSSMDocumentDetails", "DeliveryS3Bucket",
  "DeliveryS3KeyPrefix", "ConformancePackInputParameters", "Source", "Scope"}
local SHOWN <const> = {"DeliveryS3Bucket", "DeliveryS3KeyPrefix", "TemplateSSMDocumentDetails",
  "ConformancePackInputParameters", "Source", "Scope"}
local KEPT <const> = {"DeliveryS3Bucket", "DeliveryS3KeyPrefix", "ConformancePackInputParameters"}
local FAILED <const> = {CREATE_FAILED = true, UPDATE_FAILED = true, DELETE_FAILED = true}

local function template_of(want)
  local body = want.TemplateBody
  if body ~= nil and (type(body) ~= "table" or getmetatable(body)) then return nil end
  return body and resource.encode(body) or want.TemplateS3Uri
end

local function hash_of(want)
  local digest = require "tidelock.digest"
  local text = template_of(want)
  return text and digest.hex(digest.sha256(text)):sub(1, 40) or ""
end

local function status(aws, name)
  return aws.config:describe_conformance_pack_status {ConformancePackNames = {name}}.ConformancePackStatusDetails[1]
end

-- A put replaces all of it: what the playbook does not give stays as it is.
local function put(aws, want, live)
  local input = {ConformancePackName = want.name}
  for _, name in ipairs(MEMBERS) do input[name] = want[name] end
  for _, name in ipairs(KEPT) do
    if input[name] == nil and live then input[name] = live[name] end
  end
  if want.TemplateBody ~= nil then input.TemplateBody = resource.encode(want.TemplateBody) end
  if live and not (input.TemplateBody or input.TemplateS3Uri or input.Source) then
    input.TemplateSSMDocumentDetails = input.TemplateSSMDocumentDetails or live.TemplateSSMDocumentDetails
  end
  local tags = {[HASH] = hash_of(want)}
  for name, value in pairs(want.Tags or {}) do tags[name] = value end
  if not live then input.Tags = resource.tag_list(tags) end
  return aws.config:put_conformance_pack(input).ConformancePackArn
end

local function settle(aws, want)
  resource.await(("the conformance pack %s"):format(want.name), function()
    local s = status(aws, want.name) or {ConformancePackState = "CREATE_IN_PROGRESS"}
    if FAILED[s.ConformancePackState] then
      error({code = s.ConformancePackState, message = ("the conformance pack %s was not rolled out: %s"):format(
        want.name, s.ConformancePackStatusReason or s.ConformancePackState)}, 0)
    end
    return not s.ConformancePackState:find "IN_PROGRESS"
  end, 900)
end

return resource {
  type = "config.conformance_pack",
  about = "A conformance pack: rules of AWS Config, from a template",
  model = "put_conformance_pack", key = "ConformancePackName",
  documents = {TemplateBody = "json"},
  secrets = {"TemplateBody", "TemplateS3Uri"},           -- never shown again; their hash stands for them
  arns = "^arn:[^:]+:config:[^:]*:%d+:conformance%-pack/([^/]+)",
  provides = {"arn", "status"},
  sets = {ConformancePackInputParameters = "ParameterName"},
  absent = {"NoSuchConformancePackException"},

  check = function(want)
    local n = 0
    for _, name in ipairs {"TemplateBody", "TemplateS3Uri", "TemplateSSMDocumentDetails", "Source"} do
      if want[name] ~= nil then n = n + 1 end
    end
    if n ~= 1 then
      return {"a pack takes one of TemplateBody, TemplateS3Uri, TemplateSSMDocumentDetails and Source, not " .. n}
    end
  end,

  normal = function(want)
    want.Template = hash_of(want)
    return want
  end,

  all = function(aws)
    local out = {}
    for p in aws.config:items("describe_conformance_packs", {}) do
      out[#out + 1] = {name = p.ConformancePackName, leave = not (p.Source or p.TemplateSSMDocumentDetails)
        and "AWS does not show its template again: declare it with the template it was made from" or nil}
    end
    return out
  end,

  read = function(aws, want)
    local got = resource.all {
      pack = function()
        return aws.config:describe_conformance_packs {ConformancePackNames = {want.name}}.ConformancePackDetails[1]
      end,
      status = function() return status(aws, want.name) or {} end,
    }
    local live = {name = got.pack.ConformancePackName, arn = got.pack.ConformancePackArn,
      status = got.status.ConformancePackState}
    for _, name in ipairs(SHOWN) do live[name] = got.pack[name] end
    live.Tags, live.Template = {}, ""
    for name, value in pairs(aws.tags(live.arn, function()
      return resource.tag_map(aws.config:list_tags_for_resource {ResourceArn = live.arn}.Tags)
    end)) do
      if name == HASH then live.Template = value else live.Tags[name] = value end
    end
    return live
  end,

  create = function(aws, want) return {arn = put(aws, want)} end,

  update = function(aws, live, want, changed)
    local rest = false
    for name in pairs(changed) do rest = rest or name ~= "Tags" end
    if rest then put(aws, want, live) end
    local had, shall = {[HASH] = live.Template}, {[HASH] = hash_of(want)}
    for name, value in pairs(live.Tags) do had[name] = value end
    for name, value in pairs(changed.Tags and want.Tags or live.Tags) do shall[name] = value end
    resource.retag(aws.config, {ResourceArn = live.arn}, {Tags = had}, {Tags = shall})
  end,

  settle = settle,

  note = function(live)
    if FAILED[live.status] then return "its status is " .. live.status .. ": see describe-conformance-pack-status" end
  end,

  delete = function(aws, live)
    aws.config:delete_conformance_pack {ConformancePackName = live.name}
    resource.await("the end of conformance pack " .. live.name, function()
      return status(aws, live.name) == nil
    end, 900)
  end,
}
