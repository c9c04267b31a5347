-- SPDX-License-Identifier: MIT
--
-- One policy made of several parts. Each is asked about a ticket in turn; the
-- first that refuses it has decided. Each finds in ticket.data what it stored
-- itself, and nothing of the others.

local part = require "usher.part"

-- Only a policy with a generate can have data, so only it needs a key. The
-- others get the ticket as it is.
local function key_of(policy, i, taken)
  local key = policy.name or policy.key
  if not key then
    error("usher.chain: part " .. i .. " has a generate, and so needs a name: "
      .. "what it stores is kept under it", 4)
  end
  if taken[key] then
    error("usher.chain: parts " .. taken[key] .. " and " .. i .. " are both "
      .. "called '" .. tostring(key) .. "'; give one of them another name", 4)
  end
  taken[key] = i
  return key
end

local function parts_of(given)
  local parts, taken = {}, {}
  for i, policy in ipairs(given) do
    part.check("usher.chain", "part " .. i, policy)
    local key = policy.generate and key_of(policy, i, taken)
    local view = key and part.viewer(function(data) return data[key] end)
    parts[i] = {
      key = key,
      view = view,
      policy = policy,
      takes = policy.takes_data and key,
      decrypt = key and part.decrypt(policy, view) or policy.decrypt,
    }
  end
  return parts
end

local function with_decrypt(parts)
  local list = {}
  for _, entry in ipairs(parts) do
    if entry.decrypt then list[#list + 1] = entry end
  end
  return list
end

-- A refusal, and what is no verdict at all, is returned at once. Where one part
-- needs a new ticket to be made, none can save it.
local function decrypt_of(parts)
  local n = #parts
  return function(conn, ticket)
    local accepted, why, all
    for i = 1, n do
      local entry = parts[i]
      local key, mine = entry.takes, nil
      if key then
        if all == nil then all = ticket.data or false end
        mine = all and all[key]
      end
      local verdict, reason = entry.decrypt(conn, ticket, mine)
      if verdict ~= "default" and verdict ~= nil then
        if verdict ~= "use_renew" and verdict ~= "use" then
          return verdict, reason
        end
        if accepted ~= "use_renew" then accepted = verdict end
      end
      if reason then why = why and why .. "; " .. reason or reason end
    end
    return accepted or "default", why
  end
end

-- Those that use tickets up come first: where another one fails, the handshake
-- may go on, and the ticket would stay good.
local function with_generate(parts)
  local list = {}
  for _, first in ipairs { true, false } do
    for _, entry in ipairs(parts) do
      if entry.key and first == (entry.policy.burns or false) then
        list[#list + 1] = entry
      end
    end
  end
  return list
end

local function generate_of(parts)
  local n, generate = #parts, part.generate
  return function(conn, ticket)
    local all
    for i = 1, n do
      local entry = parts[i]
      local data, reason = generate(entry.policy, conn, entry.view(ticket))
      if data then
        all = all or {}
        all[entry.key] = data
      elseif data == false then
        return false, reason
      end
    end
    return all
  end
end

local function check_name(given)
  for name in pairs(given) do
    if name ~= "name" and (type(name) ~= "number" or not given[#given]
        or name > #given or name < 1 or name % 1 ~= 0) then
      error("usher.chain takes a name and a list of policies, not '"
        .. tostring(name) .. "'", 3)
    end
  end
  if given.name ~= nil and type(given.name) ~= "string" then
    error("usher.chain: 'name' must be a string, not a " .. type(given.name),
      3)
  end
end

--- A policy that asks its parts, in order:
--- `chain { name = "shop", bind { server_name = true }, age { ... } }`
---@param given { name?: string, [integer]: usher.Policy }
---@return usher.Policy
local function chain(given)
  if type(given) ~= "table" then
    error("usher.chain takes a table with a list of policies, not "
      .. (given == nil and "nothing" or "a " .. type(given)), 2)
  end
  check_name(given)
  local parts = parts_of(given)
  if #parts == 0 then error("usher.chain is given no policy", 2) end
  return setmetatable({
    name = given.name,
    decrypt = decrypt_of(with_decrypt(parts)),
    generate = generate_of(with_generate(parts)),
    selftest = part.selftest(given),
  }, { __index = { burns = part.burns(given) } })
end

return chain
