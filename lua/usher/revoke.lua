-- SPDX-License-Identifier: MIT
--
-- Client certificates and tickets that are not to be accepted any more. A
-- resumption does not look at certificates again; this does.

local usher = require "usher"
local data = require "usher.data"
local options = require "usher.options"

---@class usher.File
---@field file string
---@field may_be_empty? boolean it is no accident if there are no entries
---@field at_least? integer entries

---@alias usher.Set string | usher.File | string[] | userdata

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

local forms = { serials = "serial", sha256 = "sha256", tickets = "id" }

local function is_list(set)
  return type(set) == "table" and set[1] ~= nil
end

local function file_of(set)
  if type(set) == "table" then return set.file end
  return type(set) == "string" and set or nil
end

-- The form that an option's entries are read in. One file for serial numbers
-- and fingerprints has both, and each line shows which of them it is.
local function form_of(given, option)
  local file = file_of(given[option])
  if option ~= "tickets" and file and file_of(given.serials) == file
    and file_of(given.sha256) == file then
    return "certificate"
  end
  return forms[option]
end

-- A list's entries as keys.
local function keys_of(list, form)
  local keys = {}
  for i = 1, #list do
    local key, why = data.plain(list[i], form)
    if not key then error("usher.revoke: " .. why, 4) end
    keys[key] = true
  end
  return keys
end

local function read(set, form)
  local with = { form = form }
  if type(set) == "table" then
    with.may_be_empty, with.at_least = set.may_be_empty, set.at_least
  end
  local ok, result = pcall(data.set, file_of(set), with)
  if not ok then error("usher.revoke: " .. tostring(result), 4) end
  return result
end

-- A set of the script's own has to know the spellings of its entries; a map is
-- none.
local function check_set(set, form, option)
  local ok, has = pcall(function()
    return set.contains and set:form()
  end)
  if ok and (has == form or has == "certificate" and form ~= "id") then
    return
  end
  error("usher.revoke: the set of option '" .. option .. "' must have the form '"
    .. form .. "'; make it by usher.data.set(FILE, { form = '" .. form
    .. "' })", 4)
end

-- A function that tells whether a value is in the set.
local function lookup(given, option)
  local set, form = given[option], form_of(given, option)
  if is_list(set) then
    local keys = keys_of(set, form)
    -- Of a fact there is no doubt what it is, however many digits it has.
    return function(value) return keys[data.plain(value, form) or value] end
  end
  if type(set) == "userdata" then
    check_set(set, form, option)
  else
    set = read(set, form)
  end
  return function(value) return set:contains(value) end
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
    if given[name] then sets[name] = lookup(given, name) end
  end
  return setmetatable({
    name = given.name,
    decrypt = decrypt_of(sets, given.expired ~= false, refuse),
  }, { __index = { takes_data = true } })
end

return revoke
