--- What single values of an account file must be. Each word takes the value, and gives what would be right, or nil.
local regions = require "aws.region"

local words = {}

-- The strictest names made of the prefix are those of buckets: 63 characters, and the longest is that of
-- harden/config, PREFIX-aws-config-ACCOUNT-REGION, with 40 behind the prefix where the region is us-isof-south-1.
-- docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
local PREFIX_MOST <const> = 63 - #"-aws-config-123456789012-us-isof-south-1"
local OF_S3 <const> = {"^sthree%-", "^amzn%-s3%-demo%-"}        -- beginnings that S3 keeps for itself

function words.any() end

function words.account(v)
  if type(v) ~= "string" or not v:find "^%d%d%d%d%d%d%d%d%d%d%d%d$" then
    return "must be an account number of twelve digits, in quotes"
  end
end

function words.consumer(v)
  if v ~= "lambda" and v ~= "worker" then return 'must be "lambda" or "worker"' end
end

local SAID <const> = {string = "text", number = "a number", boolean = "true or false"}
for kind, said in pairs(SAID) do
  words[kind] = function(v)
    if type(v) == kind then return end
    return ("must be %s, not a %s"):format(said, type(v))
  end
end

--- More than nothing: a budget of 0 or less is refused by AWS only when it is made.
function words.amount(v)
  if type(v) ~= "number" then return words.number(v) end
  if not (v > 0 and v < math.huge) then return ("must be more than 0, not %s"):format(v) end
end

-- AWS's own expressions take any word for the part of the world, and "us-est-1" with it.
local PARTS <const> = {central = true, east = true, west = true, north = true, south = true, northeast = true,
  northwest = true, southeast = true, southwest = true}

function words.region(v)
  if type(v) ~= "string" then return words.string(v) end
  if PARTS[v:match "%-(%l+)%-%d+$" or ""] and regions.fits(v) then return end
  return ('must be a region of AWS such as "eu-west-1", not %q%s'):format(v, regions.phrase(v))
end

--- A table of DynamoDB: its name here, or the ARN of one that is elsewhere.
function words.table(v)
  if type(v) ~= "string" then return words.string(v) end
  local name = v:match "^arn:aws[%l-]*:dynamodb:[%l%d-]+:%d%d%d%d%d%d%d%d%d%d%d%d:table/([^/]*)$" or v
  if name:find "^[%w_.-]+$" and #name >= 3 and #name <= 255 then return end
  return ("must be the name of a table of DynamoDB, 3 to 255 letters, digits and _ . -, or its ARN,"
    .. " arn:aws:dynamodb:REGION:ACCOUNT:table/NAME, not %q"):format(v)
end

-- What a prefix would be that says the same; nil where nothing is left of it.
local function mended(v)
  local text = v:lower():gsub("[^%l%d]+", "-"):gsub("^[%d-]+", ""):sub(1, PREFIX_MOST):gsub("%-+$", "")
  return text ~= "" and not words.prefix(text) and ("; for example %q"):format(text) or ""
end

--- What begins the names of buckets, queues, roles, parameter groups: what all of them may begin with.
function words.prefix(v)
  if type(v) ~= "string" then return words.string(v) end
  if not v:find "^%l[%l%d-]*$" or v:find "%-%-" or v:find "%-$" then
    return ("must be of lower-case letters, digits and single hyphens between them, and begin with a letter, because"
      .. " names of buckets do, not %q%s"):format(v, mended(v))
  end
  if #v > PREFIX_MOST then
    return ("must have at most %d characters, because names of buckets are made of it that may have 63, and has %d%s")
      :format(PREFIX_MOST, #v, mended(v))
  end
  for _, taken in ipairs(OF_S3) do
    if (v .. "-"):find(taken) then return ("must not be %q: S3 keeps buckets that begin so for itself"):format(v) end
  end
end

return words
