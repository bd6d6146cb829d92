-- What luacheck must know: Lua 5.4, the vocabulary of playbooks, busted's words in specs.
std = "lua54"
max_line_length = 120
files["spec"] = {std = "+busted", globals = {"arg"}, read_globals = {"alloc"}}
files["host"] = {globals = {"arg"}}
files["playbooks"] = {
  read_globals = {"playbook", "var", "account", "ensure", "step", "find", "owned", "retire", "keep", "recall", "wait_until", "approve",
    "park", "check", "include", "output", "known", "days", "hours", "minutes", "seconds", "now", "random", "aws", "task", "http", "json", "redis",
    "ratelimit", "postgres", "log", "secret", "looks_secret", "policies", "contains", "listed", "tokenbucket",
    "worker"},
}
