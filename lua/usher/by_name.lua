-- SPDX-License-Identifier: MIT
--
-- A policy for each server name. A ticket knows under which of them it was
-- made, and is good under no other.

local data = require "usher.data"
local part = require "usher.part"

-- "*.example.com" of the name "a.b.example.com" is looked for at each dot, the
-- longest end first.
local function entry_of(entries, name)
  if not name then return entries.default end
  local entry = entries[name]
  local dot = not entry and name:find(".", 1, true)
  while dot do
    entry = entries["*" .. name:sub(dot)]
    if entry then return entry end
    dot = name:find(".", dot + 1, true)
  end
  return entry or entries.default
end

local function pick_of(key)
  return function(stored)
    return stored.n == key and stored.d or nil
  end
end

local function check_key(key)
  if type(key) ~= "string" then
    error("usher.by_name takes policies by server names, not by a "
      .. type(key), 4)
  end
  if key:find("*", 2, true) or key:find("*", 1, true) and key:sub(2, 2) ~= "."
    or key == "*." then
    error("usher.by_name: '" .. key .. "' is no name; a star can only stand "
      .. "for all that comes before a dot, as in '*.example.com'", 4)
  end
  local plain, why = data.plain(key, "host")
  if not plain then error("usher.by_name: " .. why, 4) end
  if plain ~= key then
    error("usher.by_name: server names are in lower case, without a dot at "
      .. "their end: write '" .. plain .. "'", 4)
  end
end

local function entries_of(given)
  local entries, policies = {}, {}
  for key, policy in pairs(given) do
    if key ~= "name" then
      check_key(key)
      part.check("usher.by_name", "'" .. key .. "'", policy)
      policies[#policies + 1] = policy
      local view = part.viewer(pick_of(key))
      entries[key] = {
        key = key,
        policy = policy,
        view = view,
        decrypt = part.decrypt(policy, view),
      }
    end
  end
  return entries, policies
end

local function decrypt_of(entries)
  return function(conn, ticket)
    if not ticket.decrypted then return "default" end
    local entry = entry_of(entries, conn.server_name)
    if not entry then return "ignore_renew", "no policy for this name" end
    local stored = ticket.data
    if not stored then return "ignore_renew", "not one of ours" end
    if stored.n ~= entry.key then
      return "ignore_renew", "made under another name's policy"
    end
    local decrypt = entry.decrypt
    if not decrypt then return "default" end
    return decrypt(conn, ticket, stored.d)
  end
end

local function generate_of(entries)
  return function(conn, ticket)
    local entry = entry_of(entries, conn.server_name)
    if not entry then return { n = false } end
    local made, reason =
      part.generate(entry.policy, conn, entry.view(ticket))
    if made == false then return false, reason end
    return { n = entry.key, d = made }
  end
end

--- A policy that asks the one of the server name: the exact name first, then
--- the longest "*.domain", then `default`. Without any of them, no ticket is
--- accepted.
---@param given table<string, usher.Policy> and a name for the whole
---@return usher.Policy
local function by_name(given)
  if type(given) ~= "table" then
    error("usher.by_name takes a table of policies by server name, not "
      .. (given == nil and "nothing" or "a " .. type(given)), 2)
  end
  if given.name ~= nil and type(given.name) ~= "string" then
    error("usher.by_name: 'name' is the name of the whole, a string, not a "
      .. type(given.name), 2)
  end
  local entries, policies = entries_of(given)
  if #policies == 0 then error("usher.by_name is given no policy", 2) end
  return setmetatable({
    name = given.name,
    decrypt = decrypt_of(entries),
    generate = generate_of(entries),
    selftest = part.selftest(policies),
  }, { __index = { key = "y", burns = part.burns(policies) } })
end

return by_name
