-- report.lua -- busted's output: a line a file, failures in full, then the counting line. With -Xoutput=whole a file in
-- which nothing ran and nothing is pending has failed.
local function where(element)
  local trace = element.trace
  return trace and ("%s:%s"):format(trace.short_src, trace.currentline) or "?"
end

local function text(message)
  if type(message) == "table" then return tostring(message.message or require("pl.pretty").write(message)) end
  return tostring(message)
end

return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local file, began, counts, bad = nil, 0, nil, {}
  local whole = require "lists".contains(options.arguments or {}, "whole")
  local total = {success = 0, failure = 0, error = 0, pending = 0}

  function handler.fileStart(element)
    file, began = element.name, busted.gettime()
    counts = {success = 0, failure = 0, error = 0, pending = 0}
    return nil, true
  end

  -- Nothing failed there either, which looks like a proof.
  local function nothing_ran(element)
    busted.publish({"error", "file"}, element, nil, "No spec of this file ran, and none is pending: no `it` was"
      .. " reached. Where something is missing on this machine, say so with pending(NAME, why).", {})
  end

  function handler.fileEnd(element)
    if whole and counts.success + counts.failure + counts.error + counts.pending == 0 then nothing_ran(element) end
    local failed = counts.failure + counts.error
    io.write(("%-4s %-52s %5d passed"):format(failed > 0 and "FAIL" or "ok", file, counts.success))
    if failed > 0 then io.write((", %d failed"):format(failed)) end
    if counts.pending > 0 then io.write((", %d skipped"):format(counts.pending)) end
    io.write(("  %.2f s\n"):format(busted.gettime() - began))
    io.flush()
    return nil, true
  end

  function handler.testEnd(_, _, status)
    counts[status] = counts[status] + 1
    total[status] = total[status] + 1
    return nil, true
  end

  function handler.failed(element, parent, message, trace)
    if element.descriptor ~= "it" then
      total.error = total.error + 1
      if counts then counts.error = counts.error + 1 end
    end
    bad[#bad + 1] = {name = handler.getFullName(element), at = where(element), message = text(message),
      trace = trace and trace.traceback, parent = parent}
    return nil, true
  end

  function handler.suiteEnd()
    for _, each in ipairs(bad) do
      io.write("\nFAILED: ", each.name, "\n  at ", each.at, "\n  ", (each.message:gsub("\n", "\n  ")), "\n")
      if each.trace and os.getenv "TRACE" then io.write(each.trace, "\n") end
    end
    io.write(("\n%d passed, %d failed, %d skipped\n"):format(total.success, total.failure + total.error, total.pending))
    io.flush()
    return nil, true
  end

  busted.subscribe({"file", "start"}, handler.fileStart)
  busted.subscribe({"file", "end"}, handler.fileEnd)
  busted.subscribe({"test", "end"}, handler.testEnd, {predicate = handler.cancelOnPending})
  busted.subscribe({"failure"}, handler.failed)
  busted.subscribe({"error"}, handler.failed)
  busted.subscribe({"suite", "end"}, handler.suiteEnd)
  handler.options = options
  return handler
end
