-- browser.lua -- a page in a real browser, headless, as wide as a phone: what it measures there, and what is seen.
--
--   local browser = require "support.browser".start()           -- nil where no browser is installed
--   browser:measure(html, {scheme = "dark"})   -- {width =, window =, background =, boxes =}
--   local seen = browser:look(html, {scheme = "dark", height = 1200})
--   seen.width, seen.height
--   for y, line in seen.lines() do local colour = line[x] end   -- 0x14161a; the first is line 1, x 1
--   browser:close()
local fs = require "tidelock.fs"
local proc = require "tidelock.proc"
local server = require "support.server"

local browser = {}
browser.__index = browser

--- The width of a phone, in pixels of CSS. A headless window is 500 wide at least: what is measured is in a frame.
browser.PHONE = 390

local SCHEMES <const> = {dark = 0, light = 1}

function browser.start()
  local found = proc.run {"sh", "-c", "command -v chromium || command -v chromium-browser"}
  if found.code ~= 0 then return nil end
  return setmetatable({program = found.stdout:match "%S+", folder = fs.tempdir "browser", pages = 0}, browser)
end

local function contents(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

-- Each run has a profile of its own, so that several may run at once.
local function run(self, html, options, ...)
  self.pages = self.pages + 1
  local base = ("%s/%d"):format(self.folder, self.pages)
  assert(fs.write(base .. ".html", html))
  local out = assert(proc.run {self.program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--force-device-scale-factor=1", "--user-data-dir=" .. base .. ".profile",
    "--blink-settings=preferredColorScheme=" .. SCHEMES[options.scheme or "light"],
    ("--window-size=%d,%d"):format(browser.PHONE, options.height or 844), ..., "file://" .. base .. ".html"})
  return out, base
end

local TELLS <const> = [[<script>document.querySelectorAll('details').forEach(d=>d.open=true);
parent.document.title='w '+document.documentElement.scrollWidth+' of '+innerWidth+' '
+document.querySelectorAll('svg g').length+' '+getComputedStyle(document.body).backgroundColor</script></body>]]

--- The page in a frame of a phone's width, all folds open: how wide it is, and its window.
function browser:measure(html, options)
  local inner = html:gsub("</body>", function() return TELLS end)
  local frame = ('<!doctype html><meta name="color-scheme" content="light dark"><title>-</title><body><iframe '
    .. 'style="width:%dpx;height:800px;border:0" srcdoc="%s"></iframe></body>'):format(browser.PHONE,
    (inner:gsub("[&\"]", {["&"] = "&amp;", ['"'] = "&quot;"})))
  local out = run(self, frame, options or {}, "--dump-dom")
  local wide, window, boxes, colour = out.stdout:match "<title>w (%d+) of (%d+) (%d+) ([^<]+)</title>"
  assert(wide, "the page told nothing: " .. out.stderr:sub(-300))
  return {width = tonumber(wide), window = tonumber(window), boxes = tonumber(boxes), background = colour}
end

-- The lines of a picture, each a list of colours.
local function lines(data, first, width, height)
  local y = 0
  return function()
    if y == height then return nil end
    local from, line = first + 3 * width * y, {}
    for x = 1, width do
      local r, g, b = data:byte(from + 3 * x - 3, from + 3 * x - 1)
      line[x] = r << 16 | g << 8 | b
    end
    y = y + 1
    return y, line
  end
end

--- A picture of the page on a phone.
function browser:look(html, options)
  local png = self.folder .. ("/%d.png"):format(self.pages + 1)
  local out, base = run(self, html, options or {}, "--screenshot=" .. png)
  assert(contents(png), "no picture was taken: " .. out.stderr:sub(-300))
  local read = assert(proc.run {server.PYTHON, "spec/support/picture.py", png, base .. ".rgb"})
  assert(read.code == 0, read.stderr)
  local data = assert(contents(base .. ".rgb"))
  local width, height, first = data:match "^(%d+) (%d+)\n()"
  width, height = tonumber(width), tonumber(height)
  return {width = width, height = height, lines = function() return lines(data, first, width, height) end}
end

function browser:close() os.execute("rm -rf '" .. self.folder .. "'") end

return browser
