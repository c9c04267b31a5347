-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test client_cert_test.lua

local DAY = 24 * 60 * 60

-- The fingerprint of a client's certificate, as a server sees it; or its serial
-- number.
local function fingerprint(name, fact)
  local server = usher.server(usher.policy { text = [[return {
    generate = function(conn)
      conn.vars.seen = conn.client_cert.]] .. (fact or "sha256") .. [[ end,
  }]] }, { client_cert = "require" })
  return server:visit({ cert = name }).vars.seen
end

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""

-- The policy beside a list with one entry, in a folder of its own.
local function with_revoked(entry)
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir -m 700 '" .. folder .. "' && cp '" .. here
    .. "client_cert.lua' '" .. folder .. "'")
  local file = assert(io.open(folder .. "/revoked.txt", "w"))
  file:write(entry, "\n")
  file:close()
  local policy = usher.policy(folder .. "/client_cert.lua")
  os.execute("rm -r '" .. folder .. "'")
  return policy
end

for _, tls in ipairs { "1.2", "1.3" } do
  describe("client_cert, TLS " .. tls, function()
    local options = {
      tls = tls, client_cert = "request", keys = usher.keys(),
      timeout = 400 * DAY,
    }
    local without = usher.server(usher.policy { text = "return {}" }, options)
    local with = usher.server(usher.policy("client_cert.lua"), options)

    it("ends the session of a certificate that is revoked", function()
      -- As openssl x509 -fingerprint prints it.
      local entry = fingerprint("mallory"):upper():gsub("..", "%0:"):sub(1, -2)
      local revoked = usher.server(with_revoked(entry), options)
      local before = with:visit { cert = "mallory" }
      local again = with:visit { cert = "mallory", ticket = before.ticket }
      assert.is_true(again.resumed)
      local after = revoked:visit { cert = "mallory", ticket = again.ticket }
      assert.is_false(after.resumed)
      assert.equal("client certificate is revoked", after.reason)
      -- without the policy
      before = without:visit { cert = "mallory" }
      after = without:visit { cert = "mallory", ticket = before.ticket }
      assert.is_true(after.resumed)
    end)

    it("knows it in each spelling that openssl has", function()
      local sha256 = fingerprint("mallory")
      local serial = fingerprint("mallory", "serial")
      local ticket = without:visit({ cert = "mallory" }).ticket
      assert.is_true(
        without:visit({ cert = "mallory", ticket = ticket }).resumed)
      local colons = sha256:upper():gsub("..", "%0:"):sub(1, -2)
      for _, entry in ipairs {
        "sha256 Fingerprint=" .. colons, "serial=" .. serial:upper(),
        "    Serial Number: " .. serial:upper(), "00" .. serial, "0x" .. serial,
        "R\t261130120000Z\t251130120000Z\t" .. serial:upper()
          .. "\tunknown\t/CN=mallory",
      } do
        local server = usher.server(with_revoked(entry), options)
        local first = with:visit { cert = "mallory" }
        local visit = server:visit { cert = "mallory", ticket = first.ticket }
        assert.is_false(visit.resumed)
        assert.equal("client certificate is revoked", visit.reason)
      end
    end)

    it("leaves others alone", function()
      local revoked = usher.server(with_revoked(fingerprint "mallory"), options)
      local first = revoked:visit { cert = "alice" }
      assert.is_true(
        revoked:visit({ cert = "alice", ticket = first.ticket }).resumed)
    end)

    -- Certificates are good for 30 days here; tickets are renewed meanwhile.
    it("ends the session of a certificate that has expired", function()
      local function after_36_days(server)
        local visit = server:visit { cert = "bob" }
        for day = 4, 36, 4 do
          usher.clock.advance(4 * DAY)
          visit = server:visit { cert = "bob", ticket = visit.ticket }
          assert.equal(day < 30 or server == without, visit.resumed)
          if not visit.resumed then return visit end
        end
        return visit
      end
      local began = usher.clock.now()
      assert.is_true(after_36_days(without).resumed)
      usher.clock.set(began)
      assert.equal("client certificate has expired", after_36_days(with).reason)
    end)

    it("takes no session without a certificate", function()
      local before = without:visit()
      assert.is_true(without:visit({ ticket = before.ticket }).resumed)
      before = with:visit()
      assert.equal("other client certificate",
        with:visit({ ticket = before.ticket }).reason)
    end)
  end)
end
