-- SPDX-License-Identifier: MIT
--
-- The policy of ./bootstrap demo: what vhost.lua and max_age.lua do, in one.
-- They explain it line by line.

local MAX_AUTH_AGE = 24 * 60 * 60

return {
  name = "demo",

  generate = function(conn, ticket)
    return { sni = conn.server_name }
  end,

  decrypt = function(conn, ticket)
    if not ticket.decrypted then return "default" end
    local data = ticket.data
    if not data then return "ignore_renew", "not one of ours" end
    if data.sni ~= conn.server_name then
      return "ignore_renew", "other virtual host"
    end
    -- The tour sets this variable for one of its visits.
    local limit = tonumber(conn.vars.max_auth_age) or MAX_AUTH_AGE
    if (ticket.auth_age or math.huge) > limit then
      return "ignore_renew", "signed in too long ago"
    end
    return "default"
  end,
}
