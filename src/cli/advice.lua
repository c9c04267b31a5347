-- SPDX-License-Identifier: MIT
--
-- What to do about an error that a policy raised: in words that name the fact
-- behind it.

local samples = require "usher.samples"

-- What Lua says, and what helps: %s is the fact, or "the value".
local ADVICE = {
  { "^attempt to compare nil with nil", "test %s first" },
  { "^attempt to compare nil with string", 'write (%s or "")' },
  { "^attempt to compare string with nil", 'write (%s or "")' },
  { "^attempt to compare .*nil", "write (%s or 0)" },
  { "^attempt to compare number with string", "write tonumber(%s)" },
  { "^attempt to compare string with number", "write tonumber(%s)" },
  { "^attempt to compare two", "compare what is in them" },
  { "^attempt to index .*nil value", "test %s first" },
  { "^attempt to concatenate .*nil value", 'write (%s or "")' },
  { "^attempt to concatenate .*boolean value", "write tostring(%s)" },
  { "^attempt to perform arithmetic on .*nil value", "write (%s or 0)" },
  { "^attempt to perform arithmetic", "write tonumber(%s)" },
  { "^attempt to get length of .*nil value", "test %s first" },
  { "^attempt to call .*nil value",
    "there is no such function; look at its name" },
  { "^bad argument .*string expected, got n", 'write (%s or "")' },
  { "^bad argument .*number expected, got n", "write (%s or 0)" },
  { "^bad argument .*table expected, got n", "write (%s or {})" },
  { "^bad argument", "give it what it takes; see usher(7)" },
  { "^table index is nil", "test %s first" },
  { "^stack overflow", "bound the recursion" },
  { "can't be stored", "store strings, numbers, booleans, and tables of them" },
}

-- The message without "script:line: ".
local function strip(err)
  local text = err.message
  if text:sub(1, #err.script) == err.script then
    text = text:sub(#err.script + 1):gsub("^:%d*:? ?", "")
  end
  return text
end

-- The facts that the line reads and the sample has not.
local function missing(sample, tree, line)
  local list = {}
  if type(sample.doc) ~= "table" then return list end
  for _, path in ipairs(tree and tree.facts_at[line] or {}) do
    if samples.lookup(sample.doc, path) == nil and path ~= "conn.vars" then
      list[#list + 1] = path
    end
  end
  return list
end

-- What is nil in Lua's message: local 'x', field 'y'.
local function named(text)
  local kind, name = text:match("(%a+) '([^']+)' %(a nil value%)")
  if kind == "local" or kind == "upvalue" then return name end
end

-- An age that is not known is as old as can be.
local function default_for(advice, fact)
  if fact and fact:find("[._]age$") then
    return (advice:gsub(" or 0%)", " or math.huge)"))
  end
  return advice
end

-- What is wrong, what to do, and with which sample it was seen.
local function for_run(err, sample, tree, line)
  local text = strip(err)
  local what, todo = text:match("^(.-); (.*)$")
  if what then return what, todo, sample.name end
  for _, each in ipairs(ADVICE) do
    if text:find(each[1]) then
      local about_nil = text:find("nil") or text:find("no value")
      local fact = about_nil and missing(sample, tree, line)[1] or nil
      local value = named(text) or fact
        or text:match("field '([^']+)' %(a nil") or "the value"
      local where = sample.name
      if fact then where = fact .. " is nil: " .. where end
      todo = default_for(each[2], fact):gsub("%%s", (value:gsub("%%", "%%%%")))
      return text, todo, where
    end
  end
  return text, nil, sample.name
end

-- For an error while the script was loaded.
local function for_load(err)
  local text = strip(err)
  if err.code == "syntax" then
    return "correct the syntax"
  end
  for _, each in ipairs(ADVICE) do
    if text:find(each[1]) then
      return (each[2]:gsub("%%s", "the value"))
    end
  end
end

return { for_run = for_run, for_load = for_load, strip = strip }
