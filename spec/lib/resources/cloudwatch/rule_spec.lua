-- The rules of composite alarms: what is the same, and what cannot be read.
local rule = require "resources.cloudwatch.rule"

describe("a composite alarm's rule", function()
  for text, same in pairs {
    ["ALARM(a)"] = 'ALARM("a")',
    [" ( ALARM( 'a' ) ) "] = 'ALARM("a")',
    ['ALARM("b") OR ALARM("a")'] = 'ALARM("a") OR ALARM("b")',
    ['ALARM("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a b")'] = 'ALARM("a b")',
    ["ALARM(a) OR (ALARM(b) OR ALARM(c))"] = 'ALARM("a") OR ALARM("b") OR ALARM("c")',
    ["ALARM(c) OR ALARM(a) AND ALARM(b)"] = '(ALARM("a") AND ALARM("b")) OR ALARM("c")',
    ["NOT(OK(a) AND INSUFFICIENT_DATA(b))"] = 'NOT (INSUFFICIENT_DATA("b") AND OK("a"))',
    ["TRUE"] = "TRUE",
  } do
    it(("%s is %s"):format(text, same), function()
      assert.equal(same, rule.normal(text))
      assert.equal(same, rule.normal(same))
      assert.same({}, rule.faults(text))
    end)
  end
  it("is another where AND and OR bind otherwise", function()
    assert.not_equal(rule.normal "(ALARM(a) OR ALARM(b)) AND ALARM(c)", rule.normal "ALARM(a) OR ALARM(b) AND ALARM(c)")
  end)
  for text, fault in pairs {
    [""] = "the end is none of ALARM", ["ALARM(a"] = "%) is expected, not the end", ["ALARM()"] = "name of an alarm",
    ["ALARMED(a)"] = '"ALARMED" is none of', ["ALARM(a) XOR ALARM(b)"] = 'not "XOR"',
    ["ALARM(a) NOT ALARM(b)"] = "not NOT", ['ALARM("a)'] = "has no end", ["ALARM(a) AND"] = "the end is none of",
    ["(ALARM(a)"] = "%) is expected",
    [("("):rep(100) .. "TRUE" .. (")"):rep(100)] = "nested too deep",
    [("ALARM(a) OR "):rep(100) .. "ALARM(a)"] = "names 101 alarms",
  } do
    it(("%q is refused"):format(text:sub(1, 30)), function()
      assert.matches(fault, rule.faults(text)[1])
    end)
  end
  it("says where it is wrong", function()
    assert.matches("%(character 14%)", rule.faults("ALARM(a) AND FOO(b)")[1])
  end)
  it("names its alarms", function()
    local _, names = rule.parse "ALARM(a) AND NOT OK('b c')"
    assert.same({"a", "b c"}, names)
  end)
end)
