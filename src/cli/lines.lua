-- SPDX-License-Identifier: MIT
--
-- Which lines of a script have code, from the bytecode's own list of lines.

local util = require "jit.util"

-- The opcode of the return at the end of a function.
local function opcode_of_end()
  local func = function() end
  local info = util.funcinfo(func)
  return bit.band(util.funcbc(func, info.bytecodes - 1), 0xff)
end

local RET0 = opcode_of_end()

local function add(lines, proto)
  local info = util.funcinfo(proto)
  local last = info.bytecodes - 1
  for pc = 1, last do
    local opcode = bit.band(util.funcbc(proto, pc), 0xff)
    -- The return at the end of a function is there even where none gets to it.
    if not (pc == last and opcode == RET0) then
      lines[util.funcinfo(proto, pc).currentline] = true
    end
  end
  if not info.children then return end
  for i = -1, -65536, -1 do
    local child = util.funck(proto, i)
    if child == nil then break end
    if type(child) == "proto" then add(lines, child) end
  end
end

-- A sorted list of line numbers.
local function active(text)
  local func = loadstring(text, "=lines")
  if not func then return {} end
  local lines, list = {}, {}
  add(lines, func)
  for line in pairs(lines) do list[#list + 1] = line end
  table.sort(list)
  return list
end

return { active = active }
