-- xml_spec.lua -- XML answers and requests: what the vectors of AWS leave open, and what must not be read.
local codec = require "tidelock.codec"
local json = require "tidelock.json"
local model = require "pack.model"
local models = require "tidelock.models"

local SHAPES <const> = {
  Top = {type = "structure", members = {
    Text = {shape = "Text"}, Size = {shape = "Int"}, On = {shape = "Bool"}, Item = {shape = "Flat"},
    Pairs = {shape = "FlatMap"}, Map = {shape = "Map"}, List = {shape = "List"}, Kind = {shape = "Text",
      xmlAttribute = true, locationName = "xsi:type"}, Self = {shape = "Top"}, Raw = {shape = "Blob"}}},
  Text = {type = "string"}, Int = {type = "integer"}, Bool = {type = "boolean"}, Blob = {type = "blob"},
  Flat = {type = "list", flattened = true, member = {shape = "Text", locationName = "Thing"}},
  FlatMap = {type = "map", flattened = true, key = {shape = "Text"}, value = {shape = "Int"}},
  Map = {type = "map", key = {shape = "Text"}, value = {shape = "Text"}},
  List = {type = "list", member = {shape = "Int"}},
}

local op = assert(models.load(model.compile {shapes = SHAPES,
  metadata = {apiVersion = "1", protocol = "rest-xml", serviceId = "X"},
  operations = {Go = {name = "Go", http = {method = "POST", requestUri = "/"}, output = {shape = "Top"},
    input = {shape = "Top", locationName = "Root", xmlNamespace = {uri = "http://x/&y"}}}}})):operation "Go"

local function read(body) return codec.decode(op, {status = 200, headers = {}, body = body}) end
local function write(input) return assert(codec.encode(op, input)).body end

describe("XML that is read", function()
  it("goes by local names, and keeps text as it is, entities and CDATA resolved", function()
    local top = assert(read('<?xml version="1.0" encoding="UTF-8"?><!-- c --><a:Top xmlns:a="u">'
      .. "<a:Text> a &lt;b&gt; &amp; &quot;&apos; &#x41;&#66; <![CDATA[<raw>&]]> \u{e9}\n</a:Text></a:Top>"))
    assert.equal(" a <b> & \"' AB <raw>& \u{e9}\n", top.Text)
  end)

  it("collects flattened lists and maps wherever their elements stand", function()
    local top = assert(read("<Top><Thing>1</Thing><Size>5</Size><Thing>2</Thing><Pairs><key>a</key><value>1</value>"
      .. "</Pairs><On>true</On><Pairs><key>b</key><value>2</value></Pairs><Thing/></Top>"))
    assert.same({"1", "2", ""}, top.Item)
    assert.same({a = 1, b = 2}, top.Pairs)
    assert.equal(5, top.Size)
    assert.is_true(top.On)
  end)

  it("keeps empty lists lists, empty text text, and absent things absent", function()
    local top = assert(read "<Top><List/><Map/><Text/><Raw></Raw></Top>")
    assert.same({List = {}, Map = {}, Text = "", Raw = ""}, top)
    assert.is_true(json.isarray(top.List))
    assert.same({}, assert(read "<Top/>"))
  end)

  it("reads attributes that are members, and skips what it does not know with all its inside", function()
    local top = assert(read('<Top xsi:type="K&amp;R" xmlns:xsi="u" other="1"><New><Text>no</Text><Size>x</Size></New>'
      .. "<Text>yes</Text></Top>"))
    assert.same({Kind = "K&R", Text = "yes"}, top)
  end)

  it("refuses document types and what they would bring", function()
    for _, body in ipairs {
      '<!DOCTYPE Top [<!ENTITY a "b">]><Top><Text>&a;</Text></Top>',
      '<!DOCTYPE Top SYSTEM "file:///etc/passwd"><Top/>',
      '<!DOCTYPE Top [<!ENTITY a SYSTEM "file:///etc/passwd">]><Top><Text>&a;</Text></Top>',
      '<!DOCTYPE l [<!ENTITY l "lol"><!ENTITY m "' .. ("&l;"):rep(50) .. '">]><Top><Text>&m;</Text></Top>',
      "<Top><Text>&undefined;</Text></Top>", "<Top><Text>&#0;</Text></Top>",
    } do
      local top, err = read(body)
      assert.is_nil(top)
      assert.equal("BadResponse", err.code)
    end
  end)

  it("refuses what is cut, crossed, doubled or no XML", function()
    for _, body in ipairs {"<Top>", "<Top><Text></Top></Text>", "<Top/><Top/>", "<Top", "Top", "{}", "<Top a=1/>",
      "<Top>\xff</Top>", "<Top a='1' a='2'/>", "\0", "<Top></Top>x"} do
      local top, err = read(body)
      assert.is_nil(top, body)
      assert.equal("BadResponse", err.code, body)
    end
  end)

  it("reads a text of many megabytes, and many elements, whole", function()
    local big = ("x&amp;"):rep(1 << 20)
    assert.equal(#big // 6 * 2, #assert(read("<Top><Text>" .. big .. "</Text></Top>")).Text)
    local list = assert(read("<Top><List>" .. ("<member>7</member>"):rep(100000) .. "</List></Top>")).List
    assert.equal(100000, #list)
    assert.equal(7, list[100000])
  end)
end)

describe("XML that is written", function()
  it("escapes text, attributes and namespaces so that the same comes back", function()
    local body = write {Text = "a<b>&\"'\r\n\t]]>", Kind = "<\"&'\n\t>"}
    assert.matches('^<Root xmlns="http://x/&amp;y"', body)
    local back = assert(read(body))
    assert.equal("a<b>&\"'\r\n\t]]>", back.Text)
    assert.equal("<\"&'\n\t>", back.Kind)
  end)

  it("names flattened items by themselves, and others by member", function()
    assert.matches("<List><member>1</member><member>2</member></List>", write {List = {1, 2}})
    local body = write {Pairs = {a = 1}}
    assert.matches("<Pairs><key>a</key><value>1</value></Pairs>", body)
  end)

  it("writes blobs in base64 and truth as words", function()
    assert.matches("<Raw>AP8=</Raw>", write {Raw = "\0\xff"})
    assert.matches("<On>false</On>", write {On = false})
  end)
end)
