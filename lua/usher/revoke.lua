-- SPDX-License-Identifier: MIT
--
-- Client certificates and tickets that are not to be accepted any more. A
-- resumption does not look at certificates again; this does.

local usher = require "usher"
local data = require "usher.data"
local options = require "usher.options"

---@alias usher.Set string | string[] | userdata

---@class usher.revoke.Options
---@field name? string the policy's name
---@field serials? usher.Set of certificates, in hex digits
---@field sha256? usher.Set of certificates, in hex digits
---@field tickets? usher.Set ticket.id, 16 hex digits
---@field expired? boolean certificates outside of their time; true if missing
---@field refuse? "ignore_renew"|"ignore"|"abort"

local kinds = {
  name = "string",
  serials = "set",
  sha256 = "set",
  tickets = "set",
  expired = "boolean",
  refuse = "string",
}

-- Hex digits as facts have them: lower case, two for each byte, no colons, no
-- "00" in front.
local function plain(hex)
  local digits = hex:lower():gsub("^0x", ""):gsub("[^0-9a-f]", "")
  if #digits % 2 == 1 then digits = "0" .. digits end
  while #digits > 2 and digits:sub(1, 2) == "00" do digits = digits:sub(3) end
  return digits
end

-- A list's entries as keys.
local function keys_of(list)
  local keys = {}
  for i = 1, #list do
    local key = plain(list[i])
    if key == "" then
      error("usher.revoke: there are no hex digits in '" .. list[i] .. "'", 4)
    end
    keys[key] = true
  end
  return keys
end

-- A function that tells whether a value is in the set. Who writes a file copies
-- from what other programs print: in capitals, or with colons.
local function lookup(set)
  if type(set) == "table" then
    local keys = keys_of(set)
    return function(value) return keys[value] end
  end
  if type(set) == "string" then
    local ok, result = pcall(data.set, set)
    if not ok then error("usher.revoke: " .. tostring(result), 3) end
    set = result
  end
  return function(value)
    local colons = value:gsub("..", "%0:"):sub(1, -2)
    return set:contains(value) or set:contains(value:upper())
      or set:contains(colons) or set:contains(colons:upper())
  end
end

local function check_cert(cert, sets, expired)
  if expired then
    local now = usher.now()
    -- A time that can't be read is none to be within.
    if now > (cert.not_after or -math.huge) then
      return "client certificate has expired"
    end
    if now < (cert.not_before or math.huge) then
      return "client certificate is not valid yet"
    end
  end
  if sets.serials and (not cert.serial or sets.serials(cert.serial)) then
    return "client certificate is revoked"
  end
  if sets.sha256 and (not cert.sha256 or sets.sha256(cert.sha256)) then
    return "client certificate is revoked"
  end
end

local function decrypt_of(sets, expired, refuse)
  local looks_at_cert = expired or sets.serials or sets.sha256
  return function(_, ticket)
    if not ticket.decrypted then return "default" end
    if sets.tickets then
      local id = ticket.id
      if not id then return refuse, "a ticket without id" end
      if sets.tickets(id) then return refuse, "ticket is revoked" end
    end
    local cert = looks_at_cert and ticket.client_cert
    local why = cert and check_cert(cert, sets, expired)
    if why then return refuse, why end
    return "default"
  end
end

--- A policy, or a part of usher.chain.
---@param given usher.revoke.Options
---@return usher.Policy
local function revoke(given)
  options.check("usher.revoke", given, kinds)
  local refuse = options.refusal("usher.revoke", given)
  local sets = {}
  for _, name in ipairs { "serials", "sha256", "tickets" } do
    if given[name] then sets[name] = lookup(given[name]) end
  end
  return setmetatable({
    name = given.name,
    decrypt = decrypt_of(sets, given.expired ~= false, refuse),
  }, { __index = { takes_data = true } })
end

return revoke
