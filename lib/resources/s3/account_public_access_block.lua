--- s3.account_public_access_block: what no bucket of the account may allow, whatever its own policy says.
local resource = require "resources"

local FLAGS <const> = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"}

-- A put replaces all four: a flag that the playbook does not give stays as it is.
local function put(aws, want, live)
  local flags = {}
  for _, name in ipairs(FLAGS) do
    flags[name] = want[name]
    if flags[name] == nil then flags[name] = live and live[name] or false end
  end
  aws.s3control:put_public_access_block {AccountId = aws.account_id, PublicAccessBlockConfiguration = flags}
end

return resource {
  type = "s3.account_public_access_block", service = "s3control",
  about = "The account's block of public access to S3",
  model = "put_public_access_block", inside = "PublicAccessBlockConfiguration",
  key = {}, label = function() return "account" end,
  tags = false,
  absent = {"NoSuchPublicAccessBlockConfiguration"},

  read = function(aws)
    local live = aws.s3control:get_public_access_block {AccountId = aws.account_id}.PublicAccessBlockConfiguration
    local out = {}
    for _, name in ipairs(FLAGS) do out[name] = live[name] or false end
    return out
  end,

  all = function() return {{}} end,

  create = function(aws, want)
    put(aws, want)
    return {}
  end,

  update = function(aws, live, want) put(aws, want, live) end,

  delete = function(aws) aws.s3control:delete_public_access_block {AccountId = aws.account_id} end,
}
