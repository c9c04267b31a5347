-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test revoke_test.lua

local SHA256 = ("0a"):rep(31) .. "ff"

-- The reason for which a ticket with this certificate is refused, or nil.
local function refused(options, cert, id)
  local now = usher.clock.now()
  cert = cert and {
    serial = cert.serial or "01", sha256 = cert.sha256 or SHA256,
    not_before = now + (cert.from or -10), not_after = now + (cert.to or 10),
  }
  local policy = usher.policy {
    text = "return require 'usher.revoke' {" .. options .. "}",
  }
  local verdict, reason = policy:decrypt {
    ticket = { status = "success_renew", client_cert = cert, id = id },
  }
  assert.equal(reason and "ignore_renew" or "default", verdict)
  return reason
end

local REVOKED = "client certificate is revoked"

describe("usher.revoke", function()
  it("knows certificates by their digest, however it is written", function()
    for _, text in ipairs {
      SHA256, SHA256:upper(), (SHA256:upper():gsub("..", "%0:"):sub(1, -2)),
      "0x" .. SHA256,
    } do
      local option = "sha256 = { '" .. ("00"):rep(32) .. "', '" .. text .. "' }"
      assert.equal(REVOKED, refused(option, {}))
      assert.is_nil(refused(option, { sha256 = ("0b"):rep(32) }))
      assert.is_nil(refused(option))
    end
  end)

  it("knows them by their serial number", function()
    for _, text in ipairs { "8ab3", "8AB3", "8A:B3", "00:8a:b3", "0x8ab3" } do
      local option = "serials = { '" .. text .. "' }"
      assert.equal(REVOKED, refused(option, { serial = "8ab3" }))
      assert.is_nil(refused(option, { serial = "8ab4" }))
    end
    assert.equal(REVOKED, refused("serials = { '1' }", { serial = "01" }))
    -- As long as a fingerprint.
    assert.equal(REVOKED, refused("serials = { 'serial=" .. SHA256 .. "' }",
      { serial = SHA256 }))
  end)

  it("knows tickets by their id", function()
    local option = "tickets = { '0123456789ABCDEF' }"
    assert.equal("ticket is revoked", refused(option, nil, "0123456789abcdef"))
    assert.is_nil(refused(option, nil, "0123456789abcdee"))
    assert.equal("a ticket without id", refused(option))
  end)

  it("refuses what is no entry, in the line that gives it", function()
    for option, says in pairs {
      ["serials = { 'mallory' }"] = "'mallory' is no serial number; write",
      ["serials = { '' }"] = "'' is no serial number",
      ["serials = { '" .. SHA256 .. "' }"] = "is no serial number",
      ["sha256 = { '8ab3' }"] = "'8ab3' is no SHA-256 fingerprint",
      ["tickets = { '123456789abcdef' }"] = "is no ticket's id",
      ["serials = { '01', file = 'x' }"] = "a list of strings",
      ["serials = { file = 'x', form = 'hex' }"] = "a list of strings",
    } do
      local ok, err = pcall(usher.policy, {
        text = "local r = require 'usher.revoke'\nlocal p = r {" .. option
          .. "}\nreturn p",
      })
      assert.is_false(ok)
      assert.matches(":2: ", err, 1, true)
      assert.matches(says, err, 1, true)
    end
  end)

  it("loses no zeros of what has a fixed length", function()
    local sha256, id = "00" .. SHA256:sub(3), "007c350011223344"
    assert.equal(REVOKED,
      refused("sha256 = { '" .. sha256 .. "' }", { sha256 = sha256 }))
    assert.equal("ticket is revoked",
      refused("tickets = { '" .. id .. "' }", nil, id))
    assert.equal(REVOKED,
      refused("serials = { '-0x04d2' }", { serial = "-04d2" }))
    assert.is_nil(refused("serials = { '-0x04d2' }", { serial = "04d2" }))
  end)

  it("looks at the time of a certificate", function()
    assert.equal("client certificate has expired", refused("", { to = -1 }))
    assert.equal("client certificate is not valid yet",
      refused("", { from = 100 }))
    assert.is_nil(refused("expired = false", { to = -1 }))
  end)

  it("takes no certificate whose times can't be read", function()
    for text, reason in pairs {
      ["return require 'usher.revoke' {}"] = true,
      ["return require 'usher.standard'"] = true,
      ["return require 'usher.revoke' { expired = false }"] = false,
    } do
      local policy = usher.policy { text = text }
      local ticket = policy:issue()
      for _, which in ipairs { "not_before", "not_after" } do
        local now = usher.clock.now()
        local cert = { serial = "01", sha256 = SHA256,
          not_before = now - 10, not_after = now + 10 }
        assert.equal("default", (policy:present(ticket,
          { ticket = { status = "success", client_cert = cert } })))
        cert[which] = nil
        assert.equal(reason and "ignore_renew" or "default",
          (policy:present(ticket,
            { ticket = { status = "success", client_cert = cert } })))
      end
    end
  end)

  it("reads files, in the ways that openssl prints", function()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -m 700 '" .. folder .. "'")
    local function write(name, text)
      local file = assert(io.open(folder .. "/" .. name, "w"))
      file:write(text)
      file:close()
    end
    write("policy.lua",
      "return require 'usher.revoke' { sha256 = 'list', serials = 'list' }")
    local colons = SHA256:gsub("..", "%0:"):sub(1, -2)
    for _, text in ipairs {
      SHA256, SHA256:upper(), colons, colons:upper(), "8AB3", "8a:b3",
    } do
      write("list", "# revoked\n" .. text .. "\n")
      local policy = usher.policy(folder .. "/policy.lua")
      local function offer(sha256)
        return (policy:decrypt { ticket = {
          status = "success",
          client_cert = { sha256 = sha256,
            serial = #text < 10 and sha256 == SHA256 and "8ab3" or "01",
            not_before = 1, not_after = 1e10 },
        } })
      end
      assert.equal("ignore_renew", offer(SHA256))
      assert.equal("default", offer(("0b"):rep(32)))
    end
    os.execute("rm -r '" .. folder .. "'")
  end)

  -- Whoever makes sets of his own has to say what they hold.
  it("takes sets of the right form", function()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -m 700 '" .. folder .. "'")
    local function try(form, kind)
      local file = assert(io.open(folder .. "/policy.lua", "w"))
      file:write("local set = require('usher.data').", kind or "set",
        "('", kind or "list", "'", form, ")\n",
        "local policy = require 'usher.revoke' { serials = set }\n",
        "return policy")
      file:close()
      local ok, err = pcall(usher.policy, folder .. "/policy.lua")
      return ok or err
    end
    local list = assert(io.open(folder .. "/list", "w"))
    list:write("serial=8AB3\n")
    local map = assert(io.open(folder .. "/map", "w"))
    map:write("8AB3 mallory\n")
    map:close()
    list:close()
    assert.is_true(try ", { form = 'serial' }")
    assert.is_true(try ", { form = 'certificate' }")
    for _, form in ipairs { "", ", { form = 'host' }", ", { form = 'hex' }" } do
      assert.matches("policy.lua:", try(form), 1, true)
    end
    assert.matches("must have the form 'serial'", try "", 1, true)
    assert.matches("must have the form 'serial'",
      try(", { form = 'serial' }", "map"), 1, true)
    os.execute("rm -r '" .. folder .. "'")
  end)

  for _, tls in ipairs { "1.2", "1.3" } do
    it("voids one ticket and no other, TLS " .. tls, function()
      local keys = usher.keys()
      local server = usher.server(usher.policy { text = [[return {
        generate = function(conn, ticket) conn.vars.id = ticket.id end,
        decrypt = function() return "default" end,
      }]] }, { tls = tls, keys = keys })
      local one, other = server:visit(), server:visit()
      local with = usher.server(usher.policy { text =
        "return require 'usher.revoke' { tickets = { '" .. one.vars.id .. "' } }"
      }, { tls = tls, keys = keys })
      assert.equal("ticket is revoked",
        with:visit({ ticket = one.ticket }).reason)
      assert.is_true(with:visit({ ticket = other.ticket }).resumed)
    end)
  end
end)
