-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test once_test.lua

local options = { early_data = 1024 }
local without = usher.server(usher.policy { text = "return {}" }, options)
local with = usher.server(usher.policy("once.lua"), options)

describe("once", function()
  -- The same early data with the same ticket: what a recording does.
  local function replay(server)
    local ask = { tls = "1.3", name = "a.example", early_data = "pay 100" }
    ask.ticket = server:visit({ tls = "1.3", name = "a.example" }).ticket
    return server:visit(ask), server:visit(ask)
  end

  it("takes early data once", function()
    local first, second = replay(without)
    assert.equal("accepted", first.early_data)
    assert.equal("accepted", second.early_data)
    first, second = replay(with)
    assert.equal("accepted", first.early_data)
    assert.equal("rejected", second.early_data)
    assert.equal("used before, or forgotten", second.reason)
    assert.is_true(second.completed)
  end)

  for _, tls in ipairs { "1.2", "1.3" } do
    it("lets a stolen ticket in before its owner or not at all, TLS " .. tls,
      function()
        for _, server in ipairs { without, with } do
          local first = server:visit { tls = tls, name = "a.example" }
          local owner = server:visit {
            tls = tls, name = "a.example", ticket = first.ticket,
          }
          assert.is_true(owner.resumed)
          local thief = server:visit {
            tls = tls, name = "a.example", ticket = first.ticket,
          }
          assert.equal(server == without, thief.resumed)
          -- The owner has a new one.
          if server == with then
            assert.equal(1, owner.tickets)
            assert.is_true(server:visit({
              tls = tls, name = "a.example", ticket = owner.ticket,
            }).resumed)
          end
        end
      end)

    it("does not use up a ticket shown to another host, TLS " .. tls, function()
      local first = with:visit { tls = tls, name = "a.example" }
      assert.equal("other virtual host", with:visit({
        tls = tls, name = "b.example", ticket = first.ticket,
      }).reason)
      assert.is_true(with:visit({
        tls = tls, name = "a.example", ticket = first.ticket,
      }).resumed)
    end)
  end
end)
