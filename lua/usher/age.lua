-- SPDX-License-Identifier: MIT
--
-- How old a session may get. A lifetime does not see to it: in TLS 1.3 each
-- resumption brings fresh tickets with a new one.

local options = require "usher.options"

-- Globals and fields of libraries cost more to read.
local huge = math.huge

---@class usher.age.Options
---@field name? string the policy's name
---@field auth_age? number seconds since the last full handshake
---@field age? number seconds since the ticket (in TLS 1.2: session) was made
---@field renewals? number since the last full handshake
---@field timeout? number seconds: the lifetime that tickets get
---@field refuse? "ignore_renew"|"ignore"|"abort"

local kinds = {
  name = "string",
  auth_age = "number",
  age = "number",
  renewals = "number",
  timeout = "number",
  refuse = "string",
}

local caps = {
  { "auth_age", "signed in too long ago" },
  { "renewals", "renewed too often" },
  { "age", "ticket too old" },
}

local function caps_of(given)
  local list = {}
  for _, cap in ipairs(caps) do
    local fact, reason = cap[1], cap[2]
    if given[fact] then
      list[#list + 1] = { fact = fact, most = given[fact], reason = reason }
    end
  end
  return list
end

local function decrypt_of(list, refuse)
  return function(_, ticket)
    if not ticket.decrypted then return "default" end
    for i = 1, #list do
      local cap = list[i]
      -- What can't be known is too much: without an envelope, or with a time
      -- in the future, there is no auth_age.
      if (ticket[cap.fact] or huge) > cap.most then
        return refuse, cap.reason
      end
    end
    return "default"
  end
end

local function generate_of(timeout)
  return function(_, ticket)
    ticket.timeout = timeout
  end
end

--- A policy, or a part of usher.chain.
---@param given usher.age.Options
---@return usher.Policy
local function age(given)
  options.check("usher.age", given, kinds)
  local refuse = options.refusal("usher.age", given)
  local list = caps_of(given)
  if #list == 0 and not given.timeout then
    error("usher.age is given no cap; say auth_age = SECONDS, or another of "
      .. "its options", 2)
  end
  if given.timeout and (given.timeout < 1 or given.timeout % 1 ~= 0) then
    error("usher.age: option 'timeout' must be a whole number, 1 or more", 2)
  end
  return setmetatable({
    name = given.name,
    decrypt = decrypt_of(list, refuse),
    generate = given.timeout and generate_of(given.timeout) or nil,
  }, { __index = { key = "g", takes_data = true } })
end

return age
