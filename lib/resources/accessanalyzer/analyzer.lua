--- accessanalyzer.analyzer: finds what is shared with the outside, or access that nobody uses.
local resource = require "resources"

return resource {
  type = "accessanalyzer.analyzer",
  about = "An IAM Access Analyzer: external or unused access",
  model = "create_analyzer", key = "analyzerName", without = {"archiveRules", "clientToken"},
  arns = "^arn:[^:]+:access%-analyzer:[^:]*:%d+:analyzer/(.+)$",
  provides = {"arn", "status"},
  replaces = {"type"},
  absent = {"ResourceNotFoundException"},

  read = function(aws, want)
    local a = aws.accessanalyzer:get_analyzer {analyzerName = want.name}.analyzer
    return {name = a.name, arn = a.arn, status = a.status, type = a.type, configuration = a.configuration,
      Tags = a.tags or {}}
  end,

  all = {"list_analyzers", "name"},

  create = function(aws, want)
    local arn = aws.accessanalyzer:create_analyzer {analyzerName = want.name, type = want.type,
      configuration = want.configuration, tags = want.Tags}.arn
    return {arn = arn}
  end,

  update = function(aws, live, want, changed)
    if changed.configuration then
      aws.accessanalyzer:update_analyzer {analyzerName = want.name, configuration = want.configuration}
    end
    if changed.Tags then resource.retag(aws.accessanalyzer, {resourceArn = live.arn}, live, want, "map") end
  end,

  note = function(live)
    if live.status == "FAILED" or live.status == "DISABLED" then return "it does not analyse: " .. live.status end
  end,

  delete = function(aws, live) aws.accessanalyzer:delete_analyzer {analyzerName = live.name} end,
}
