---@meta
-- SPDX-License-Identifier: MIT
--
-- For the Lua language server: usher.data, lists from files.
-- Made out of src/cli/annotate_modules.lua; "make annotations" writes it.

---@class usher.data
local data = {}

---Reads keys and, behind a blank, their values.
---@param file string relative to the script's folder
---@param options? { form?: usher.Form, may_be_empty?: boolean, at_least?: integer }
---@return usher.Map
function data.map(file, options) end

---Reads networks and addresses.
---@param file string relative to the script's folder
---@param options? { may_be_empty?: boolean, at_least?: integer }
---@return usher.Networks
function data.networks(file, options) end

---An entry in the one spelling that facts have; nil if it is none.
---@param text string
---@param form usher.Form
---@return string? plain
---@return string? why
function data.plain(text, form) end

---Reads a list, one entry a line.
---@param file string relative to the script's folder
---@param options? { form?: usher.Form, may_be_empty?: boolean, at_least?: integer }
---@return usher.Set
function data.set(file, options) end

---@alias usher.Form
---| "serial" | "sha256" | "certificate" | "id" | "key_name" | "hex" | "host"

---The keys and values of a file. # counts them.
---@class usher.Map
---@operator len: integer
local Map = {}

---What its entries are; nil: any.
---@return usher.Form?
function Map:form() end

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

---What its entries are; nil: any.
---@return usher.Form?
function Set:form() end

return data
