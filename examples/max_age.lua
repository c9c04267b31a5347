-- SPDX-License-Identifier: MIT
--
-- Whoever signed in too long ago has to do so again.
--
-- A session's own lifetime does not see to that: in TLS 1.3 every resumption
-- brings fresh tickets, each with a new lifetime, and so a session can go on
-- for ever. ticket.auth_age counts from the last full handshake, however often
-- the ticket was renewed since.
--
-- Try it:  usher serve --var max_auth_age=30 max_age.lua

-- In seconds. The host application can set another one for a connection, as
-- conn.vars.max_auth_age.
local MAX_AUTH_AGE = 24 * 60 * 60

return {
  name = "max_age",

  -- There is no generate: the time of the full handshake is in every ticket
  -- anyway.

  decrypt = function(conn, ticket)
    -- No ticket, or one that no key of ours decrypts.
    if not ticket.decrypted then
      return "default"
    end

    -- A ticket without a time is as old as can be.
    local age = ticket.auth_age or math.huge
    local limit = tonumber(conn.vars.max_auth_age) or MAX_AUTH_AGE
    if age > limit then
      return "ignore_renew", "signed in too long ago"
    end
    return "default"
  end,
}
