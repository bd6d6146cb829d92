-- docs_spec.lua -- documentation as plain text.
local docs = require "pack.docs"
local json = require "tidelock.json"

describe("pack.docs", function()
  it("keeps paragraphs, lists, code and notes, and drops all other marks", function()
    assert.equal(table.concat({
      "Creates a queue. See the guide.", "", "Keep in mind:", "- `FifoQueue` is <fixed> & final.", "- Wait 60 s.", "",
      "Note: Names are unique.", "", "Important: Ends with .fifo"}, "\n"),
      docs.text [[<p>Creates a
        queue. See the <a href="https://x/y?a=b">guide</a>.</p> <p>Keep in mind:</p> <ul> <li> <p>
        <code> <a>FifoQueue</a> </code> is &lt;fixed&gt; &amp; final.</p> </li> <li> <p>Wait 60&nbsp;s.</p></li></ul>
        <note> <p>Names are unique.</p> </note> <important><p>Ends with &#46;fifo</p></important>]])
  end)

  it("starts a list on its own line inside a note", function()
    assert.equal("Note:\n- one\n- two", docs.text "<note><ul><li>one</li><li>two</li></ul></note>")
  end)

  it("is the empty string where nothing is said", function()
    assert.equal("", docs.text "<p></p>")
    assert.equal("", docs.text "")
  end)

  it("collects what a model says of itself, its operations, shapes and members", function()
    local compiled = docs.compile {
      documentation = "<p>Moons.</p>", operations = {Look = {documentation = "<p>Looks.</p>"}, Turn = {}},
      shapes = {Moon = {documentation = "A moon.", members = {Face = {documentation = "<b>Its</b> face."}, Far = {}}},
                Text = {documentation = ""}},
    }
    assert.same({about = "Moons.", operations = {Look = "Looks."}, shapes = {Moon = "A moon."},
                 members = {Moon = {Face = "Its face."}}}, json.decode(compiled))
  end)
end)
