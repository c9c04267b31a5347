-- SPDX-License-Identifier: MIT
--
-- A client certificate that was revoked, or has expired, since the ticket was
-- made. A resumption does not look at the certificate again: who once showed a
-- good one stays in for as long as the tickets are renewed.
--
-- revoked.txt has a line for each revoked certificate: its SHA-256 fingerprint
-- or its serial number, as openssl x509 prints them. Change it and reload. A
-- line that is neither is an error, and so is a list that is suddenly empty; if
-- the last entry is to go, say { file = "revoked.txt", may_be_empty = true }.
--
-- Cost: some 20 microseconds where a client has a certificate, to read it.
-- Limits: it asks nobody (no OCSP, no CRL download), and full handshakes are
-- the server's to check.

local chain = require "usher.chain"
local bind = require "usher.bind"
local revoke = require "usher.revoke"

return chain {
  name = "client_cert",
  -- A ticket from a host that asks for no certificate is none for this one.
  bind { server_name = true, client_cert = "required" },
  revoke { serials = "revoked.txt", sha256 = "revoked.txt", expired = true },
}
