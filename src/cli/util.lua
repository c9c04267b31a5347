-- SPDX-License-Identifier: MIT
--
-- What several parts of check and test need.

local util = {}

--- The bytes of a file, or nil.
function util.read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

function util.contains(list, value)
  for _, each in ipairs(list) do
    if each == value then return true end
  end
  return false
end

--- A copy of a value, and of all tables in it.
function util.copy(value)
  if type(value) ~= "table" then return value end
  local result = {}
  for k, v in pairs(value) do result[k] = util.copy(v) end
  return result
end

return util
