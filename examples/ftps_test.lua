-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test ftps_test.lua

for _, tls in ipairs { "1.2", "1.3" } do
  describe("ftps, TLS " .. tls, function()
    local without = usher.server(usher.policy { text = "return {}" },
      { tls = tls })
    local with = usher.server(usher.policy("ftps.lua"), { tls = tls })

    local function control(server, token, ticket)
      return server:visit {
        vars = { channel = "control", token = token }, ticket = ticket,
      }
    end
    local function data(server, token, ticket)
      return server:visit {
        vars = { channel = "data", token = token }, ticket = ticket,
      }
    end

    it("ends a data channel that anybody opened", function()
      control(without, "alice's")
      assert.is_true(data(without, "alice's").completed)
      local visit = data(with, "alice's")
      assert.equal("internal_error", visit.alert)
    end)

    it("ends one of another user", function()
      local mallory = control(without, "mallory's")
      assert.is_true(data(without, "alice's", mallory.ticket).resumed)
      mallory = control(with, "mallory's")
      local visit = data(with, "alice's", mallory.ticket)
      assert.equal("internal_error", visit.alert)
      assert.equal("not the control channel's client", visit.reason)
    end)

    it("takes the control channel's client, again and again", function()
      local alice = control(with, "alice's")
      local first = data(with, "alice's", alice.ticket)
      assert.is_true(first.resumed)
      assert.is_true(data(with, "alice's", alice.ticket).resumed)
      assert.is_true(data(with, "alice's", first.ticket).resumed)
    end)

    -- Clients keep the newest ticket that they were given, of any channel.
    it("takes six in a row, and those of a client that reconnects", function()
      local ticket
      for _, token in ipairs { "first", "second", "third" } do
        local visit = control(with, token, ticket)
        assert.equal(ticket ~= nil, visit.resumed)
        ticket = visit.ticket
        for _ = 1, 6 do
          visit = data(with, token, ticket)
          assert.is_true(visit.resumed)
          ticket = visit.ticket or ticket
        end
      end
    end)

    it("takes six beside each other, after a reconnect", function()
      local first = control(with, "first")
      local ticket = control(with, "second", first.ticket).ticket
      for _ = 1, 6 do
        assert.is_true(data(with, "second", ticket).resumed)
      end
      assert.equal("internal_error", data(with, "first", ticket).alert)
      assert.equal("internal_error",
        data(with, "second", first.ticket).alert)
    end)

    it("takes nobody where the token is not known", function()
      local alice = control(with, nil)
      assert.equal("internal_error", data(with, nil, alice.ticket).alert)
    end)
  end)
end
