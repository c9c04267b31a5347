-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test network_test.lua

for _, tls in ipairs { "1.2", "1.3" } do
  describe("network, TLS " .. tls, function()
    local options = { tls = tls }
    local without = usher.server(usher.policy { text = "return {}" }, options)
    local with = usher.server(usher.policy("network.lua"), options)

    -- Does a ticket that was got at one address resume at another?
    local function moves(server, from, to)
      local first = server:visit { name = "a.example", peer_address = from }
      local visit = server:visit {
        name = "a.example", peer_address = to, ticket = first.ticket,
      }
      return visit.resumed, visit.reason
    end

    it("refuses a ticket that was taken elsewhere", function()
      assert.is_true((moves(without, "192.0.2.1", "198.51.100.1")))
      local resumed, reason = moves(with, "192.0.2.1", "198.51.100.1")
      assert.is_false(resumed)
      assert.equal("other network", reason)
      assert.is_false((moves(with, "2001:db8:1::1", "2001:db8:2::1")))
      assert.is_false((moves(with, "192.0.2.1", "2001:db8:1::1")))
    end)

    it("lets clients move within their network", function()
      assert.is_true((moves(with, "192.0.2.1", "192.0.2.200")))
      assert.is_true((moves(with, "2001:db8:1::1", "2001:db8:1:ff::1")))
      assert.is_true((moves(with, "192.0.2.1", "::ffff:192.0.2.9")))
    end)

    it("refuses where the address is not known", function()
      assert.is_false((moves(with, nil, nil)))
      assert.is_false((moves(with, nil, "192.0.2.1")))
      assert.is_false((moves(with, "192.0.2.1", nil)))
    end)
  end)
end
