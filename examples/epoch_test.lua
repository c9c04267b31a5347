-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test epoch_test.lua

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""

-- The policy beside other words for its hosts, in a folder of its own.
local function with_epochs(text)
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir -m 700 '" .. folder .. "' && cp '" .. here
    .. "epoch.lua' '" .. folder .. "'")
  local file = assert(io.open(folder .. "/epochs.txt", "w"))
  file:write(text)
  file:close()
  local policy = usher.policy(folder .. "/epoch.lua")
  os.execute("rm -r '" .. folder .. "'")
  return policy
end

describe("epoch", function()
  it("compares the word in the ticket with the host's", function()
    local verdict, reason = usher.policy("epoch.lua"):decrypt {
      conn = { server_name = "shop.example" },
      ticket = { status = "success",
        data = { sni = "shop.example", epoch = "2026-10-acl" } },
    }
    assert.equal("ignore_renew", verdict)
    assert.equal("the rules have changed", reason)
  end)
end)

describe("epoch", function()
  it("takes a star for all that comes before a dot", function()
    local policy = with_epochs "*.shop.example 2\n*.a.shop.example 3\n* 1\n"
    local function epoch(name)
      return policy:issue({ conn = { server_name = name } }).data.epoch
    end
    assert.equal("2", epoch "de.shop.example")
    assert.equal("2", epoch "b.de.shop.example")
    assert.equal("3", epoch "b.a.shop.example")
    assert.equal("1", epoch "shop.example")
    assert.equal("1", epoch "blog.example")
    assert.equal("1", epoch(nil))
  end)
end)

for _, tls in ipairs { "1.2", "1.3" } do
  describe("epoch, TLS " .. tls, function()
    local options = { tls = tls, keys = usher.keys() }
    local without = usher.server(usher.policy { text = "return {}" }, options)
    local before = usher.server(usher.policy("epoch.lua"), options)
    local after = usher.server(
      with_epochs "* 1\nshop.example 2026-12-acl\n", options)

    local function resumes(server, name, ticket)
      return server:visit({ name = name, ticket = ticket }).resumed
    end

    it("voids tickets from before the rules changed", function()
      local first = without:visit { name = "shop.example" }
      assert.is_true(resumes(without, "shop.example", first.ticket))
      first = before:visit { name = "shop.example" }
      assert.is_true(resumes(before, "shop.example", first.ticket))
      local visit = after:visit {
        name = "shop.example", ticket = first.ticket,
      }
      assert.is_false(visit.resumed)
      assert.equal("the rules have changed", visit.reason)
      assert.is_true(resumes(after, "shop.example", visit.ticket))
    end)

    it("takes no ticket of before it was there", function()
      local first = without:visit { name = "shop.example" }
      assert.is_false(resumes(before, "shop.example", first.ticket))
    end)

    it("keeps those of hosts whose rules did not", function()
      local first = before:visit { name = "blog.example" }
      assert.is_true(resumes(after, "blog.example", first.ticket))
    end)

    it("does not let one host's ticket in at another", function()
      local first = before:visit { name = "blog.example" }
      assert.is_true(resumes(without, "shop.example", first.ticket))
      assert.is_false(resumes(before, "news.example", first.ticket))
    end)
  end)
end
