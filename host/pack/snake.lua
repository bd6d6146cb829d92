--- snake_case names of operations, equal to botocore's for every operation of every service.
-- Users bring these names from boto3, so its exceptions are kept as they are.

-- Words that botocore treats as one although the capitals say otherwise.
local WORDS <const> = {
  {"WhatsApp", "Whatsapp"}, {"PartiQL", "Partiql"}, {"OAuth2", "Oauth2"},
  {"OTel", "Otel"}, {"iSCSI", "Iscsi"}, {"HITsFor", "HitsFor"},
}
-- Names that botocore forgot to treat so.
local EXCEPT <const> = {
  CreateOAuth2TokenWithTokenExchange = "create_o_auth2_token_with_token_exchange",
}

--- `DescribeDBInstances` -> `describe_db_instances`. A name that has an underscore is left alone.
local function snake(name)
  if EXCEPT[name] then return EXCEPT[name] end
  if name:find("_", 1, true) then return name end
  for _, word in ipairs(WORDS) do name = name:gsub(word[1], word[2]) end
  local plural = name:match("%u%u+s$")                    -- ListWebACLs, GatewayARNs
  if plural then name = name:sub(1, -#plural - 1) .. "_" .. plural:lower() end
  name = name:gsub("(.)(%u%l+)", "%1_%2")
  name = name:gsub("([%l%d])(%u)", "%1_%2")
  return name:lower()
end

return snake
