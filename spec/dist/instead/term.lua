--- What busted asks lua-term for: the static interpreter can load no library of C, and writes to no terminal.
return {isatty = function() return false end, colors = setmetatable({}, {__index = function()
  return function(text) return text end
end})}
