-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test vhost_test.lua

describe("vhost", function()
  local policy = usher.policy("vhost.lua")

  it("stores the server name in the ticket", function()
    local kind, data = policy:generate { conn = { server_name = "a.example" } }
    assert.equal("table", kind)
    assert.same({ sni = "a.example" }, data)
  end)

  it("refuses a ticket of another virtual host", function()
    local ticket = policy:issue { conn = { server_name = "a.example" } }
    local verdict, reason =
      policy:present(ticket, { conn = { server_name = "b.example" } })
    assert.equal("ignore_renew", verdict)
    assert.equal("other virtual host", reason)
  end)

  it("refuses a ticket of another policy", function()
    local other = usher.policy { text = 'return { name = "other" }' }
    local verdict, reason = policy:present(other:issue())
    assert.equal("ignore_renew", verdict)
    assert.equal("not one of ours", reason)
  end)

  for _, tls in ipairs { "1.2", "1.3" } do
    describe("with TLS " .. tls, function()
      local server

      before_each(function()
        server = usher.server(policy, { tls = tls })
      end)

      it("resumes at the same host", function()
        local first = server:visit { name = "a.example" }
        local second = server:visit { name = "a.example", ticket = first.ticket }
        assert.is_false(first.resumed)
        assert.is_true(second.resumed)
      end)

      it("makes a full handshake at another host", function()
        local first = server:visit { name = "a.example" }
        local second = server:visit { name = "b.example", ticket = first.ticket }
        assert.is_false(second.resumed)
        assert.equal("other virtual host", second.reason)
        -- The tickets of the second visit are good at the second host.
        local third = server:visit { name = "b.example", ticket = second.ticket }
        assert.is_true(third.resumed)
      end)

      it("lets clients without a server name share tickets", function()
        local first = server:visit()
        assert.is_true(server:visit({ ticket = first.ticket }).resumed)
        assert.is_false(
          server:visit({ ticket = first.ticket, name = "a.example" }).resumed)
      end)

      it("asks nothing about a ticket that was altered", function()
        local first = server:visit { name = "a.example" }
        local second = server:visit {
          name = "a.example", ticket = first.ticket:altered(),
        }
        assert.is_false(second.resumed)
        assert.equal("no_decrypt", second.decisions[1].status)
      end)
    end)
  end

  it("takes tickets of a server with the same keys", function()
    local keys = usher.keys()
    local here = usher.server(policy, { keys = keys })
    local there = usher.server(usher.policy("vhost.lua"), { keys = keys })
    local first = here:visit { name = "a.example" }
    assert.is_true(
      there:visit({ name = "a.example", ticket = first.ticket }).resumed)
  end)
end)
