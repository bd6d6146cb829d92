-- again.lua -- for what a machine that stands still for a moment spoils, though the program is right.

--- Runs `fn` until it does not raise, `n` times at most, and raises what the last one raised. Only for what a wrong
-- program fails each time: a time that a server must answer within, where one long enough for any machine would make
-- the spec long too.
return function(n, fn)
  for _ = 2, n do
    if pcall(fn) then return end
  end
  fn()
end
