-- elf.lua -- the head of a program, as much of it as Lambda's package is checked for.
local elf = {}

--- The bytes of a program that does nothing. `options`: machine = 62, interpreter = true, more = text behind it.
function elf.bytes(options)
  options = options or {}
  local kind = options.interpreter and 3 or 1
  return "\127ELF\2\1\1" .. ("\0"):rep(9) .. string.pack("<I2I2I4I8I8I8I4I2I2I2I2I2I2", 3, options.machine or 62, 1, 0,
    64, 0, 0, 64, 56, 1, 0, 0, 0) .. string.pack("<I4", kind) .. ("\0"):rep(52) .. (options.more or "")
end

--- Writes one and gives its path back.
function elf.write(path, options)
  local file <close> = assert(io.open(path, "wb"))
  file:write(elf.bytes(options))
  return path
end

return elf
