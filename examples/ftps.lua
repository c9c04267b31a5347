-- SPDX-License-Identifier: MIT
--
-- FTPS: the data channel must be the control channel's client. A data channel
-- is a second connection to a port that anybody can guess; a client proves that
-- it is the same one by resuming the control channel's session there.
--
-- The host sets conn.vars.channel, "control" or "data", and conn.vars.token: a
-- secret of the control connection, for its data channels the same one.
--
-- Cost: the token in each ticket. Limits: a data channel that does not resume
-- is ended (in TLS 1.3 after the handshake); of a TLS 1.2 client that knows no
-- tickets nobody is asked, so the host must look at SSL_session_reused as well.

local NOT_SAME = "not the control channel's client"

return {
  name = "ftps",

  generate = function(conn, ticket)
    if conn.vars.channel == "data" and not conn.resumed then
      return false, NOT_SAME
    end
    return { token = conn.vars.token }
  end,

  decrypt = function(conn, ticket)
    if conn.vars.channel ~= "data" then
      -- Whoever comes back has another token now. Under "default" a TLS 1.2
      -- client would keep the ticket that holds the old one.
      return ticket.decrypted and "use_renew" or "default"
    end
    local data = ticket.decrypted and ticket.data
    local token = conn.vars.token
    if not data or not token or data.token ~= token then
      return "abort", NOT_SAME
    end
    return "use_renew"
  end,
}
