-- SPDX-License-Identifier: MIT
--
-- A ticket is good for the virtual host it was made for, and for no other.
--
-- Servers that share ticket keys accept each other's tickets. With TLS that is
-- easily a hole: what one host checked (a client certificate, a stricter
-- cipher) is not asked again when its neighbour's ticket resumes there. This
-- policy writes the server name into each ticket and compares it.
--
-- Try it:  usher serve vhost.lua

return {
  -- A ticket's table is only read back by the policy of the same name, so
  -- that two policies never misread each other's data.
  name = "vhost",

  -- Runs when a ticket is about to be made. The table that it returns travels
  -- in the ticket, encrypted, and comes back as ticket.data.
  generate = function(conn, ticket)
    return { sni = conn.server_name }
  end,

  -- Runs when a client offers a ticket. "ignore_renew" means: a full handshake,
  -- and a fresh ticket after it. The second value is the reason; it stands in
  -- the log.
  decrypt = function(conn, ticket)
    -- No ticket, or one that no key of ours decrypts: there is nothing to
    -- decide, OpenSSL makes a full handshake.
    if not ticket.decrypted then
      return "default"
    end

    local data = ticket.data
    if not data then
      return "ignore_renew", "not one of ours"
    end

    -- Both are nil for a client that sends no server name; then they are
    -- equal, and such clients share their tickets.
    if data.sni ~= conn.server_name then
      return "ignore_renew", "other virtual host"
    end

    -- Resume, and let OpenSSL choose whether to send a fresh ticket. (A plain
    -- "use" would leave TLS 1.3 clients without one for their next visit.)
    return "default"
  end,
}
