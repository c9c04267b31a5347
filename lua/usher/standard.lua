-- SPDX-License-Identifier: MIT
--
-- The policy one should have if one has none; it runs where no script is given.
-- A ticket is good for the virtual host it was made for, and for a day after
-- the full handshake, as long as the client's certificate is valid.

local usher = require "usher"

-- Globals and fields of libraries cost more to read.
local huge = math.huge

---@class usher.standard.Options
---@field auth_age? number seconds since the last full handshake

local kinds = { auth_age = "number" }

local DAY = 24 * 60 * 60

-- Clients that send no name are told apart by the address they connected to.
-- It must not count for others: they come by IPv4 today, by IPv6 tomorrow.
local function generate(conn)
  local name = conn.server_name
  if name then return { n = name } end
  return { a = conn.local_address or false }
end

local function is_same_host(data, conn)
  local name = conn.server_name
  if name or data.n then return data.n == name end
  return data.a == (conn.local_address or false)
end

local function decrypt_of(auth_age)
  return function(conn, ticket, mine)
    if not ticket.decrypted then return "default" end
    local data = mine
    if data == nil then data = ticket.data end
    if not data then return "ignore_renew", "not one of ours" end
    if not is_same_host(data, conn) then
      return "ignore_renew", "other virtual host"
    end
    if (ticket.auth_age or huge) > auth_age then
      return "ignore_renew", "signed in too long ago"
    end
    local cert = ticket.client_cert
    if cert then
      local now = usher.now()
      -- A time that can't be read is none to be within.
      if now > (cert.not_after or -huge) then
        return "ignore_renew", "client certificate has expired"
      end
      if now < (cert.not_before or huge) then
        return "ignore_renew", "client certificate is not valid yet"
      end
    end
    return "default"
  end
end

---@return usher.Policy
local function make(auth_age, more)
  return setmetatable({
    name = "usher.standard",
    generate = generate,
    decrypt = decrypt_of(auth_age),
  }, { __index = more })
end

--- The same with options.
---@param given usher.standard.Options
---@return usher.Policy
local function with(given)
  require("usher.options").check("usher.standard", given, kinds)
  return make(given.auth_age or DAY, { takes_data = true })
end

return make(DAY, { takes_data = true, with = with })
