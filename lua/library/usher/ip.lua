---@meta
-- SPDX-License-Identifier: MIT
--
-- For the Lua language server: usher.ip, addresses and networks.
-- Made out of src/cli/annotate_modules.lua; "make annotations" writes it.

---@class usher.ip
local ip = {}

---Does the address lie in the network?
---@param network string
---@param address string
---@return boolean
function ip.contains(network, address) end

---An address in its usual form, and 4 or 6; nil if it is none.
---@param text string
---@return string? address
---@return 4|6? version
function ip.parse(text) end

---The network that an address lies in, as "192.0.2.0/24".
---@param address string
---@param bits4? integer of an IPv4 address; 24 if nil
---@param bits6? integer of an IPv6 address; 48 if nil
---@return string network
function ip.prefix(address, bits4, bits6) end

return ip
