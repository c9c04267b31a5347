-- SPDX-License-Identifier: MIT
--
-- A ticket is good for the virtual host it was made for, and for no other.
-- Servers that share ticket keys accept each other's tickets; what one host
-- checked (a client certificate, a stricter cipher) is then not asked again
-- where its neighbour's ticket resumes.
--
-- Cost: a name in each ticket. Limit: clients that send no server name share
-- their tickets (usher.standard tells them apart by address).
-- Try it:  usher serve vhost.lua

return {
  -- A ticket's table is only read back by the policy of the same name.
  name = "vhost",

  -- Runs when a ticket is about to be made. The table travels in the ticket,
  -- encrypted, and comes back as ticket.data.
  generate = function(conn, ticket)
    return { sni = conn.server_name }
  end,

  -- Runs when a client offers a ticket. "ignore_renew" means: a full handshake,
  -- and a fresh ticket after it. The second value is the reason, for the log.
  decrypt = function(conn, ticket)
    -- No ticket, or one that no key of ours decrypts: OpenSSL decides.
    if not ticket.decrypted then return "default" end
    local data = ticket.data
    if not data then return "ignore_renew", "not one of ours" end
    if data.sni ~= conn.server_name then
      return "ignore_renew", "other virtual host"
    end
    -- Resume, and let OpenSSL choose whether to send a fresh ticket. (A plain
    -- "use" would leave TLS 1.3 clients without one for their next visit.)
    return "default"
  end,
}
