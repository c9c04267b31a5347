-- SPDX-License-Identifier: MIT
--
-- One-time tickets. The store holds the id of each ticket that may still be
-- used, and using it takes it out: so what the store has forgotten, lost with a
-- restart or can't answer for is a ticket that does not resume. (A list of used
-- ids would be smaller, and forget in the attacker's favour.)

local store = require "usher.store"
local options = require "usher.options"

---@class usher.once.Options
---@field name? string the policy's name
---@field burn? "decrypt"|"generate" when a ticket is used up
---@field refuse? "ignore_renew"|"ignore"|"abort"

local kinds = {
  name = "string",
  burn = "string",
  refuse = "string",
}

-- Tells generate that this handshake's ticket is still to be used up.
local PENDING = "usher.once"

local get, set, delete = store.get, store.set, store.delete

local function why_not(why)
  return why and "the store is " .. why or "used before, or forgotten"
end

-- Takes the entry out; true if it was there. Of several at once, one gets true.
local function burn(id)
  local was, why = delete("usher.once:" .. id)
  if was then return true end
  return false, why_not(why)
end

-- In TLS 1.3 generate runs after the client's Finished, if a ticket is to be
-- made; in TLS 1.2 it runs before, and there is nothing to wait for.
local function can_wait(conn)
  return conn.version == "TLSv1.3" and conn.num_tickets > 0
end

local function decrypt_of(late, refuse)
  return function(conn, ticket)
    if not ticket.decrypted then return "default" end
    local id = ticket.id
    if not id then return refuse, "not one of ours" end
    if late and can_wait(conn) then
      local there, why = get("usher.once:" .. id)
      if not there then return refuse, why_not(why) end
      -- They would be read before generate can say no.
      if conn.early_data then conn.early_data = false end
      conn.vars[PENDING] = "1"
    else
      local was, why = burn(id)
      if not was then return refuse, why end
    end
    -- Used up as it is, the client needs another one.
    return "use_renew"
  end
end

-- The entry lasts as long as the ticket. Where it can't be made, the ticket
-- will not resume.
local function generate(conn, ticket)
  local previous = ticket.previous
  if previous and conn.vars[PENDING] then
    conn.vars[PENDING] = nil
    local was, why = burn(previous.id)
    if not was then return false, why end
  end
  local timeout = ticket.timeout
  set("usher.once:" .. ticket.id, true, timeout > 0 and timeout or 1)
end

--- A policy, or a part of usher.chain: the last one, or a ticket that others
--- refuse is used up by being shown.
---@param given? usher.once.Options
---@return usher.Policy
local function once(given)
  given = given or {}
  options.check("usher.once", given, kinds)
  local refuse = options.refusal("usher.once", given)
  if given.burn and given.burn ~= "decrypt" and given.burn ~= "generate" then
    error("usher.once: option 'burn' must be 'decrypt' or 'generate', not '"
      .. given.burn .. "'", 2)
  end
  return setmetatable({
    name = given.name,
    decrypt = decrypt_of(given.burn == "generate", refuse),
    generate = generate,
  }, { __index = { key = "o", takes_data = true, burns = true } })
end

return once
