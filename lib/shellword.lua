--- A text as one word of a shell, for the commands that are told to people.

--- Quotes what a shell would take apart; what it would not stays as it is.
-- @tparam string text
-- @treturn string
return function(text)
  if text:find "^[%w%-_./:@=+,]+$" then return text end
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end
