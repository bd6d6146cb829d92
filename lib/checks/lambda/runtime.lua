--- Functions run on what AWS still mends.
local control = require "checks"

-- What AWS has given up, or gives up soon: prefixes.
local OLD <const> = {"nodejs%d%.", "nodejs$", "nodejs1[0-8]%.", "python2", "python3%.[678]$", "python3%.9$", "ruby2",
  "java8$", "dotnetcore", "dotnet[567]$", "go1%.x", "provided$", "provided%.al$"}

return control {
  id = "lambda-runtime", title = "Functions run on supported runtimes", severity = "medium", fsbp = "Lambda.2",
  subjects = "lambda.function", needs = {},
  command = "tidelock call lambda get-function-configuration --function-name {name} --region {region}",
  means = "Holes in the runtime are not mended any more, and one day the function cannot be changed.",
  todo = "Move the function to a newer runtime.",
  test = function(live)
    if live.PackageType == "Image" then return control.skip("an image brings its own runtime") end
    local runtime = live.Runtime or ""
    for _, pattern in ipairs(OLD) do
      if runtime:find("^" .. pattern) then return control.fail("runtime %s is no longer supported", runtime) end
    end
    return control.pass(runtime)
  end,
}
