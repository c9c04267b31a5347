-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test flood_test.lua

for _, tls in ipairs { "1.2", "1.3" } do
  describe("flood, TLS " .. tls, function()
    local without, with
    local here, there = "192.0.2.1", "198.51.100.1"

    before_each(function()
      local options = { tls = tls, peer_address = here }
      usher.clock.set(1700000000)
      without = usher.server(usher.policy { text = "return {}" }, options)
      with = usher.server(usher.policy("flood.lua"), options)
    end)

    -- Tickets that a server makes for so many clients without one.
    local function flood(server, n)
      local tickets = 0
      for _ = 1, n do
        tickets = tickets + server:visit({ name = "a.example" }).tickets
      end
      return tickets
    end

    it("makes full handshakes cheaper above the rate", function()
      local each = tls == "1.2" and 1 or 2
      assert.equal(100 * each, flood(without, 100))
      assert.equal(50 * each, flood(with, 50))
      -- In TLS 1.3, nothing is asked before a first visit is done.
      assert.equal(tls == "1.2" and 0 or 50, flood(with, 50))
      usher.clock.advance(1)
      assert.equal(10 * each, flood(with, 10))
    end)

    it("lets clients with a ticket resume meanwhile", function()
      local first = with:visit { name = "a.example" }
      flood(with, 60)
      local visit = with:visit { name = "a.example", ticket = first.ticket }
      assert.is_true(visit.resumed)
      assert.equal("use", visit.verdict)
      assert.equal(0, visit.tickets)
      -- but not at another host
      visit = with:visit { name = "b.example", ticket = first.ticket }
      assert.is_false(visit.resumed)
    end)

    it("does not make others pay", function()
      flood(with, 60)
      local visit = with:visit { name = "a.example", peer_address = there }
      assert.equal(tls == "1.2" and 1 or 2, visit.tickets)
    end)
  end)
end
