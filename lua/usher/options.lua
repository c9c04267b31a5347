-- SPDX-License-Identifier: MIT
--
-- Options that a module is given as a table. They are looked through when the
-- script is loaded; a mistake names the line of whoever gave them.

local options = {}

---@alias usher.options.Kind
---| "boolean" | "string" | "number" | "table" | "strings" | "set"

-- How many letters have to change to make one name of the other.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local before = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local d = math.min(row[j] + 1, row[j - 1] + 1, before + cost)
      before, row[j] = row[j], d
    end
  end
  return row[#b]
end

--- The nearest of the names, or nil if none is near.
---@param name string
---@param names string[]
---@return string?
function options.near(name, names)
  local best
  local least = math.min(math.floor((#name + 2) / 3), 3) + 1
  for i = 1, #names do
    local d = #name < 64 and distance(name, names[i]) or least
    if d < least and d < #names[i] then
      best, least = names[i], d
    end
  end
  return best
end

-- What else people call them.
local also = {
  sni = "server_name",
  vhost = "server_name",
  cert = "client_cert",
  ip = "network",
  peer_address = "network",
  ciphers = "hello",
  max_age = "auth_age",
  max_auth_age = "auth_age",
}

local function raise_unknown(module, name, kinds, level)
  local names = {}
  for known in pairs(kinds) do
    if type(known) == "string" then names[#names + 1] = known end
  end
  table.sort(names)
  local near = kinds[also[name]] and also[name] or options.near(name, names)
  if near then
    error(module .. " has no option '" .. name .. "'; did you mean '"
      .. near .. "'?", level)
  end
  error(module .. " has no option '" .. name .. "'; its options are "
    .. table.concat(names, ", "), level)
end

local function are_strings(value)
  if type(value) ~= "table" then return false end
  local n = 0
  for _, item in pairs(value) do
    if type(item) ~= "string" then return false end
    n = n + 1
  end
  -- Nothing beside the list, where nobody would look at it.
  return n > 0 and #value == n and value[n] ~= nil
end

-- { file = NAME, may_be_empty = true, at_least = N }; usher.data looks at the
-- values.
local function is_file(value)
  if type(value) ~= "table" or type(value.file) ~= "string" then return false end
  for name in pairs(value) do
    if name ~= "file" and name ~= "may_be_empty" and name ~= "at_least" then
      return false
    end
  end
  return true
end

-- A set is a data set, the name of its file, or a list.
local function is_set(value)
  return type(value) == "string" or type(value) == "userdata"
    or are_strings(value) or is_file(value)
end

-- Is it of that kind, and what is the kind called?
local fits = {
  boolean = { function(v) return type(v) == "boolean" end, "true or false" },
  string = { function(v) return type(v) == "string" end, "a string" },
  number = {
    function(v)
      return type(v) == "number" and v >= 0 and v < math.huge
    end,
    "a number, 0 or more",
  },
  table = { function(v) return type(v) == "table" end, "a table" },
  strings = { are_strings, "a list of strings" },
  set = {
    is_set,
    "a file's name, a list of strings, a data set, or { file = NAME, "
      .. "may_be_empty = true or at_least = N }",
  },
}

-- `kinds` may name several, as in "boolean|strings".
local function check_value(module, name, value, kinds, level)
  local wanted = {}
  for kind in kinds:gmatch("%a+") do
    local fit = fits[kind]
    if fit[1](value) then return end
    wanted[#wanted + 1] = fit[2]
  end
  error(module .. ": option '" .. name .. "' must be "
    .. table.concat(wanted, ", or ") .. ", not "
    .. (type(value) == "string" and "'" .. value .. "'" or
      type(value) == "number" and tostring(value) or "a " .. type(value)),
    level)
end

--- Raises an error unless `given` is a table of known options, each of its
--- kind. The line it names is that of whoever called the function that calls
--- this one, or further up by `up`.
---@param module string
---@param given any
---@param kinds table<string, string> usher.options.Kind, several with "|"
---@param up? integer
function options.check(module, given, kinds, up)
  local level = 3 + (up or 0)
  if type(given) ~= "table" then
    error(module .. " takes a table of options, not "
      .. (given == nil and "nothing" or "a " .. type(given)), level)
  end
  for name, value in pairs(given) do
    if type(name) ~= "string" then
      error(module .. ": options have names; there is one without: "
        .. tostring(value), level)
    end
    if not kinds[name] then raise_unknown(module, name, kinds, level + 1) end
    check_value(module, name, value, kinds[name], level + 1)
  end
end

-- Refusals that a module can be asked for.
local refusals = { ignore = true, ignore_renew = true, abort = true }

--- The option `refuse`: the verdict for a ticket that is refused.
---@param module string
---@param given table
---@return "ignore" | "ignore_renew" | "abort"
function options.refusal(module, given)
  local refuse = given.refuse or "ignore_renew"
  if not refusals[refuse] then
    error(module .. ": option 'refuse' must be 'ignore_renew', 'ignore' or "
      .. "'abort', not '" .. tostring(refuse) .. "'", 3)
  end
  return refuse
end

local function is_bits(bits, most)
  return type(bits) == "number" and bits >= 0 and bits <= most
    and bits == math.floor(bits)
end

--- The option `network`, { v4 = BITS, v6 = BITS } or true: two numbers.
---@param module string
---@param given table
---@return integer v4
---@return integer v6
function options.network(module, given)
  local network = given.network
  if type(network) ~= "table" then return 24, 48 end
  for name in pairs(network) do
    if name ~= "v4" and name ~= "v6" then
      error(module .. ": option 'network' has 'v4' and 'v6', not '"
        .. tostring(name) .. "'", 3)
    end
  end
  local v4, v6 = network.v4 or 24, network.v6 or 48
  if not is_bits(v4, 32) or not is_bits(v6, 128) then
    error(module .. ": option 'network' takes 0 to 32 bits as 'v4', 0 to "
      .. "128 as 'v6'", 3)
  end
  return v4, v6
end

return options
