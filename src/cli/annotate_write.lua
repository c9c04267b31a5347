-- SPDX-License-Identifier: MIT
--
-- Writing annotations: functions with what is known about them, which has to
-- agree with what there really is.

local write = {}

function write.lines(...)
  for _, line in ipairs { ... } do io.write(line, "\n") end
end

-- What the file tells of, and where its text stands.
function write.head(what, source)
  write.lines("---@meta", "-- SPDX-License-Identifier: MIT", "--",
    "-- For the Lua language server: " .. what .. ".",
    "-- Made out of " .. source .. '; "make annotations" writes it.')
end

-- Raises unless the keys of both are the same.
function write.agree(what, real, told)
  for name in pairs(real) do
    if told[name] == nil then
      error(what .. " has '" .. name .. "', which has no annotation", 0)
    end
  end
  for name in pairs(told) do
    if real[name] == nil then
      error(what .. " has no '" .. name .. "', but an annotation of it", 0)
    end
  end
end

-- Those of a list, or the keys with a function behind them, as keys.
function write.set(of)
  local set = {}
  for key, value in pairs(of) do
    if type(key) == "number" then
      set[value] = true
    elseif type(value) == "function" and not key:find("^__") then
      set[key] = true
    end
  end
  return set
end

function write.sorted(of)
  local names = {}
  for name in pairs(of) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- Functions of the table `to` ("store."), each as a list: its arguments, its
-- annotations, what it does.
function write.functions(to, told)
  for _, name in ipairs(write.sorted(told)) do
    local fn = told[name]
    write.lines("")
    for i = 3, #fn do write.lines("---" .. fn[i]) end
    for line in fn[2]:gmatch("[^\n]+") do
      write.lines("---@" .. line:gsub("^%s+", ""))
    end
    write.lines(("function %s%s(%s) end"):format(to, name, fn[1]))
  end
end

-- A class whose fields stand in a table: a type, and what it is.
function write.class(name, doc, fields)
  write.lines("", "---" .. doc, "---@class " .. name)
  for _, field in ipairs(write.sorted(fields)) do
    write.lines("---@field " .. field .. fields[field])
  end
end

return write
