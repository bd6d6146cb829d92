--- What the user has set: options, then environment, then the profile, as the aws CLI reads them.
-- Every value is read when it is asked for, so a call that needs no file opens none.
local error_of = require "aws.error"
local suggest = require "suggest"

local config = {}
config.__index = config

local function flag(text)
  if type(text) == "boolean" then return text end
  local word = tostring(text):lower()
  return word == "true" or word == "1" or word == "yes" or word == "on"
end

-- A region goes into host names: what is no label there is a slip of the pen.
local function region_name(text)
  return type(text) == "string" and #text <= 63 and text:find("^%w[%w%-]*$") and text or nil
end

local function count(text) return math.tointeger(tonumber(text)) end

-- The size from which a body is worth compressing; the SDKs share this limit.
local function body_size(text)
  local n = count(text)
  return n and n >= 0 and n <= 10485760 and n or nil
end

-- name -> {environment variables, key in the profile, conversion, what it must be}
local SETTINGS <const> = {
  region = {{"AWS_REGION", "AWS_DEFAULT_REGION"}, "region", region_name, 'a name like "us-east-1"'},
  retry_mode = {{"AWS_RETRY_MODE"}, "retry_mode"},
  max_attempts = {{"AWS_MAX_ATTEMPTS"}, "max_attempts", count, "a whole number"},
  ca_bundle = {{"AWS_CA_BUNDLE"}, "ca_bundle"},
  use_fips_endpoint = {{"AWS_USE_FIPS_ENDPOINT"}, "use_fips_endpoint", flag},
  use_dualstack_endpoint = {{"AWS_USE_DUALSTACK_ENDPOINT"}, "use_dualstack_endpoint", flag},
  ignore_configured_endpoint_urls =
    {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}, "ignore_configured_endpoint_urls", flag},
  account_id_endpoint_mode = {{"AWS_ACCOUNT_ID_ENDPOINT_MODE"}, "account_id_endpoint_mode"},
  request_checksum_calculation =
    {{"AWS_REQUEST_CHECKSUM_CALCULATION"}, "request_checksum_calculation"},
  response_checksum_validation =
    {{"AWS_RESPONSE_CHECKSUM_VALIDATION"}, "response_checksum_validation"},
  disable_request_compression = {{"AWS_DISABLE_REQUEST_COMPRESSION"}, "disable_request_compression", flag},
  request_min_compression_size_bytes = {{"AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES"},
    "request_min_compression_size_bytes", body_size, "a whole number from 0 to 10485760"},
  sigv4a_signing_region_set = {{"AWS_SIGV4A_SIGNING_REGION_SET"}, "sigv4a_signing_region_set"},
  ec2_metadata_disabled = {{"AWS_EC2_METADATA_DISABLED"}, nil, flag},
  ec2_metadata_service_endpoint =
    {{"AWS_EC2_METADATA_SERVICE_ENDPOINT"}, "ec2_metadata_service_endpoint"},
  ec2_metadata_service_endpoint_mode =
    {{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"}, "ec2_metadata_service_endpoint_mode"},
  metadata_service_timeout =
    {{"AWS_METADATA_SERVICE_TIMEOUT"}, "metadata_service_timeout", tonumber, "a number of seconds"},
  metadata_service_num_attempts =
    {{"AWS_METADATA_SERVICE_NUM_ATTEMPTS"}, "metadata_service_num_attempts", count, "a whole number"},
}

--- Settings over `options` (what the caller gave) and `world` (environ, files).
function config.new(options, world)
  return setmetatable({options = options or {}, world = world, cache = {}}, config)
end

local function bad(message) error(error_of.new {code = "Config", message = message, exit = 64}, 0) end

--- An environment variable; an empty one counts as unset.
function config:env(name)
  local value = self.world.environ(name)
  if value == "" then return nil end
  return value
end

local function expand(self, path)
  local home = self:env "HOME"
  if home and path:find("^~/") then return home .. path:sub(2) end
  return path
end

-- The sections of one file; none if there is no such file.
local function load_file(self, variable, default)
  local path = expand(self, self:env(variable) or default)
  local text, why = self.world.files(path)
  if not text then
    if not why then return {}, path end
    bad(("Cannot read %s: %s. Check its permissions, or point %s at another file."):format(path, why, variable))
  end
  local sections, message = require "aws.ini".parse(text, path)
  if not sections then bad(message .. " Correct that line; nothing was sent.") end
  return sections, path
end

local function put(into, values)
  for key, value in pairs(values) do into[key] = value end
  return into
end

-- [default] and [profile x]; [profile default] hides [default].
local function add_config(book, sections)
  for _, s in ipairs(sections) do
    if s.kind == "default" and not s.name and not book.explicit_default then
      book.profiles.default = put({}, s.values)
    elseif s.kind == "profile" and s.name then
      book.profiles[s.name] = put({}, s.values)
      if s.name == "default" then book.explicit_default = true end
    elseif s.kind == "sso-session" and s.name then book.sso[s.name] = s.values
    elseif s.kind == "services" and s.name then book.services[s.name] = s.values
    end
  end
end

-- In the credentials file the whole heading is the profile's name.
local function add_credentials(book, sections)
  for _, s in ipairs(sections) do
    local name = s.name and s.kind .. " " .. s.name or s.kind
    book.profiles[name] = put(book.profiles[name] or {}, s.values)
    book.keys[name] = s.values
  end
end

-- Both files, read once.
local function book_of(self)
  if not self.book then
    local book = {profiles = {}, keys = {}, sso = {}, services = {}}
    local sections
    sections, book.config_path = load_file(self, "AWS_CONFIG_FILE", "~/.aws/config")
    add_config(book, sections)
    sections, book.credentials_path =
      load_file(self, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    add_credentials(book, sections)
    self.book = book
  end
  return self.book
end

local function names_of(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The profile's name and whether the user chose it (an unchosen "default" need not exist).
function config:profile_name()
  local name = self.options.profile or self:env "AWS_PROFILE" or self:env "AWS_DEFAULT_PROFILE"
  return name or "default", name ~= nil
end

--- The values of the profile `name` (default: the session's); raises if a chosen one is missing.
function config:profile(name)
  local chosen = name ~= nil
  if not name then name, chosen = self:profile_name() end
  local book = book_of(self)
  local values = book.profiles[name]
  if values then return values end
  if not chosen then return {} end
  local names = names_of(book.profiles)
  bad(("There is no profile %q in %s or %s%s. Known profiles: %s."):format(name, book.config_path,
    book.credentials_path, suggest.phrase(name, names),
    #names > 0 and table.concat(names, ", ") or "none"))
end

--- The paths that were or would be read, for sentences.
function config:paths()
  local book = book_of(self)
  return book.config_path, book.credentials_path
end

--- The names of all profiles.
function config:profiles() return names_of(book_of(self).profiles) end

--- What the credentials file alone says of a profile, or nil.
function config:shared_keys(name) return book_of(self).keys[name] end

--- The [sso-session NAME] of the config file; raises if there is none.
function config:sso_session(name)
  local book = book_of(self)
  return book.sso[name] or bad(("The profile names the sso-session %q, but %s has no [sso-session %s]%s.")
    :format(name, book.config_path, name, suggest.phrase(name, names_of(book.sso))))
end

local function convert(name, row, value, where)
  if not row[3] then return value end
  local converted = row[3](value)
  if converted == nil then
    bad(("%s is %q in %s; it must be %s."):format(name, tostring(value), where, row[4]))
  end
  return converted
end

-- The value as it was set, and where: by options, environment, profile.
local function look(self, name)
  local row = SETTINGS[name]
  if self.options[name] ~= nil then return self.options[name], "the options" end
  for _, variable in ipairs(row[1]) do
    local value = self:env(variable)
    if value then return value, variable end
  end
  local value = row[2] and self:profile()[row[2]]
  if value == nil or value == "" then return nil end
  return value, "profile " .. self:profile_name()
end

local function find(self, name)
  local value, where = look(self, name)
  if value == nil then return nil end
  return convert(name, SETTINGS[name], value, where)
end

--- Where the setting `name` was set, for sentences: a variable or a profile; nil where by the caller, or nowhere.
function config:where(name)
  if self.options[name] ~= nil then return nil end
  return (select(2, look(self, name)))
end

local NOTHING <const> = {}

--- The setting `name`, or nil where it is set nowhere.
function config:get(name)
  assert(SETTINGS[name], name)
  local value = self.cache[name]
  if value == nil then
    value = find(self, name)
    self.cache[name] = value == nil and NOTHING or value
  end
  if value == NOTHING then return nil end
  return value
end

--- The region; raises a sentence where it is set nowhere.
function config:region()
  local region = self:get "region"
  if region then return region end
  error(error_of.new {code = "NoRegion", exit = 64,
    message = "No region is set: not by --region, AWS_REGION, AWS_DEFAULT_REGION or the profile "
      .. self:profile_name() .. ". Set one, for example AWS_REGION=us-east-1."}, 0)
end

--- Values of the profile's nested `s3 =` section under the caller's own `s3` option.
function config:s3(key)
  local given = self.options.s3
  if given and given[key] ~= nil then return given[key] end
  local section = self:profile().s3
  local value = type(section) == "table" and section[key] or nil
  if value == "true" or value == "false" then return value == "true" end
  return value
end

-- The profile's `services = NAME` section: nested tables by service id.
local function from_services(self, id)
  local profile = self:profile()
  if not profile.services then return nil end
  local book = book_of(self)
  local section = book.services[profile.services]
  if not section then
    bad(("The profile %s names the services section %q, but %s has no [services %s]%s."):format(
      self:profile_name(), profile.services, book.config_path, profile.services,
      suggest.phrase(profile.services, names_of(book.services))))
  end
  local of = section[id]
  return type(of) == "table" and of.endpoint_url or nil
end

--- The endpoint the user wants for a service (`service_id` as in the model's metadata), or nil,
-- and where it was set.
function config:endpoint_url(service_id)
  if self.options.endpoint_url then return self.options.endpoint_url, "--endpoint-url" end
  if self:get "ignore_configured_endpoint_urls" then return nil end
  local id = service_id:lower():gsub("[%s%-]", "_")
  local variable = "AWS_ENDPOINT_URL_" .. id:upper()
  local url = self:env(variable)
  if url then return url, variable end
  url = self:env "AWS_ENDPOINT_URL"
  if url then return url, "AWS_ENDPOINT_URL" end
  url = from_services(self, id)
  if url then return url, "the services section of profile " .. self:profile_name() end
  url = self:profile().endpoint_url
  if url and url ~= "" then return url, "profile " .. self:profile_name() end
  return nil
end

return config
