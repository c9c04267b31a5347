-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test leaked_key_test.lua

-- Keys whose name stands in leaked_keys.txt.
local leaked = "leaked key, 2026" .. ("k"):rep(64)

for _, tls in ipairs { "1.2", "1.3" } do
  describe("leaked_key, TLS " .. tls, function()
    local without = usher.policy { text = "return {}" }
    local with = usher.policy("leaked_key.lua")

    -- Whoever has the key makes tickets of his own.
    local function forged()
      local forger = usher.server(without, { tls = tls, keys = leaked })
      return forger:visit({ name = "admin.example" }).ticket
    end

    it("takes no ticket made with the key that leaked", function()
      local server = usher.server(without, { tls = tls, keys = leaked })
      assert.is_true(server:visit({ ticket = forged() }).resumed)
      server = usher.server(with, { tls = tls, keys = leaked })
      local visit = server:visit { ticket = forged() }
      assert.is_false(visit.resumed)
      assert.equal("made with a leaked key", visit.reason)
    end)

    it("takes none from before a moment", function()
      usher.clock.set(1700000000)
      local keys = usher.keys()
      local vars = { issued_after = "1700000001" }
      local first = usher.server(without, { tls = tls, keys = keys }):visit()
      local visit = usher.server(with, { tls = tls, keys = keys, vars = vars })
        :visit({ ticket = first.ticket })
      assert.is_false(visit.resumed)
      assert.equal("made with a weak key", visit.reason)
    end)

    it("takes none before a moment that can't be read", function()
      local keys = usher.keys()
      for _, moment in ipairs { "2026-11-01", "", "nan" } do
        local first = usher.server(without, { tls = tls, keys = keys }):visit()
        local visit = usher.server(with, {
          tls = tls, keys = keys, vars = { issued_after = moment },
        }):visit({ ticket = first.ticket })
        assert.is_false(visit.resumed)
      end
    end)

    it("takes those made with another", function()
      local server = usher.server(with, { tls = tls, keys = usher.keys() })
      local first = server:visit()
      assert.is_true(server:visit({ ticket = first.ticket }).resumed)
      -- A forged one is none of its own.
      local visit = server:visit { ticket = forged() }
      assert.is_false(visit.resumed)
      assert.equal("no_decrypt", visit.decisions[1].status)
    end)
  end)
end
