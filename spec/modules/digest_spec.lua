-- digest_spec.lua -- hashes against their standards' examples; strict readers; randomness; files.
local digest = require "tidelock.digest"
local sweep = require "support.sweep"

local function hex(s) return digest.hex(s) end

describe("hashes", function()
  it("have the values of FIPS 180, RFC 1321 and RFC 3174", function()
    assert.equal("d41d8cd98f00b204e9800998ecf8427e", hex(digest.md5 ""))
    assert.equal("900150983cd24fb0d6963f7d28e17f72", hex(digest.md5 "abc"))
    assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", hex(digest.sha1 "abc"))
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", hex(digest.sha256 ""))
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hex(digest.sha256 "abc"))
    assert.equal("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      hex(digest.sha256 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))
    assert.equal("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
      hex(digest.sha384 "abc"))
    assert.equal("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
      .. "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f", hex(digest.sha512 "abc"))
  end)

  it("are the same piece by piece", function()
    local text = ("0123456789abcdef"):rep(10000)
    for _, name in ipairs {"md5", "sha1", "sha256", "sha384", "sha512"} do
      local pieces = digest.new(name)
      for at = 1, #text, 997 do pieces:update(text:sub(at, at + 996)) end
      assert.equal(hex(digest[name](text)), hex(pieces:final()))
    end
  end)

  it("cannot be fed after their end, or be of an unknown kind", function()
    local d = digest.new "sha256"
    d:final()
    assert.error_matches(function() d:update "x" end, "digest is finished; make another")
    assert.error_matches(function() d:final() end, "digest is finished")
    assert.error_matches(function() digest.new "sha3" end, "invalid option 'sha3'")
  end)

  -- RFC 4231, cases 1 to 4, 6 and 7.
  it("make the HMACs of RFC 4231", function()
    local function mac(key, text) return hex(digest.hmac_sha256(key, text)) end
    assert.equal("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", mac(("\x0b"):rep(20), "Hi There"))
    assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      mac("Jefe", "what do ya want for nothing?"))
    assert.equal("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
      mac(("\xaa"):rep(20), ("\xdd"):rep(50)))
    assert.equal("82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
      mac(digest.unhex "0102030405060708090a0b0c0d0e0f10111213141516171819", ("\xcd"):rep(50)))
    assert.equal("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      mac(("\xaa"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First"))
    assert.equal("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
      mac(("\xaa"):rep(131), "This is a test using a larger than block-size key and a larger than block-size data. "
        .. "The key needs to be hashed before being used by the HMAC algorithm."))
  end)
end)

describe("hex and base64", function()
  -- RFC 4648, section 10.
  local RFC <const> = {[""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=",
    foobar = "Zm9vYmFy"}

  it("write and read RFC 4648's examples", function()
    for text, code in pairs(RFC) do
      assert.equal(code, digest.base64(text))
      assert.equal(text, digest.unbase64(code))
    end
    assert.equal("00ff10", digest.hex "\0\xff\x10")
    assert.equal("\0\xff\x10", digest.unhex "00fF10")
  end)

  it("give back any bytes of any length", function()
    for n = 0, 70 do
      local text = digest.random(n)
      assert.equal(text, digest.unbase64(digest.base64(text)))
      assert.equal(text, digest.unhex(digest.hex(text)))
    end
  end)

  it("refuse anything but themselves, with a sentence", function()
    for _, bad in ipairs {"Zg=", "Zg", "Z===", "====", "=", "Zh==", "Zm9=", "Zm8=Zm8=", "Zm9v\n", " Zm9v", "Zm9-",
                          "Zm_v", "Zg==Zg==", "Zm\0v", "Zm9vé"} do
      local value, err = digest.unbase64(bad)
      assert.is_nil(value)
      assert.equal("base64", err.code)
      assert.matches("this is not base64", err.message)
    end
    for _, bad in ipairs {"0", "0g", "0x10", "00 1", "\0\0"} do
      local value, err = digest.unhex(bad)
      assert.is_nil(value)
      assert.equal("hex", err.code)
    end
  end)
end)

describe("randomness", function()
  it("comes in the length asked for and does not repeat", function()
    assert.equal("", digest.random(0))
    assert.equal(100000, #digest.random(100000))
    assert.not_equal(digest.random(16), digest.random(16))
    assert.error_matches(function() digest.random(-1) end, "between 0 and 1048576")
    assert.error_matches(function() digest.random(1048577) end, "between 0 and 1048576")
  end)

  it("makes version 4 UUIDs", function()
    local seen = {}
    for _ = 1, 1000 do
      local uuid = digest.uuid()
      assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", uuid)
      assert.is_nil(seen[uuid])
      seen[uuid] = true
    end
  end)
end)

describe("sha256_file", function()
  it("hashes a file longer than its buffer as sha256 does", function()
    local path = os.tmpname()
    for _, n in ipairs {0, 1, 65535, 65536, 65537, 300000} do
      local text = digest.random(n)
      local file = assert(io.open(path, "wb"))
      file:write(text)
      file:close()
      assert.equal(hex(digest.sha256(text)), hex(digest.sha256_file(path)))
    end
    os.remove(path)
  end)

  it("says which file could not be read and why", function()
    local value, err = digest.sha256_file "/no/such/file"
    assert.is_nil(value)
    assert.equal("file", err.code)
    assert.matches("cannot read /no/such/file .*No such file", err.message)
    value, err = digest.sha256_file "/"
    assert.is_nil(value)
    assert.matches("Is a directory", err.message)
    assert.error_matches(function() digest.sha256_file "a\0b" end, "cannot hold a NUL")
  end)
end)

describe("tidelock.digest", function()
  it("survives any allocation being refused", function()
    local function script()
      local d = digest.new("sha512"):update "x"
      local c = digest.new("crc64nvme"):update "x"
      digest.sha1(digest.base64(digest.hex(d:final() .. c:final())))
      digest.sha256_file "/proc/self/cmdline"
      digest.unbase64 "Zg==="
      return digest.uuid() .. digest.random(4)
    end
    script()   -- OpenSSL's own first use makes thousands, and leaks when refused
    sweep(script)
  end)
end)
