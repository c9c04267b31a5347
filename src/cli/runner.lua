-- SPDX-License-Identifier: MIT
--
-- usher test, within the process of one test file: what the file may call in
-- order to say its tests (as with busted), and running them, one after the
-- other. What happens goes to the parent as events.

local core = require "usher.core"
local objects = require "usher.objects"
local lines = require "usher.lines"
local util = require "usher.util"

local read = util.read

local PENDING = {} -- what pending() raises
local root, current

local function new_block(name, parent)
  return {
    name = name, parent = parent, children = {},
    setup = {}, teardown = {}, before_each = {}, after_each = {},
  }
end

--
-- Saying tests
--

local function line_of_caller()
  return debug.getinfo(3, "l").currentline
end

local function describe(name, fn)
  local block = new_block(tostring(name), current)
  block.line = line_of_caller()
  current.children[#current.children + 1] = block
  current = block
  local ok, err = xpcall(fn, debug.traceback)
  current = block.parent
  if not ok then error(err, 0) end
end

local function it(name, fn)
  if current == nil then
    error("a test can't be said within a test", 2)
  end
  current.children[#current.children + 1] = {
    name = tostring(name), run = fn or false, parent = current,
    line = line_of_caller(),
  }
end

local function pending(message, fn)
  if current then -- a test that is yet to be written
    current.children[#current.children + 1] = {
      name = tostring(message), run = false, parent = current,
      line = line_of_caller(), fn = fn,
    }
  else
    error({ kind = PENDING, message = message }, 0)
  end
end

local function adder(list)
  return function(fn)
    if current == nil then error("not within a test", 2) end
    local to = current[list]
    to[#to + 1] = fn
  end
end

local function finally(fn)
  root.finally = fn
end

local function set_globals()
  for _, name in ipairs { "describe", "context", "insulate", "expose" } do
    _G[name] = describe
  end
  for _, name in ipairs { "it", "spec", "test" } do _G[name] = it end
  _G.pending, _G.finally = pending, finally
  _G.before_each, _G.after_each = adder "before_each", adder "after_each"
  for _, name in ipairs { "setup", "lazy_setup", "strict_setup" } do
    _G[name] = adder "setup"
  end
  for _, name in ipairs { "teardown", "lazy_teardown", "strict_teardown" } do
    _G[name] = adder "teardown"
  end
  _G.randomize = function() end
  _G.assert = require "luassert"
  _G.spy, _G.stub = require "luassert.spy", require "luassert.stub"
  _G.mock, _G.match = require "luassert.mock", require "luassert.match"
  _G.usher = objects.usher
end

--
-- Failures
--

-- The frames of a traceback that are the test's own, without the one that the
-- message names.
local function own_frames(trace, message)
  local list = {}
  local place = message:match("^[^\n]-:%d+:")
  for frame in trace:gmatch("\n\t([^\n]+)") do
    if frame:find("^%[C%]") == nil and not frame:find("^usher%.")
      and not frame:find("[/\\]luassert[/\\]")
      and frame:match("^.-:%d+:") ~= place then
      list[#list + 1] = (frame:gsub(" in function .*", " called from here"))
    end
  end
  return #list > 0 and table.concat(list, "\n") or nil
end

local function on_error(err)
  if type(err) == "table" and err.kind == PENDING then return err end
  local message = err
  if type(err) ~= "string" then
    local text = tostring(err)
    message = type(err) == "table" and not text:find("^table: ") and text
      or "an error that is no string: " .. text
  end
  -- Messages of the runner's own layers begin with where they come from.
  message = message:gsub("^usher%.[%a_]+:%d+: ", "")
  return {
    message = message, trace = own_frames(debug.traceback("", 2), message),
  }
end

local function protected(fn)
  local ok, err = xpcall(fn, on_error)
  if ok then return nil end
  return err
end

--
-- Running
--

local function full_name(node)
  local name = node.name
  local block = node.parent
  while block and block.name do
    name = block.name .. " " .. name
    block = block.parent
  end
  return name
end

local Run = {}
Run.__index = Run

-- before_each runs from the outermost block on, after_each the other way.
local function chain(block)
  local list = {}
  while block do
    table.insert(list, 1, block)
    block = block.parent
  end
  return list
end

-- One test, with what goes around it. The failure, or nil.
local function run_test(test)
  local blocks = chain(test.parent)
  local clock = objects.clock()
  local failure = protected(function()
    for _, block in ipairs(blocks) do
      for _, fn in ipairs(block.before_each) do fn() end
    end
    test.run()
  end)
  local function after(fn)
    local other = protected(fn)
    failure = failure or other
  end
  if root.finally then
    after(root.finally)
    root.finally = nil
  end
  for i = #blocks, 1, -1 do
    for _, fn in ipairs(blocks[i].after_each) do after(fn) end
  end
  objects.set_clock(clock)
  return failure
end

local function finish(test, status, failure)
  core.emit {
    event = "end", index = test.index, status = status,
    name = full_name(test), line = test.line,
    message = failure and failure.message, trace = failure and failure.trace,
  }
end

local function is_wanted(test)
  return core.matches(full_name(test))
end

function Run:test(test, broken)
  if test.index < self.first or not is_wanted(test) then return end
  core.emit { event = "start", index = test.index, name = full_name(test),
    line = test.line }
  if not test.run then return finish(test, "pending") end
  if broken then return finish(test, "fail", broken) end
  core.alarm(self.seconds)
  local failure = run_test(test)
  core.alarm(0)
  if failure and failure.kind == PENDING then
    finish(test, "pending")
  else
    finish(test, failure and "fail" or "pass", failure)
  end
  collectgarbage()
end

-- Is there a test to run in it?
function Run:has_tests(block)
  for _, child in ipairs(block.children) do
    if child.children then
      if self:has_tests(child) then return true end
    elseif child.run and child.index >= self.first
      and is_wanted(child) then
      return true
    end
  end
  return false
end

function Run:block(block, broken)
  local needed = self:has_tests(block)
  if needed and not broken then
    for _, fn in ipairs(block.setup) do
      core.alarm(self.seconds)
      broken = broken or protected(fn)
      core.alarm(0)
    end
    if broken then broken.message = "setup: " .. broken.message end
  end
  for _, child in ipairs(block.children) do
    if child.children then
      self:block(child, broken)
    else
      self:test(child, broken)
    end
  end
  for _, fn in ipairs(needed and block.teardown or {}) do
    local failure = protected(fn)
    if failure then
      core.emit {
        event = "error", message = "teardown: " .. failure.message,
        trace = failure.trace,
      }
    end
  end
end

local function number_tests(block, n)
  for _, child in ipairs(block.children) do
    if child.children then
      n = number_tests(child, n)
    else
      n = n + 1
      child.index = n
    end
  end
  return n
end

local function emit_coverage()
  for _, chunk in ipairs(core.coverage()) do
    local folder = chunk.path:match("^(.*/)") or ""
    local file = folder .. chunk.source:gsub("^@", "")
    local text = read(file)
    if text then
      local active, flags = lines.active(text), {}
      for i, line in ipairs(active) do
        flags[i] = chunk.lines[line] and 1 or 0
      end
      if #active > 0 then
        core.emit { event = "coverage", file = file, active = active,
          ran = flags }
      end
    end
  end
end

-- Runs the tests of a file from the one numbered `first` on. options: first,
-- seconds, coverage.
local function run(path, options)
  jit.off() -- compiled code would not see the alarm
  local ok, err = pcall(set_globals)
  if not ok then
    core.emit {
      event = "missing", message = "usher test needs luassert (Debian "
        .. "package: lua-luassert): " .. err:match("[^\n]*"),
    }
    return 2
  end
  package.path = (path:match("^(.*/)") or "./") .. "?.lua;" .. package.path
  if options.coverage then core.trace("lines") end
  objects.set_up(path, options)
  root = new_block(nil, nil)
  current = root
  local chunk, why = loadfile(path)
  local failure
  if chunk then
    failure = protected(chunk)
  else
    failure = { message = why }
  end
  current = nil
  if failure then
    core.emit { event = "error", message = failure.message,
      trace = failure.trace }
    core.emit { event = "done" }
    return 0
  end
  number_tests(root, 0)
  local self = setmetatable({
    first = options.first, seconds = options.seconds,
  }, Run)
  self:block(root)
  if options.coverage then emit_coverage() end
  core.emit { event = "done" }
  return 0
end

return { run = run }
