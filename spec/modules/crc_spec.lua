-- crc_spec.lua -- the three checksums against their catalogue's check values and a bit-by-bit reference.
local digest = require "tidelock.digest"

local function hex(s) return digest.hex(s) end

-- Reflected polynomial, bytes, and the catalogue's checksum of "123456789".
local KINDS <const> = {
  crc32 = {0xedb88320, 4, "cbf43926"},
  crc32c = {0x82f63b78, 4, "e3069283"},
  crc64nvme = {0x9a6c9329ac4bc9b5, 8, "ae8b14860a799888"},
}

local function reference(kind, text)
  local polynomial, size = KINDS[kind][1], KINDS[kind][2]
  local ones = size == 8 and -1 or 0xffffffff
  local crc = ones
  for i = 1, #text do
    crc = crc ~ text:byte(i)
    for _ = 1, 8 do crc = crc & 1 == 1 and (crc >> 1) ~ polynomial or crc >> 1 end
  end
  return (">I" .. size):pack((crc ~ ones) & (size == 8 and -1 or 0xffffffff))
end

local bytes = {}
do
  local state = 12345
  for i = 1, 4096 do
    state = state * 6364136223846793005 + 1442695040888963407
    bytes[i] = string.char(state >> 56 & 255)
  end
end
local noise = table.concat(bytes)

for kind, row in pairs(KINDS) do
  describe(kind, function()
    it("has the catalogue's check value", function() assert.equal(row[3], hex(digest[kind] "123456789")) end)
    it("of nothing is zero", function() assert.equal(("\0"):rep(row[2]), digest[kind] "") end)

    it("equals the reference at every length about the folding's block", function()
      for n = 0, 320 do
        local text = noise:sub(n + 1, 2 * n)
        if reference(kind, text) ~= digest[kind](text) then error(kind .. " differs at length " .. n) end
      end
      assert.equal(hex(reference(kind, noise)), hex(digest[kind](noise)))
    end)

    it("is the same however the text is cut", function()
      local whole = digest[kind](noise)
      for _, cut in ipairs {0, 1, 15, 16, 63, 64, 65, 100, 127, 128, 129, 2048, 4095, 4096} do
        local pieces = digest.new(kind):update(noise:sub(1, cut)):update(noise:sub(cut + 1))
        assert.equal(whole, pieces:final())
      end
    end)
  end)
end
