-- room.lua -- a root filesystem of its own for the static program: empty but for what is put there, read only.
local proc = require "tidelock.proc"
local support = require "support.server"

local room = {}
room.__index = room

room.PROGRAM, room.IMAGE = "build/dist/tidelock", "build/dist/image"

-- In a mount namespace of its own, which ends with the program; the shell becomes the program, and keeps its pid.
local ENTER <const> = [[
root=$1; user=$2; shift 2
mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" || exit 97
if [ -d "$root/work" ]; then mount --bind "$root.work" "$root/work" || exit 97; fi
cd / && exec chroot --userspec="$user" "$root" "$@"]]

-- Nothing of this machine's environment is seen inside.
local NONE <const> = setmetatable({}, {__call = function(_, env)
  local out = {}
  for name in assert(proc.run {"env"}).stdout:gmatch "([%w_]+)=[^\n]*" do out[name] = false end
  for name, value in pairs(env or {}) do out[name] = value end
  return out
end})

--- nil, or why such a room cannot be had here.
function room.lacks(needs_image)
  -- what was built some time ago tells nothing of the tree as it is now
  if not os.getenv "TIDELOCK_DIST" then return "make dist-test builds it first" end
  assert(support.exists(room.PROGRAM), "make dist comes first")
  assert(not needs_image or support.exists(room.IMAGE .. "/index.json"), "make image comes first")
  local ok = proc.run {"unshare", "-m", "true"}
  if not ok or ok.code ~= 0 then return "only root can give it a root filesystem of its own" end
end

--- An empty one, with the program in it and files {path = text}.
function room.empty(files)
  local self = setmetatable({folder = support.folder()}, room)
  self.root = self.folder .. "/root"
  assert(proc.run {"mkdir", self.root})
  assert(proc.run {"cp", room.PROGRAM, self.root .. "/tidelock"})
  for path, text in pairs(files or {}) do
    assert(proc.run {"mkdir", "-p", self.root .. path:match "^(.*)/"})
    local file <close> = assert(io.open(self.root .. path, "w"))
    file:write(text)
  end
  return self
end

--- The image's, with a /work that can be written to.
function room.of_image()
  local self = setmetatable({folder = support.folder()}, room)
  local out = assert(proc.run {"umoci", "unpack", "--image", room.IMAGE .. ":latest", self.folder .. "/bundle"})
  assert(out.code == 0, out.stderr)
  self.root = self.folder .. "/bundle/rootfs"
  assert(proc.run {"install", "-d", "-m", "1777", self.root .. ".work"})
  return self
end

--- The command that runs inside, as a table for proc: words, and options by name (env, user).
function room:command(options)
  local out = {"unshare", "-m", "--propagation", "private", "sh", "-c", ENTER, "room", self.root,
    options.user or "65532:65532"}
  table.move(options, 1, #options, #out + 1, out)
  out.env = NONE(options.env)
  -- the tools that lead inside are found by it; the program has no use for it
  out.env.PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
  out.stdout, out.stderr = options.stdout, options.stderr
  return out
end

--- Runs inside to its end: code, stdout, stderr.
function room:run(options) return assert(proc.run(self:command(options))) end

function room:close() support.remove(self.folder) end
room.__close = room.close

return room
