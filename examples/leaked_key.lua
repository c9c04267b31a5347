-- SPDX-License-Identifier: MIT
--
-- A ticket key got out, or was weak. Whoever has it can read the sessions of
-- its tickets, and make up tickets with any content: nothing in them can be
-- believed, only the name of the key they come with. First give the servers
-- another key to issue with, then put the old one's name here; the server can
-- keep it to decrypt meanwhile, or drop it.
--
-- leaked_keys.txt has the first 16 bytes of each such key, in hex digits.
-- conn.vars.issued_after is for keys that were weak until a moment (a bad
-- random generator), where nobody could make tickets up: date -d 2026-11-01 +%s
--
-- Cost: a look-up. Limit: sessions that were recorded stay readable.

local leaked =
  require("usher.data").set("leaked_keys.txt", { form = "key_name" })

return {
  name = "leaked_key",

  decrypt = function(conn, ticket)
    if not ticket.decrypted then return "default" end
    if leaked:contains(ticket.key_name) then
      return "ignore_renew", "made with a leaked key"
    end
    -- What is no number is no moment before which all was well.
    local moment = conn.vars.issued_after or "0"
    local after = moment:match("^%d+$") and tonumber(moment) or math.huge
    if (ticket.auth_time or 0) < after then
      return "ignore_renew", "made with a weak key"
    end
    return "default"
  end,
}
