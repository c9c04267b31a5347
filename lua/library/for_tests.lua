---@meta
-- SPDX-License-Identifier: MIT
--
-- For the Lua language server: what tests of policies may call.
-- Made out of src/cli/annotate_tests.lua; "make annotations" writes it.

---Facts by their names; nil where none is given.
---@class usher.test.Facts
---@field conn? table<string, any>
---@field ticket? table<string, any>

---A script error.
---@class usher.test.Error
---@field code string
---@field line integer
---@field message string
---@field script string

---What was decided in a visit.
---@class usher.test.Decision
---@field call "decrypt"|"generate"
---@field error? usher.test.Error
---@field instructions integer
---@field reason? string
---@field status? string
---@field verdict string

---What became of a call.
---@class usher.test.Result
---@field app_data? string the bytes in the ticket
---@field asked table<string, boolean> facts that were looked at
---@field data? table of generate
---@field early_data? boolean false if they were declined
---@field error? usher.test.Error
---@field instructions integer
---@field kind? string of generate
---@field memory integer bytes
---@field num_tickets? integer if assigned
---@field reason? string
---@field timeout? integer if assigned
---@field vars table<string, string> that were set
---@field verdict? usher.Verdict of decrypt

---A policy's limits, and what it has.
---@class usher.test.Info
---@field app_data_limit integer
---@field cpu_time_limit integer
---@field decrypt boolean
---@field generate boolean
---@field instruction_limit integer
---@field memory_limit integer
---@field name? string
---@field revision string

---A ticket of policy:issue.
---@class usher.test.Issued
---@field app_data string
---@field data? table
---@field issued_at integer
---@field kind string
---@field timeout integer

---Ticket keys.
---@class usher.test.Keys

---Of usher.policy.
---@class usher.test.PolicyOptions
---@field app_data_limit? integer bytes
---@field cpu_time_limit? integer microseconds
---@field file? string
---@field instruction_limit? integer
---@field memory_limit? integer bytes
---@field name? string of a text
---@field on_error? "full_handshake"|"abort"|"open"
---@field text? string

---Of usher.server.
---@class usher.test.ServerOptions
---@field alpn? string[]
---@field client_cert? "request"|"require"
---@field early_data? integer bytes
---@field keys? usher.test.Keys
---@field num_tickets? integer
---@field peer_address? string
---@field peer_port? integer
---@field timeout? integer seconds
---@field tls? "1.2"|"1.3"
---@field vars? table<string, string>

---Of server:visit.
---@class usher.test.VisitOptions
---@field alpn? string[]
---@field cert? string a client's name
---@field early_data? string to send early
---@field errors? boolean don't raise script errors
---@field groups? string as X25519:P-384
---@field name? string server name (SNI)
---@field peer_address? string
---@field peer_port? integer
---@field ticket? usher.test.Ticket
---@field tls? "1.2"|"1.3"
---@field vars? table<string, string>

---What the client saw of one connection.
---@class usher.test.Visit
---@field alert? string that the client got
---@field all_tickets usher.test.Ticket[]
---@field client_alert? string that it sent
---@field completed boolean
---@field decisions usher.test.Decision[]
---@field early_data? "accepted"|"rejected"
---@field error? usher.test.Error
---@field failure? string
---@field reason? string
---@field resumed boolean
---@field ticket? usher.test.Ticket
---@field tickets integer how many new ones
---@field vars table<string, string?>
---@field verdict? string

---A policy that is loaded.
---@class usher.test.Policy
local Policy = {}

---Calls decrypt.
---@param facts? usher.test.Facts|string or a JSON file's path
---@return usher.Verdict
---@return string? reason
---@return usher.test.Result
function Policy:decrypt(facts) end

---Calls generate.
---@param facts? usher.test.Facts|string or a JSON file's path
---@return "table"|"string"|"keep"|"end" kind
---@return table|string|nil value or the reason
---@return usher.test.Result
function Policy:generate(facts) end

---Its limits, and what it has.
---@return usher.test.Info
function Policy:info() end

---The ticket that generate makes; nil if it ends the handshake.
---@param facts? usher.test.Facts|string or a JSON file's path
---@param previous? usher.test.Issued that the handshake resumed with
---@return usher.test.Issued?
---@return string? reason
function Policy:issue(facts, previous) end

---What was printed and logged since the last time.
---@return string[]
function Policy:log() end

---Calls decrypt with such a ticket.
---@param ticket usher.test.Issued
---@param facts? usher.test.Facts|string or a JSON file's path
---@return usher.Verdict
---@return string? reason
---@return usher.test.Result
function Policy:present(ticket, facts) end

---The result alone, also where the script fails.
---@param fn "decrypt"|"generate"
---@param facts? usher.test.Facts|string or a JSON file's path
---@return usher.test.Result
function Policy:run(fn, facts) end

---A server in memory.
---@class usher.test.Server
local Server = {}

---New ticket keys.
---@param keys usher.test.Keys
function Server:set_keys(keys) end

---One handshake, and a byte there and back.
---@param options? usher.test.VisitOptions
---@return usher.test.Visit
function Server:visit(options) end

---A ticket that a visit got.
---@class usher.test.Ticket
local Ticket = {}

---One with a bit changed.
---@return usher.test.Ticket
function Ticket:altered() end

---Seconds, as the client was told.
---@return integer
function Ticket:lifetime() end

---Bytes in each ClientHello.
---@return integer
function Ticket:size() end

---@class usher.test
usher = {}

---Ticket keys, to share.
---@return usher.test.Keys
function usher.keys() end

---Loads a policy, by its path from the test file's folder.
---@param what string|usher.test.PolicyOptions a path, or { text = ... }
---@param options? usher.test.PolicyOptions
---@return usher.test.Policy
function usher.policy(what, options) end

---A server whose tickets the policy decides about.
---@param policy usher.test.Policy
---@param options? usher.test.ServerOptions
---@return usher.test.Server
function usher.server(policy, options) end

usher.clock = {}

---Moves it on.
---@param seconds number
function usher.clock.advance(seconds) end

---What it shows: seconds since 1970.
---@return integer
function usher.clock.now() end

---It shows the real time again.
function usher.clock.reset() end

---From now on it stands still.
---@param seconds number
function usher.clock.set(seconds) end
