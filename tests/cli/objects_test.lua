-- SPDX-License-Identifier: MIT
--
-- What `usher test` offers to test files, used as they would: run by
-- tests/check_cli_test.sh.

local BOTH = { "1.2", "1.3" }

local function text_policy(text, options)
  options = options or {}
  options.text = text
  return usher.policy(options)
end

local DEFAULT = 'return { decrypt = function() return "default" end }'

describe("policy:decrypt", function()
  local policy = text_policy [[
    return {
      name = "shop",
      decrypt = function(conn, ticket)
        conn.vars.out = "x"
        if ticket.key_name == "\0\255" then return "abort", "raw" end
        print("age", ticket.auth_age)
        if ticket.data and ticket.data.list[2] == math.huge then
          return "ignore", "infinite"
        end
        return "default"
      end,
    }]]

  it("gives verdict, reason and the rest", function()
    local verdict, reason, result = policy:decrypt {
      ticket = { key_name = "\0\255" },
    }
    assert.equal("abort", verdict)
    assert.equal("raw", reason)
    assert.equal("x", result.vars.out)
    assert.is_true(result.asked["ticket.key_name"])
    assert.is_nil(result.asked["conn.alpn"])
  end)

  it("takes tables as a ticket holds them", function()
    local verdict, reason =
      policy:decrypt { ticket = { data = { list = { 1, math.huge } } } }
    assert.equal("ignore", verdict)
    assert.equal("infinite", reason)
  end)

  it("lets ages follow from the clock", function()
    usher.clock.set(1000000)
    policy:log()
    policy:decrypt { ticket = { auth_time = 999990 } }
    assert.same({ "policy: age 10" }, policy:log())
  end)

  it("raises what the script raises", function()
    local bad = text_policy "return { decrypt = function(c) return c.nix end }"
    assert.error_matches(function() bad:decrypt() end,
      "policy:1: conn has no fact 'nix'")
    local result = bad:run("decrypt")
    assert.equal("script", result.error.code)
    assert.equal(1, result.error.line)
  end)

  it("ends a script that hangs", function()
    local bad = text_policy("return { decrypt = function() while true do end end }",
      { instruction_limit = 5000 })
    assert.equal("instructions", bad:run("decrypt").error.code)
    assert.equal("instructions", bad:run("decrypt").error.code)
  end)

  it("refuses facts that there are not", function()
    assert.error_matches(function() policy:decrypt { con = {} } end,
      "con: there is no such member; did you mean 'conn'?", 1, true)
    assert.error_matches(function()
      policy:decrypt { ticket = { age = "5" } }
    end, "ticket.age: must be a number, not a string")
    assert.error_matches(function()
      policy:decrypt { ticket = { data = { f = print } } }
    end, "ticket: data.f: a function can't be stored")
  end)
end)

describe("policy:generate", function()
  it("tells what would be stored", function()
    local policy = text_policy [[
      return { generate = function(conn, ticket)
        ticket.timeout = 60
        conn.num_tickets = 1
        if conn.server_name == "s" then return "bytes" end
        if conn.server_name == "k" then return end
        if conn.server_name == "e" then return false, "no more" end
        return { a = { 1, 2 }, ["\255"] = true }
      end }]]
    local kind, data, result = policy:generate()
    assert.equal("table", kind)
    assert.same({ a = { 1, 2 }, ["\255"] = true }, data)
    assert.equal(60, result.timeout)
    assert.equal(1, result.num_tickets)
    local function made(name)
      local first, second = policy:generate { conn = { server_name = name } }
      return { first, second }
    end
    assert.same({ "string", "bytes" }, made "s")
    assert.same({ "keep" }, made "k")
    assert.same({ "end", "no more" }, made "e")
  end)
end)

describe("tickets of policy:issue", function()
  local text = [[
    return { name = "p",
      generate = function(conn, ticket)
        if ticket.previous then return end
        return { n = conn.server_name }
      end,
      decrypt = function(conn, ticket)
        if not ticket.data then return "ignore_renew", "no data" end
        return "default", ("%s %s %s %d"):format(ticket.data.n,
          ticket.server_name, ticket.renewals, ticket.auth_age)
      end }]]

  it("carry what generate returned, also through a renewal", function()
    local policy = text_policy(text)
    usher.clock.set(1000000)
    local first = policy:issue { conn = { server_name = "a" } }
    assert.same({ n = "a" }, first.data)
    usher.clock.advance(100)
    local second = policy:issue({ conn = { server_name = "b" } }, first)
    usher.clock.advance(10)
    local verdict, reason = policy:present(second)
    assert.equal("default", verdict)
    assert.equal("a b 1 110", reason)
  end)

  it("of a clock that was far ahead have no auth_time", function()
    local policy = text_policy [[
      return { decrypt = function(conn, ticket)
        return "default", tostring(ticket.auth_time) .. " "
          .. tostring(ticket.auth_age)
      end }]]
    local function seen(ahead, facts)
      usher.clock.set(1000000 + ahead)
      local ticket = policy:issue()
      usher.clock.set(1000000)
      return (select(2, policy:present(ticket, facts)))
    end
    assert.equal("1000300 0", seen(300))
    assert.equal("nil nil", seen(301))
    assert.equal("999990 10", seen(301, { ticket = { auth_time = 999990 } }))
    assert.equal("nil nil", seen(0, { ticket = { auth_time = 1000301 } }))
    -- Nor does renewing it make it believable.
    usher.clock.set(2000000)
    local ahead = policy:issue()
    usher.clock.set(1000000)
    local renewed = policy:issue({}, ahead)
    usher.clock.set(2000000)
    assert.equal("nil nil", (select(2, policy:present(renewed))))
  end)

  it("are strange to a policy of another name", function()
    local ticket = text_policy(text):issue()
    local other = text_policy((text:gsub('"p"', '"q"')))
    local _, reason = other:present(ticket)
    assert.equal("no data", reason)
  end)
end)

describe("the clock", function()
  local function storing()
    return text_policy [[
      local store = require "usher.store"
      return { decrypt = function(conn)
        if conn.vars.add then store.set("k", conn.vars.add, 100) end
        return "default", tostring(store.get("k"))
      end }]]
  end
  local function asked(policy, add)
    return (select(2, policy:decrypt { conn = { vars = { add = add } } }))
  end

  it("goes on for what was stored before it was set", function()
    local policy = storing()
    assert.equal("v", asked(policy, "v"))
    usher.clock.advance(95)
    assert.equal("v", asked(policy))
    usher.clock.set(usher.clock.now() + 10)
    assert.equal("nil", asked(policy))
    assert.equal("w", asked(policy, "w"))
    usher.clock.set(1700000000)
    assert.equal("w", asked(policy))
    usher.clock.reset()
    assert.equal("w", asked(policy))
  end)

  it("goes on after a test that set it", function()
    local policy = storing()
    local server = usher.server(policy, { tls = "1.2", vars = { add = "x" } })
    usher.clock.set(1700000000)
    server:visit()
    usher.clock.reset()
    assert.equal("nil", asked(policy))
  end)
end)

describe("visits", function()
  it("see client certificates, addresses and variables", function()
    local policy = text_policy [[
      return {
        generate = function(conn)
          return { who = conn.client_cert and conn.client_cert.subject }
        end,
        decrypt = function(conn, ticket)
          if not ticket.decrypted then return "default" end
          local cert = ticket.client_cert or {}
          conn.vars.seen = table.concat({ tostring(ticket.data.who),
            tostring(cert.subject), conn.peer_address, conn.peer_port,
            conn.vars.a, conn.vars.b }, " ")
          return "default", "fine"
        end,
      }]]
    for _, tls in ipairs(BOTH) do
      local server = usher.server(policy, {
        client_cert = "request", tls = tls, vars = { a = "1", b = "1" },
      })
      local first = server:visit { cert = "alice" }
      local second = server:visit {
        ticket = first.ticket, peer_address = "2001:db8::1", peer_port = 5,
        vars = { b = "2" },
      }
      assert.is_true(second.resumed)
      assert.equal("CN=alice CN=alice 2001:db8::1 5 1 2", second.vars.seen)
      assert.is_nil(second.vars.unseen)
      assert.equal("fine", second.reason)
      assert.equal(tls == "1.3" and "use_renew" or "use", second.verdict)
      assert.equal(tls == "1.3" and 1 or 0, second.tickets)
    end
  end)

  it("tell of alerts", function()
    for _, tls in ipairs(BOTH) do
      local strict = usher.server(text_policy(DEFAULT),
        { client_cert = "require", tls = tls })
      local visit = strict:visit()
      assert.is_false(visit.completed)
      assert.equal(tls == "1.3" and "certificate_required"
        or "handshake_failure", visit.alert)
      local aborting = usher.server(text_policy [[
        return { decrypt = function(conn, ticket)
          if ticket.decrypted then return "abort", "enough" end
        end }]], { tls = tls })
      local first = aborting:visit()
      local second = aborting:visit { ticket = first.ticket }
      assert.is_false(second.completed)
      assert.equal("internal_error", second.alert)
      assert.equal("enough", second.reason)
    end
  end)

  it("offer early data", function()
    local server = usher.server(text_policy [[
      return { decrypt = function(conn)
        if conn.vars.no then conn.early_data = false end
        return "default"
      end }]], { early_data = 1000 })
    local visit = server:visit()
    assert.is_nil(visit.early_data)
    visit = server:visit { ticket = visit.ticket, early_data = "GET /" }
    assert.equal("accepted", visit.early_data)
    visit = server:visit {
      ticket = visit.ticket, early_data = "GET /", vars = { no = "1" },
    }
    assert.equal("rejected", visit.early_data)
    assert.is_true(visit.resumed)
  end)

  it("agree on a protocol", function()
    local policy = text_policy [[
      return {
        generate = function(conn) return { alpn = conn.alpn } end,
        decrypt = function(conn, ticket)
          return "default", ticket.data and
            ticket.data.alpn .. " " .. table.concat(conn.alpn_offered, ",")
        end }]]
    local server = usher.server(policy, { alpn = { "h2", "http/1.1" } })
    local first = server:visit { alpn = { "http/1.1", "h2" } }
    local second = server:visit { alpn = { "h2" }, ticket = first.ticket }
    assert.equal("h2 h2", second.reason)
  end)

  it("end when the session does: OpenSSL sees the clock too", function()
    for _, tls in ipairs(BOTH) do
      local server = usher.server(text_policy(DEFAULT),
        { tls = tls, timeout = 100 })
      local first = server:visit()
      usher.clock.advance(99)
      assert.is_true(server:visit({ ticket = first.ticket }).resumed)
      usher.clock.advance(2)
      assert.is_false(server:visit({ ticket = first.ticket }).resumed)
    end
  end)

  it("meet other ticket keys, and the same ones elsewhere", function()
    local keys = usher.keys()
    local server = usher.server(text_policy(DEFAULT), { keys = keys })
    local other = usher.server(text_policy(DEFAULT), { keys = keys })
    local first = server:visit()
    assert.is_true(other:visit({ ticket = first.ticket }).resumed)
    server:set_keys(usher.keys())
    local visit = server:visit { ticket = first.ticket }
    assert.is_false(visit.resumed)
    assert.equal("no_decrypt", visit.decisions[1].status)
  end)

  it("have tickets with a size and a lifetime", function()
    local server = usher.server(text_policy [[
      return { generate = function(conn, ticket)
        ticket.timeout = 77
        return { s = ("x"):rep(500) }
      end }]])
    local visit = server:visit()
    assert.equal(2, visit.tickets)
    assert.equal(2, #visit.all_tickets)
    assert.equal(77, visit.ticket:lifetime())
    assert.is_true(visit.ticket:size() > 500)
  end)

  it("raise script errors, unless told otherwise", function()
    local server = usher.server(
      text_policy "return { generate = function(c) return c.nix end }")
    assert.error_matches(function() server:visit() end,
      "policy:1: conn has no fact 'nix'")
    local visit = server:visit { errors = true }
    assert.matches("no fact 'nix'", visit.error.message)
    assert.equal("disabled", visit.decisions[1].verdict)
    assert.is_true(visit.completed)
  end)

  it("refuse options that there are not", function()
    local policy = text_policy(DEFAULT)
    assert.error_matches(function() usher.server(policy, { keyz = 1 }) end,
      "usher.server has no option 'keyz'; did you mean 'keys'?", 1, true)
    assert.error_matches(function()
      usher.server(policy):visit { nam = "x" }
    end, "server:visit has no option 'nam'; did you mean 'name'?", 1, true)
    assert.error_matches(function() usher.policy { txt = "x" } end,
      "usher.policy has no option 'txt'; did you mean 'text'?", 1, true)
    assert.error_matches(function()
      usher.server(policy):visit { peer_address = "here" }
    end, 'peer_address: "here" is no IP address')
  end)
end)

describe("the runner", function()
  local log = {}
  setup(function() log[#log + 1] = "S" end)
  before_each(function() log[#log + 1] = "b" end)
  after_each(function() log[#log + 1] = "a" end)

  describe("nests", function()
    before_each(function() log[#log + 1] = "B" end)
    after_each(function() log[#log + 1] = "A" end)
    it("one", function()
      finally(function() log[#log + 1] = "F" end)
      log[#log + 1] = "x"
    end)
    it("two", function() assert.equal("SbBxFAabB", table.concat(log)) end)
  end)

  it("gives the real time back after each test", function()
    assert.is_true(math.abs(usher.clock.now() - os.time()) < 2)
  end)
end)
