--- Going on where a request failed for now: the client has tried already; this waits longer, and looks before it acts.
local patience = {}

local TRIES <const> = 4
local PAUSE <const>, CAP <const> = 0.5, 8          -- seconds before the second try, and the most before any

--- Whether a failure may pass, or may hide a success: an answer that was lost, or a second try that met the first.
function patience.worth(err)
  return type(err) == "table" and (err.retryable == true or (tonumber(err.attempts) or 0) > 1)
end

--- Waits before try `n + 1`; false where the run is interrupted meanwhile.
function patience.pause(n)
  return require "playbook.recorder".pause(math.min(CAP, PAUSE * 2 ^ (n - 1)) * (0.5 + math.random() / 2))
end

--- Calls `fn()` until it does not fail with what may pass; `stopped()` ends the waiting. Returns like pcall.
function patience.read(fn, stopped)
  for n = 1, TRIES do
    local ok, result = pcall(fn)
    if ok then return true, result end
    if n == TRIES or not (type(result) == "table" and result.retryable == true) or stopped and stopped() then
      return false, result
    end
    if not patience.pause(n) then return false, result end
  end
end

--- Calls `act()`; where that fails with what may pass or may hide a success, waits, calls `look()` and acts again,
-- unless looking says (true) that all is done. Returns true, or false and the last error.
function patience.write(act, look, stopped)
  local ok, err
  for n = 1, TRIES do
    ok, err = pcall(act)
    if ok then return true end
    if n == TRIES or not patience.worth(err) or stopped() or not patience.pause(n) then return false, err end
    local seen, done = patience.read(look, stopped)
    if not seen then return false, done end
    if done then return true end
  end
  return ok, err
end

return patience
