-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test bind_test.lua

local function bind(options)
  return usher.policy { text = "return require 'usher.bind' { name = 'shop', "
    .. options .. "}" }
end

local function with(base, more)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

-- Each: a declaration, two visits that differ in it, and the reason.
local cases = {
  { "server_name = true", { name = "a.example" }, { name = "b.example" },
    "other virtual host" },
  { "server_name = true", { name = "a.example" }, {}, "other virtual host" },
  { "alpn = true", { alpn = { "h2" } }, { alpn = { "http/1.1" } },
    "other application protocol" },
  { "alpn = true", { alpn = { "h2" } }, {}, "other application protocol" },
  { "alpn = { 'h2', 'http/1.1' }", { alpn = { "http/1.1" } },
    { alpn = { "http/1.1", "h2" } }, "other application protocol" },
  { "network = true", { peer_address = "192.0.2.1" },
    { peer_address = "192.0.3.1" }, "other network" },
  { "network = { v6 = 128 }", { peer_address = "2001:db8::1" },
    { peer_address = "2001:db8::2" }, "other network" },
  { "vars = { 'a', 'b' }", { vars = { a = "1", b = "2" } },
    { vars = { a = "1", b = "3" } }, "other b" },
  { "vars = { 'a', 'b' }", { vars = { a = "1", b = "2" } },
    { vars = { a = "1" } }, "other b" },
  { "hello = true", { groups = "X25519:P-256" }, { groups = "P-256" },
    "other ClientHello" },
}

for _, tls in ipairs { "1.2", "1.3" } do
  describe("usher.bind, TLS " .. tls, function()
    local options = {
      tls = tls, alpn = { "h2", "http/1.1" }, client_cert = "request",
    }

    for i, case in ipairs(cases) do
      it("holds: " .. case[1] .. ", " .. i, function()
        local server = usher.server(bind(case[1]), options)
        for k = 2, 3 do
          local one, other = case[k], case[5 - k]
          local visit = server:visit(one)
          for _ = 1, 3 do
            visit = server:visit(with(one, { ticket = visit.ticket }))
            assert.is_true(visit.resumed)
          end
          visit = server:visit(with(other, { ticket = visit.ticket }))
          assert.is_false(visit.resumed)
          assert.equal(case[4], visit.reason)
        end
      end)
    end

    it("binds to a client certificate", function()
      local server = usher.server(bind "client_cert = true", options)
      local visit = server:visit { cert = "alice" }
      visit = server:visit { ticket = visit.ticket }
      assert.is_true(visit.resumed)
      visit = server:visit()
      assert.is_true(server:visit({ ticket = visit.ticket }).resumed)
    end)

    it("has one epoch after the other", function()
      local keys = usher.keys()
      local function server(epoch)
        return usher.server(bind("epoch = '" .. epoch .. "'"),
          { tls = tls, keys = keys })
      end
      local visit = server("1"):visit()
      assert.is_true(server("1"):visit({ ticket = visit.ticket }).resumed)
      local after = server("2"):visit { ticket = visit.ticket }
      assert.is_false(after.resumed)
      assert.equal("the rules have changed", after.reason)
    end)

    it("keeps tickets small", function()
      local ticket = usher.server(bind "server_name = true, hello = true",
        { tls = tls }):visit({ name = "shop.example" }).ticket
      local bare = usher.server(usher.policy { text = "return {}" },
        { tls = tls }):visit({ name = "shop.example" }).ticket
      assert.is_true(ticket:size() - bare:size() < 112)
    end)
  end)
end

describe("usher.bind", function()
  local function offer(options, data, conn, ticket)
    ticket = ticket or {}
    ticket.status, ticket.data = "success_renew", data
    return bind(options):decrypt { conn = conn, ticket = ticket }
  end

  it("refuses a session whose certificate is another", function()
    local ours, theirs = ("0f"):rep(32), ("f0"):rep(32)
    local data = { c = ("\15"):rep(32) }
    local function of(sha256)
      return { client_cert = sha256 and { sha256 = sha256 } }
    end
    assert.equal("default", (offer("client_cert = true", data, {}, of(ours))))
    for _, mode in ipairs { "true", "'required'" } do
      local option = "client_cert = " .. mode
      assert.equal("ignore_renew", (offer(option, data, {}, of(theirs))))
      assert.equal("ignore_renew", (offer(option, data, {}, of())))
      assert.equal("ignore_renew", (offer(option, { c = false }, {}, of(ours))))
    end
    assert.equal("default",
      (offer("client_cert = true", { c = false }, {}, of())))
    assert.equal("ignore_renew",
      (offer("client_cert = 'required'", { c = false }, {}, of())))
  end)

  it("refuses what can't be known", function()
    for _, option in ipairs {
      "local_address = true", "local_port = true", "network = true",
      "hello = true",
    } do
      local kind, data = bind(option):generate { conn = {} }
      assert.equal("table", kind)
      assert.equal("ignore_renew", (offer(option, data, {})))
    end
  end)

  it("tells protocols that can't be read from none", function()
    for _, option in ipairs { "alpn = true", "alpn = { 'h2' }" } do
      for _, stored in ipairs { false, "h2" } do
        assert.equal("ignore_renew", (offer(option, { a = stored }, {})))
      end
      assert.equal("ignore_renew", (offer(option, {}, {})))
      assert.equal("ignore_renew", (offer(option, {}, { alpn_offered = {} })))
      assert.equal("default",
        (offer(option, { a = false }, { alpn_offered = {} })))
      assert.equal("default",
        (offer(option, { a = "h2" }, { alpn_offered = { "x", "h2" } })))
    end
  end)

  it("sees a protocol behind many others", function()
    local many = { "http/1.1" }
    for i = 1, 64 do many[#many + 1] = "x" .. i end
    many[#many + 1] = "h2"
    local server = usher.server(bind "alpn = { 'h2', 'http/1.1' }",
      { alpn = { "h2", "http/1.1" } })
    local visit = server:visit { alpn = { "http/1.1" } }
    visit = server:visit { alpn = many, ticket = visit.ticket }
    assert.is_false(visit.resumed)
    assert.equal("other application protocol", visit.reason)
  end)

  it("compares local address and port", function()
    local here = { local_address = "192.0.2.1", local_port = 443 }
    local option = "local_address = true, local_port = true"
    local data = { l = "192.0.2.1", p = 443 }
    local _, made = bind(option):generate { conn = here }
    assert.same(data, made)
    assert.equal("default", (offer(option, data, here)))
    here.local_port = 8443
    assert.equal("ignore_renew", (offer(option, data, here)))
  end)

  it("takes no notice of what browsers vary on purpose", function()
    local function shape(hello)
      local _, data = bind("hello = true"):generate { conn = { hello = hello } }
      return data.h
    end
    local function hello(grease, cipher)
      return {
        ciphers = { grease, 0x1301, cipher, 0x00ff }, groups = { grease, 29 },
        signatures = { 0x0403 },
      }
    end
    local plain = shape {
      ciphers = { 0x1301, 0x1302 }, groups = { 29 }, signatures = { 0x0403 },
    }
    assert.equal(8, #plain)
    assert.equal(plain, shape(hello(0x0a0a, 0x1302)))
    assert.equal(plain, shape(hello(0xfafa, 0x1302)))
    assert.not_equal(plain, shape(hello(0x0a0a, 0x1303)))
    assert.not_equal(plain, shape(hello(0x0a1a, 0x1302)))
  end)

  it("stores one letter for each fact", function()
    local _, data = bind("server_name = true, alpn = true, epoch = 'x'")
      :generate { conn = { server_name = "a.example" } }
    assert.same({ n = "a.example", a = false, e = "x" }, data)
  end)

  it("refuses as it is told", function()
    assert.equal("ignore",
      (offer("server_name = true, refuse = 'ignore'", nil, {})))
  end)

  it("can be part of a policy of one's own", function()
    local server = usher.server(usher.policy { text = [[
      local bound = require "usher.bind" { server_name = true }
      return {
        name = "mine",
        generate = function(conn, ticket)
          local data = bound.generate(conn, ticket)
          data.more = "x"
          return data
        end,
        decrypt = function(conn, ticket)
          local verdict, reason = bound.decrypt(conn, ticket)
          return verdict, reason or ticket.data and ticket.data.more
        end,
      }]] })
    local visit = server:visit { name = "a.example" }
    visit = server:visit { name = "a.example", ticket = visit.ticket }
    assert.is_true(visit.resumed)
    assert.equal("x", visit.reason)
  end)
end)
