-- SPDX-License-Identifier: MIT
--
-- The rules have changed since the ticket was made: a tenant moved, another set
-- of certificate authorities, a stricter access list. What the full handshake
-- decided under the old rules must not live on in a ticket.
--
-- epochs.txt has a line for each host, its name and any word. Change a host's
-- word and reload, and its older tickets are void. "*.shop.example" is for all
-- hosts below that one without a line of their own, "*" for all others; what is
-- no host's name is an error with its line.
--
-- Cost: a look-up, and the word in each ticket. Limit: what the server itself
-- keeps by session (its own cache) is not looked at here.

local epochs =
  require("usher.data").map("epochs.txt", { form = "host", at_least = 1 })

local function epoch_of(conn)
  return epochs:get(conn.server_name or "*")
end

return {
  name = "epoch",

  generate = function(conn, ticket)
    return { sni = conn.server_name, epoch = epoch_of(conn) }
  end,

  decrypt = function(conn, ticket)
    if not ticket.decrypted then return "default" end
    local data = ticket.data
    if not data then return "ignore_renew", "not one of ours" end
    if data.sni ~= conn.server_name then
      return "ignore_renew", "other virtual host"
    end
    if data.epoch ~= epoch_of(conn) then
      return "ignore_renew", "the rules have changed"
    end
    return "default"
  end,
}
