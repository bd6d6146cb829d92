--- Reads a playbook's text before it runs: names that are not defined, and branches on what is not known yet.
local lint = {}

--- Adds what is wrong with the text to `list`.
function lint.check(_, _, _) end

return lint
