-- data.lua -- one database as it comes, one cache in plain text, one function.
local json = require "tidelock.json"

local EMPTY_ZIP <const> = "PK\5\6" .. ("\0"):rep(18)

local function database(world)
  local name = world.prefix .. "-postgres-production"
  world.aws.rds:create_db_instance {DBInstanceIdentifier = name, Engine = "postgres", EngineVersion = "16.3",
    DBInstanceClass = "db.t3.micro", AllocatedStorage = 20, MasterUsername = "app", DBName = "app",
    MasterUserPassword = "Plain-Sight-7", StorageEncrypted = world.encrypted}
  return name
end

local function cache(world)
  local name = world.prefix .. "-redis-production"
  world.aws.elasticache:create_cache_cluster {CacheClusterId = name, Engine = "redis", EngineVersion = "7.1",
    CacheNodeType = "cache.t3.micro", NumCacheNodes = 1}
  return name
end

local function func(world)
  local name = world.prefix .. "-image-resize"
  local role = world.aws.iam:create_role {RoleName = name, AssumeRolePolicyDocument = json.encode {
    Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
      Principal = {Service = "lambda.amazonaws.com"}}}}}.Role.Arn
  world.aws["lambda"]:create_function {FunctionName = name, Runtime = "nodejs24.x", Role = role,
    Handler = "index.handler", Code = {ZipFile = EMPTY_ZIP}, Timeout = 30, MemorySize = 256}
  return name
end

return function(world)
  local function made(make) return make(world) end
  local out = world.each({database, cache, func}, made)
  return {database = out[1], cache = out[2], func = out[3]}
end
