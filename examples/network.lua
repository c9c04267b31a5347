-- SPDX-License-Identifier: MIT
--
-- A ticket that was copied from one machine to another, elsewhere. A session's
-- secrets are a file in some clients, and taken with it; from another network
-- they resume nothing.
--
-- Cost: the network in each ticket; a full handshake for clients that move, or
-- change between IPv4 and IPv6. Limits: it does not help within the network
-- (an office, a carrier's NAT). Behind a proxy the host has to tell the client
-- address (usher_conn_set_peer); where it is not known, no ticket is accepted.

local bind = require "usher.bind"

return bind {
  name = "network",
  server_name = true,
  network = { v4 = 24, v6 = 48 },
}
