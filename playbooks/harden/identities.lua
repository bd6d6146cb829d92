--- What the account asks of passwords. What somebody set stricter stays, and so does what this does not speak of.
playbook {
  name = "harden/identities",
  about = "Passwords of users: long, and not used again",
  vars = {
    length = {"integer", default = 14, min = 8, max = 128, about = "characters that a password has at least"},
    remembered = {"integer", default = 24, min = 1, max = 24, about = "old passwords that are refused"},
    age = {"integer", default = 0, min = 0, max = 1095, about = "days after which a password must be changed; 0 leaves"
      .. " it as it is: people who must change passwords often choose weak ones"},
  },
}

local live = find "the password policy" {run = function()
  local ok, got = pcall(function() return aws.iam:get_account_password_policy({}).PasswordPolicy end)
  if ok then return got end
  if type(got) == "table" and got.code == "NoSuchEntity" then return {none = true} end
  error(got, 0)
end}

local function at_least(mine, theirs) return math.max(mine, theirs or 0) end

local function sooner(mine, theirs)
  if mine == 0 then return nil end
  return theirs and theirs > 0 and math.min(mine, theirs) or mine
end

ensure.iam.password_policy {
  MinimumPasswordLength = at_least(var.length, live.MinimumPasswordLength),
  PasswordReusePrevention = at_least(var.remembered, live.PasswordReusePrevention),
  MaxPasswordAge = sooner(var.age, live.MaxPasswordAge),
  -- who may not change a password of their own shares it with who set it
  AllowUsersToChangePassword = live.none and true or nil,
}
