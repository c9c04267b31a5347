---@meta
-- SPDX-License-Identifier: MIT
--
-- What a policy for Usher sees, for the Lua language server. Made by "usher
-- annotate library" out of src/facts/facts.def and src/cli/annotate*.lua; "make
-- annotations" writes it.

---A leaf certificate. What can't be read is nil.
---@class usher.Cert
---@field subject string? in the form of RFC 2253
---@field issuer string? in the form of RFC 2253
---@field serial string? hex digits
---@field sha256 string? hex digits
---@field not_before integer? seconds since 1970
---@field not_after integer? seconds since 1970

---Lists of numbers from IANA's registries. What can't be read is nil.
---@class usher.Hello
---@field ciphers integer[]?
---@field groups integer[]?
---@field signatures integer[]?
---@field extensions integer[]?

---The connection.
---@class usher.Conn
---@field server_name string? server name the client asked for (SNI), in lower case
---@field version string protocol version: "TLSv1.2", "TLSv1.3", "DTLSv1.2"
---@field cipher string? cipher of the connection, by OpenSSL's name (in generate only)
---@field group string? key-exchange group of this handshake, by OpenSSL's name (in generate only)
---@field alpn string? application protocol agreed on (ALPN) (in generate only)
---@field alpn_offered string[]? application protocols the client offers (ALPN), a list (in decrypt only)
---@field resumed boolean? whether this handshake resumed a session (in generate only)
---@field early_data boolean whether the client offered early data; assign false to decline them; assign in decrypt
---@field peer_address string? the client's IP address
---@field peer_port integer? the client's port
---@field local_address string? IP address the client connected to
---@field local_port integer? port the client connected to
---@field transport string "tls", "dtls" or "quic"
---@field client_cert usher.Cert? the client's certificate of this connection (in generate only)
---@field num_tickets integer tickets that this handshake will send (more than one in TLS 1.3 only); assign in generate
---@field hello usher.Hello what the ClientHello offered: lists of code points
---@field id string names this connection in logs; unique within the process
---@field vars table<string, string?> named strings, between the host application and the script

---The ticket that a client offers, or that its handshake resumed with.
---@class usher.Ticket
---@field status string "empty", "no_decrypt", "success" or "success_renew"
---@field decrypted boolean whether the ticket could be decrypted
---@field key_name string name of the ticket key: 16 raw bytes, fewer of a short ticket
---@field app_data string? the bytes stored in the ticket, as they are
---@field data table? the table that this policy stored in the ticket
---@field id string? the ticket's own id: 16 hex digits
---@field policy string? name of the policy that stored the table
---@field auth_time integer? when the last full handshake was, seconds since 1970
---@field auth_age integer? seconds since the last full handshake
---@field renewals integer? how often the ticket was renewed since the last full handshake
---@field revision string? revision of the policy that made the ticket: 16 hex digits
---@field issued_at integer? when the session was made, seconds since 1970
---@field age integer? seconds since the session was made
---@field timeout integer? the session's lifetime in seconds, from issued_at
---@field session_id string? session id in hex digits (in TLS 1.2 the client's own choice)
---@field version string? protocol version of the session
---@field cipher string? cipher of the session, by OpenSSL's name
---@field server_name string? server name that the ticket was made for
---@field alpn string? application protocol of the session (ALPN)
---@field max_early_data integer? bytes of early data that the ticket allows
---@field client_cert usher.Cert? the client's certificate of the session

---The ticket that is being made.
---@class usher.Issue
---@field index integer 1 for the first ticket of this handshake
---@field timeout integer lifetime of the ticket in seconds, at least 1 (assignable)
---@field id string the id that this ticket will have: 16 hex digits
---@field auth_time integer? when the last full handshake was, seconds since 1970
---@field renewals integer how often the ticket was renewed since, this time included
---@field previous usher.Ticket? the ticket that this handshake resumed with

---@alias usher.Verdict
---| "default" what OpenSSL does without a policy
---| "use" the session resumes, the client gets no new ticket
---| "use_renew" the session resumes, the client gets a new ticket
---| "ignore" full handshake, no new ticket
---| "ignore_renew" full handshake, the client gets new tickets
---| "abort" the handshake is ended

---What the script returns.
---@class usher.Policy
---@field name? string tables are only read back under this name
---@field api? integer 1
---@field generate? fun(conn: usher.Conn, ticket: usher.Issue): table|string|false|nil, string?
---@field decrypt? fun(conn: usher.Conn, ticket: usher.Ticket): usher.Verdict?, string?
---@field selftest? fun()

---What require "usher" gives.
---@class usher
---@field age fun(given: usher.age.Options): usher.Policy
---@field bind fun(given: usher.bind.Options): usher.Policy
---@field by_name fun(given: table<string, usher.Policy>): usher.Policy
---@field chain fun(given: { name?: string, [integer]: usher.Policy }): usher.Policy
---@field data usher.data
---@field ip usher.ip
---@field limit fun(given: usher.limit.Options): usher.Policy
---@field once fun(given?: usher.once.Options): usher.Policy
---@field options table for the library's own modules
---@field part table for the library's own modules
---@field revoke fun(given: usher.revoke.Options): usher.Policy
---@field standard usher.Policy
---@field store usher.store
local usher = {}

---Base64 with padding.
---@param bytes string
---@return string
function usher.base64(bytes) end

---Compares in a time that tells the lengths only.
---@param a string
---@param b string
---@return boolean
function usher.equal(a, b) end

---Hex digits, in lower case.
---@param bytes string
---@return string
function usher.hex(bytes) end

---32 bytes.
---@param key string
---@param bytes string
---@return string digest
function usher.hmac_sha256(key, bytes) end

---A line in the host's log; 100 a minute at most.
---@param level "error"|"warning"|"info"
---@param text string
function usher.log(level, text) end

---Seconds since 1970.
---@return integer
function usher.now() end

---Random bytes, 1 to 1,024, good for secrets.
---@param n integer
---@return string
function usher.random(n) end

---32 bytes.
---@param bytes string
---@return string digest
function usher.sha256(bytes) end

---The bytes of base64; nil and why not.
---@param text string
---@return string? bytes
---@return string? why
function usher.unbase64(text) end

---The bytes of hex digits; nil and why not.
---@param digits string
---@return string? bytes
---@return string? why
function usher.unhex(digits) end

return usher
