-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test standard_test.lua

local DAY = 24 * 60 * 60

describe("usher.standard", function()
  local policy = usher.policy { text = "return require 'usher.standard'" }

  for _, tls in ipairs { "1.2", "1.3" } do
    describe("with TLS " .. tls, function()
      local keys = usher.keys()
      local options = { tls = tls, keys = keys, timeout = 3 * DAY }
      local server = usher.server(policy, options)
      local bare = usher.server(usher.policy { text = "return {}" }, options)

      it("resumes under the same name only", function()
        local first = server:visit { name = "a.example" }
        local function at(name)
          return server:visit { name = name, ticket = first.ticket }
        end
        assert.is_true(at("a.example").resumed)
        assert.is_true(at("A.EXAMPLE").resumed)
        assert.equal("other virtual host", at("b.example").reason)
        assert.equal("other virtual host", at(nil).reason)
        first = server:visit()
        assert.is_true(at(nil).resumed)
        assert.equal("other virtual host", at("a.example").reason)
      end)

      it("ends a session a day after the full handshake", function()
        local visit = server:visit()
        for _ = 1, 4 do
          usher.clock.advance(DAY / 4)
          visit = server:visit { ticket = visit.ticket }
          assert.is_true(visit.resumed)
        end
        usher.clock.advance(1)
        assert.equal("signed in too long ago",
          server:visit({ ticket = visit.ticket }).reason)
      end)

      it("makes one full handshake of a ticket from before", function()
        local visit = server:visit { ticket = bare:visit().ticket }
        assert.is_false(visit.resumed)
        assert.equal("not one of ours", visit.reason)
        assert.is_true(server:visit({ ticket = visit.ticket }).resumed)
      end)
    end)
  end

  it("counts the address where there is no name", function()
    local ticket = policy:issue { conn = { local_address = "192.0.2.1" } }
    local function at(conn) return (policy:present(ticket, { conn = conn })) end
    assert.equal("default", at { local_address = "192.0.2.1" })
    assert.equal("ignore_renew", at { local_address = "192.0.2.2" })
    assert.equal("ignore_renew", at {})
    assert.equal("ignore_renew", at {
      server_name = "a.example", local_address = "192.0.2.1",
    })
    assert.equal("ignore_renew", at {
      server_name = "192.0.2.1", local_address = "192.0.2.1",
    })
  end)

  it("does not count the address where there is one", function()
    local ticket = policy:issue {
      conn = { server_name = "a.example", local_address = "192.0.2.1" },
    }
    assert.equal("default", (policy:present(ticket, {
      conn = { server_name = "a.example", local_address = "2001:db8::1" },
    })))
  end)

  it("looks at the client's certificate", function()
    local now = usher.clock.now()
    local ticket = policy:issue {
      conn = { client_cert = { not_before = now - 10, not_after = now + 10 } },
    }
    assert.equal("default", (policy:present(ticket)))
    usher.clock.advance(11)
    assert.equal("client certificate has expired",
      select(2, policy:present(ticket)))
    usher.clock.advance(-30)
    assert.equal("client certificate is not valid yet",
      select(2, policy:present(ticket)))
  end)

  it("takes another cap", function()
    local hour = usher.policy {
      text = "return require('usher.standard').with { auth_age = 3600 }",
    }
    local ticket = hour:issue()
    usher.clock.advance(3600)
    assert.equal("default", (hour:present(ticket)))
    usher.clock.advance(1)
    assert.equal("ignore_renew", (hour:present(ticket)))
  end)
end)
