-- SPDX-License-Identifier: MIT
--
-- Clients come back more than once, each time with the newest ticket that they
-- have. In TLS 1.2 "default" leaves them the one that they came with, so a
-- policy whose tickets have to move on must say "use_renew".
--
-- Run it:  usher test returns_test.lua

local policies = {
  "client_cert", "demo", "drain", "epoch", "flood", "leaked_key", "max_age",
  "network", "once", "tracking", "vhost",
}

for _, tls in ipairs { "1.2", "1.3" } do
  describe("TLS " .. tls, function()
    for _, name in ipairs(policies) do
      it("lets a client come back six times under " .. name, function()
        local server = usher.server(usher.policy(name .. ".lua"), {
          tls = tls, client_cert = "request", peer_address = "192.0.2.1",
          vars = { node = "node-a" },
        })
        local ask = { name = "a.example", cert = "alice" }
        for n = 0, 6 do
          local visit = server:visit(ask)
          assert.equal(n > 0, visit.resumed)
          ask.ticket = visit.ticket or ask.ticket
        end
      end)
    end
  end)
end
