-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test ftps_test.lua

for _, tls in ipairs { "1.2", "1.3" } do
  describe("ftps, TLS " .. tls, function()
    local without = usher.server(usher.policy { text = "return {}" },
      { tls = tls })
    local with = usher.server(usher.policy("ftps.lua"), { tls = tls })

    local function control(server, token)
      return server:visit({ vars = { channel = "control", token = token } })
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

    it("takes nobody where the token is not known", function()
      local alice = control(with, nil)
      assert.equal("internal_error", data(with, nil, alice.ticket).alert)
    end)
  end)
end
