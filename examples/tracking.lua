-- SPDX-License-Identifier: MIT
--
-- Tickets tell a server, and whoever has its keys, that two visits are from the
-- same client; renewed on each visit, for ever. Here the trail ends: a ticket
-- lives ten minutes, there is one at a time, and after an hour, or ten visits,
-- a client begins anew as anybody.
--
-- Cost: a full handshake for whoever comes back later. Limits: cookies and
-- addresses tell as much; and TLS 1.2 sends tickets in the clear, so that
-- anybody on the way can follow them.

local chain = require "usher.chain"
local bind = require "usher.bind"
local age = require "usher.age"

return chain {
  name = "tracking",
  -- Visits to different hosts are not to be linked either.
  bind { server_name = true },
  age { age = 600, timeout = 600, auth_age = 3600, renewals = 10 },
  {
    name = "one",
    -- Visits are counted in the ticket: each needs a new one, in TLS 1.2 too.
    decrypt = function(conn, ticket)
      return ticket.decrypted and "use_renew" or "default"
    end,
    generate = function(conn, ticket)
      if ticket.index == 1 then conn.num_tickets = 1 end
    end,
  },
}
