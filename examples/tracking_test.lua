-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test tracking_test.lua

local HOUR = 60 * 60

for _, tls in ipairs { "1.2", "1.3" } do
  describe("tracking, TLS " .. tls, function()
    local options = { tls = tls, timeout = 24 * HOUR }
    local without = usher.server(usher.policy { text = "return {}" }, options)
    local with = usher.server(usher.policy("tracking.lua"), options)

    -- How many visits a server can link, of a client that comes each `pause`.
    local function linked(server, pause)
      local visit = server:visit { name = "a.example" }
      for n = 1, 40 do
        usher.clock.advance(pause)
        visit = server:visit { name = "a.example", ticket = visit.ticket }
        if not visit.resumed then return n end
      end
      return 40
    end

    it("ends the trail of whoever comes back later", function()
      assert.equal(40, linked(without, 1200))
      assert.equal(1, linked(with, 1200))
    end)

    it("ends that of whoever comes often", function()
      assert.equal(40, linked(without, 1))
      assert.is_true(linked(with, 500) <= HOUR / 500 + 1)
      assert.equal(12, linked(with, 1))
    end)

    it("links no visits to different hosts", function()
      local first = without:visit { name = "a.example" }
      assert.is_true(
        without:visit({ name = "b.example", ticket = first.ticket }).resumed)
      first = with:visit { name = "a.example" }
      assert.is_false(
        with:visit({ name = "b.example", ticket = first.ticket }).resumed)
    end)

    it("gives out one ticket, for ten minutes", function()
      local visit = with:visit { name = "a.example" }
      assert.equal(1, visit.tickets)
      assert.equal(600, visit.ticket:lifetime())
    end)
  end)
end
