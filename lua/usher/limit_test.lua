-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test limit_test.lua

local here, near, there = "192.0.2.1", "192.0.2.99", "198.51.100.1"

for _, tls in ipairs { "1.2", "1.3" } do
  describe("usher.limit, TLS " .. tls, function()
    local server
    local each = tls == "1.2" and 1 or 2
    -- What is above the rate, where no ticket is offered.
    local above = tls == "1.2" and 0 or 1

    local function limit(options)
      server = usher.server(usher.policy { text =
        "return require 'usher.limit' {" .. options .. "}" },
        { tls = tls, peer_address = here })
    end

    local function visits(n, options)
      local tickets = 0
      for _ = 1, n do tickets = tickets + server:visit(options).tickets end
      return tickets
    end

    before_each(function()
      usher.clock.set(1700000000)
      limit "rate = 2, burst = 10"
    end)

    it("lets a burst through, then so many a second", function()
      assert.equal(10 * each, visits(10))
      assert.equal(5 * above, visits(5))
      usher.clock.advance(1)
      assert.equal(2 * each + 3 * above, visits(5))
      usher.clock.advance(100)
      assert.equal(10 * each + 5 * above, visits(15))
    end)

    it("takes no token for a resumption", function()
      local ticket = server:visit().ticket
      for _ = 1, 30 do
        ticket = server:visit({ ticket = ticket }).ticket
      end
      assert.equal(9 * each + above, visits(10))
    end)

    it("lets whoever has a ticket use it, without a new one", function()
      local ticket = server:visit().ticket
      visits(20)
      local visit = server:visit { ticket = ticket }
      assert.is_true(visit.resumed)
      assert.equal("use", visit.verdict)
      assert.equal("above the rate", visit.reason)
      usher.clock.advance(60)
      visit = server:visit { ticket = ticket }
      assert.equal("default", visit.verdict == (tls == "1.2" and "use"
        or "use_renew") and "default" or visit.verdict)
    end)

    it("gives no new ticket for one that can't be used", function()
      local ticket = server:visit().ticket:altered()
      visits(20)
      local visit = server:visit { ticket = ticket }
      assert.is_false(visit.resumed)
      assert.is_true(visit.completed)
      assert.equal("ignore", visit.verdict)
      assert.equal(0, visit.tickets)
    end)

    it("takes one token for a handshake that is asked about twice", function()
      local bad = server:visit().ticket:altered()
      assert.equal(9 * each, visits(9, { ticket = bad }))
      assert.equal(0, visits(1, { ticket = bad }))
    end)

    it("counts by network", function()
      visits(20)
      assert.equal(above, visits(1, { peer_address = near }))
      assert.equal(each, visits(1, { peer_address = there }))
      limit "rate = 2, burst = 10, network = { v4 = 32 }"
      visits(20)
      assert.equal(each, visits(1, { peer_address = near }))
    end)

    it("recovers after a flood as long as it takes, no longer", function()
      visits(200)
      usher.clock.advance(5)
      assert.equal(10 * each, visits(10))
    end)

    it("ends connections if asked to", function()
      limit "rate = 2, burst = 10, over = 'end'"
      visits(10)
      local visit = server:visit()
      if tls == "1.3" then
        assert.equal("internal_error", visit.alert)
      else -- has been asked before, and said that no ticket is to be made
        assert.is_true(visit.completed)
        assert.equal(0, visit.tickets)
      end
    end)

    it("takes slow rates", function()
      limit "rate = 0.1"
      assert.equal(each + above, visits(2))
      usher.clock.advance(10)
      assert.equal(each + above, visits(2))
    end)
  end)
end
