-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test drain_test.lua

for _, tls in ipairs { "1.2", "1.3" } do
  describe("drain, TLS " .. tls, function()
    local keys = usher.keys()

    local function nodes(policy)
      return function(name)
        return usher.server(policy,
          { tls = tls, keys = keys, vars = { node = name } })
      end
    end
    local without = nodes(usher.policy { text = "return {}" })
    local with = nodes(usher.policy("drain.lua"))

    -- Of 100 clients of one node, how many resume at another?
    local function carried(node, from, to)
      local old, new = node(from), node(to)
      local n = 0
      for _ = 1, 100 do
        if new:visit({ ticket = old:visit().ticket }).resumed then n = n + 1 end
      end
      return n
    end

    it("leaves nothing of a node that is drained", function()
      assert.equal(100, carried(without, "node-old", "node-new"))
      assert.equal(0, carried(with, "node-old", "node-new"))
    end)

    it("leaves other nodes' sessions alone", function()
      assert.equal(100, carried(with, "node-a", "node-b"))
    end)

    it("drains a share at a time", function()
      local n = carried(with, "node-half", "node-new")
      assert.is_true(n > 15 and n < 85)
    end)

    it("moves a client for good", function()
      local old, new = with "node-old", with "node-new"
      local visit = new:visit { ticket = old:visit().ticket }
      assert.equal("its node is drained", visit.reason)
      assert.is_true(new:visit({ ticket = visit.ticket }).resumed)
    end)
  end)
end
