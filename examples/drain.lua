-- SPDX-License-Identifier: MIT
--
-- Moving clients off a node, or a share of them to a new one. Clients that come
-- back with a ticket of a node in drained.txt make a full handshake, so that
-- nothing of the old node's sessions is left when it goes; a share of them at a
-- time, to keep the load of full handshakes even.
--
-- drained.txt has a line for each such node: its name and the share in percent.
-- The host application tells a node its name as conn.vars.node.
--
-- Cost: the name in each ticket. Limit: a client may come back more than once
-- before its ticket is among the share (each has a new id, and a new chance).

-- It may be empty: mostly, no node is drained.
local drained =
  require("usher.data").map("drained.txt", { may_be_empty = true })

return {
  name = "drain",

  generate = function(conn, ticket)
    return { node = conn.vars.node }
  end,

  decrypt = function(conn, ticket)
    if not ticket.decrypted then return "default" end
    local data = ticket.data
    if not data then return "ignore_renew", "not one of ours" end
    local share = tonumber(data.node and drained:get(data.node) or 0) or 100
    -- The id is random: its first digits are a fair draw.
    if tonumber(ticket.id:sub(1, 6), 16) % 100 < share then
      return "ignore_renew", "its node is drained"
    end
    return "default"
  end,
}
