-- SPDX-License-Identifier: MIT
--
-- A flood of full handshakes. They cost a signature each, and a network that
-- asks for more than RATE of them a second gets the rest as cheap as can be:
-- whoever has a ticket resumes, and nobody gets a new one meanwhile.
--
-- Cost: an operation on the store in each handshake. Limits: a full handshake
-- that is asked for without a ticket (TLS 1.3) can't be refused before it is
-- done; over = "end" then ends the connection, without a word that clients
-- would understand. It is no replacement for limits on connections.

local chain = require "usher.chain"
local limit = require "usher.limit"
local standard = require "usher.standard"

local RATE, BURST = 10, 50

return chain {
  name = "flood",
  standard, -- refuses what must not resume, flood or not
  limit { rate = RATE, burst = BURST, network = { v4 = 24, v6 = 48 } },
}
