---@meta
-- SPDX-License-Identifier: MIT
--
-- For the Lua language server: usher.data, lists from files.
-- Made out of src/cli/annotate_modules.lua; "make annotations" writes it.

---@class usher.data
local data = {}

---Reads keys and, behind a blank, their values.
---@param file string relative to the script's folder
---@return usher.Map
function data.map(file) end

---Reads networks and addresses.
---@param file string relative to the script's folder
---@return usher.Networks
function data.networks(file) end

---Reads a list, one entry a line.
---@param file string relative to the script's folder
---@return usher.Set
function data.set(file) end

---The keys and values of a file. # counts them.
---@class usher.Map
---@operator len: integer
local Map = {}

---The value of a key, or nil.
---@param key string
---@return string?
function Map:get(key) end

---The networks of a file. # counts those not within another one.
---@class usher.Networks
---@operator len: integer
local Networks = {}

---Does one of them cover the address?
---@param address string
---@return boolean
function Networks:contains(address) end

---The entries of a file. # counts them.
---@class usher.Set
---@operator len: integer
local Set = {}

---Is it an entry?
---@param value string
---@return boolean
function Set:contains(value) end

return data
