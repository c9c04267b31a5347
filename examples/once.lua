-- SPDX-License-Identifier: MIT
--
-- A ticket can be used once. Early data (0-RTT) that are recorded and sent
-- again, and tickets stolen from a client, are worth nothing after the client's
-- own visit.
--
-- The ticket is used up when it is shown: this holds for early data too. But
-- whoever saw a ClientHello can show it first, and so force a full handshake on
-- the client; { burn = "generate" } is the other choice, see usher-policies(7).
--
-- Cost: two operations on the store in each handshake, and 64 bytes of it for
-- each ticket that is out. Limits: the servers that share a ticket key have to
-- share the store, or a ticket is only good at the one that made it; what the
-- store has forgotten (restart, want of room) costs a full handshake.

local chain = require "usher.chain"
local bind = require "usher.bind"
local once = require "usher.once"

return chain {
  name = "once",
  bind { server_name = true },
  -- The last: a ticket that others refuse is not used up.
  once {},
}
