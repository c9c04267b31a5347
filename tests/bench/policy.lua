-- SPDX-License-Identifier: MIT
--
-- The policy whose cost is counted: a table with two short strings, bound to
-- the virtual host, capped by the age of the sign-in.

return {
  name = "shop",

  generate = function(conn, ticket)
    return { sni = conn.server_name, tenant = "acme" }
  end,

  decrypt = function(conn, ticket)
    if not ticket.decrypted then return "default" end
    local d = ticket.data
    if not d then return "ignore_renew", "not one of ours" end
    if d.sni ~= conn.server_name then
      return "ignore_renew", "other virtual host"
    end
    if (ticket.auth_age or math.huge) > 86400 then
      return "ignore_renew", "signed in too long ago"
    end
    return "default"
  end,
}
