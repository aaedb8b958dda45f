---What can be heard: the name of a file in the app's folder, or of a recording; a tone, a silence, words.
---@alias callflow.Source string|callflow.Sound

---Made by `callflow.tone`, `callflow.silence`, `callflow.say` and `callflow.text`.
---@class callflow.Sound

---How a call ended.
---@class callflow.ChannelEnded
---@field cause integer Q.850
---@field cause_name string
---@field sip_status integer
---@field sip_reason string
---@field ended_by "caller"|"callee"|"app"|"engine"|"network"
---@field phase "setup"|"ringing"|"early"|"answered"
---@field created_at number seconds since the epoch
---@field progress_at? number
---@field answered_at? number
---@field ended_at number
---@field billable number seconds

---What a verb raises: an error to look at in what `pcall` returns.
---@class callflow.Error
---@field code "not_found"|"wrong_state"|"not_owner"|"bad_argument"|"unauthorized"|"unsupported"|"overloaded"|"deadline"|"call_ended"|"internal"
---@field message string
---@field command? string

---What goes on beside the script. As a `<close>` variable it is stopped at the end of its block.
---@class callflow.Handle
local Handle = {}

---Its outcome, when it ends by itself.
---@return table outcome
function Handle:wait() end

---Stop it, and say how far it came.
---@return table outcome
function Handle:stop() end

---Stop it, and do not wait.
function Handle:close() end

---Stop at this place, or keep nothing of what follows, until `resume`.
function Handle:pause() end

---Go on.
function Handle:resume() end

---Go so many milliseconds ahead in a playback, or back if negative.
---@param by_ms integer
function Handle:seek(by_ms) end

---Let nothing be heard of what a stream's peer has said so far.
function Handle:clear() end

---Say a text to a stream's peer.
---@param text string
function Handle:send(text) end

---Change the loudness of a playback.
---@param gain_db number
function Handle:gain(gain_db) end

---What is taken back by closing it, as a `<close>` variable at the end of its block.
---@class callflow.Undo
local Undo = {}

function Undo:close() end

---One leg of a call.
---@class callflow.Call
---@field id string of the channel
---@field direction "inbound"|"outbound"
---@field caller callflow.Party
---@field callee callflow.Party
---@field to string the number dialled
---@field user? string the authenticated user who calls
---@field trunk? string by which the call came
---@field withheld? boolean the caller does not want to be shown to who is called
---@field diversions? callflow.Diversion[] who forwarded the call before it came here, the last first
---@field security? callflow.Security how SIP travels, how media is encrypted, and who proved who he is; of a leg, once it is encrypted
---@field traceparent? string where the call is traced (W3C Trace Context)
---@field variables table<string, string> of the channel, as far as they are known
---@field is_answered boolean
---@field is_over boolean
---@field is_reattached? boolean it had begun with a session that was lost
---@field ended? callflow.ChannelEnded
---@field origin? callflow.Call the call that dialled this one
---@field legs callflow.Call[] of a call that is taken up again
local Call = {}

---Wait for the end, and say how it came.
---@return callflow.ChannelEnded
function Call:wait_hangup() end

---Have a function called with the end of the call, when the script is over.
---@param f fun(ended: callflow.ChannelEnded)
function Call:on_hangup(f) end

---Have the caller choose, and go on with the function of the choice: what that returns, or why there was no choice.
---@param menu {[integer]: callflow.Source, choices: table<string, fun(call: callflow.Call): any>, timeout?: number, retries?: integer, invalid?: callflow.Source}
---@return any
function Call:menu(menu) end

---Hold the peer until what is returned is closed.
---@param ... callflow.Source
---@return callflow.Undo
function Call:holding(...) end

---Silence a direction until what is returned is closed.
---@param direction? "in"|"out"|"both"
---@return callflow.Undo
function Call:muting(direction) end

---Have a function called whenever the digits are keyed, until what is returned is closed.
---@param digits string
---@param f fun()
---@return callflow.Undo
function Call:binding_digits(digits, f) end

---A recording of the app's own, as a text, of at most 1 MiB: to be sent somewhere.
---@param path string the name it was recorded under
---@return string
function Call:download(path) end

---Have a function decide on the transfers that the peer's phone asks for, until what is returned is closed: true lets it be
---done, a target sends the other party there, false or a SIP status refuses. `wait`: seconds that it may take.
---@param decide fun(asked: callflow.TransferRequest): boolean|string|integer
---@param options? {wait?: number}
---@return callflow.Undo
function Call:deciding_transfers(decide, options) end

---A phone wants to transfer whoever it talks with: to a number, or to whom it talks with as `other`.
---@class callflow.TransferRequest
---@field kind "blind"|"attended"
---@field target string
---@field other? callflow.Call
---@field referred_by string

---@class callflow.App
---@field name string
local App = {}

---Give the calls to numbers that match a pattern (a regular expression, the whole number) to a function.
---@param pattern string
---@param ... string|fun(call: callflow.Call) more patterns, and the function
function App:route(pattern, ...) end

---Give the calls that a lost version of this script had to this function; else those of their routes begin again.
---@param f fun(call: callflow.Call)
function App:on_reattach(f) end

---Give the texts that users write to numbers of this app's routes, outside of calls, to a function.
---@param f fun(message: callflow.TextMessage)
function App:on_message(f) end

---A text that a user wrote. Who it is has been proved; `to` is the number it was written to.
---@class callflow.TextMessage
---@field sender string
---@field to string
---@field body string
---@field content_type string
local TextMessage = {}

---Write back, from the number it was written to.
---@param body string
---@return callflow.Sent
function TextMessage:reply(body) end

---Dial without a caller. The leg that answers goes to one of four: a function, a route, an app, a bridge with a call.
---@param options {[integer]: string|callflow.Target|(string|callflow.Target)[], timeout?: number, caller_id?: string, withheld?: boolean, headers?: table<string, string>, script?: fun(call: callflow.Call), route?: string, app?: string, bridge?: callflow.Call, deadline?: number}
---@return callflow.Answered|callflow.Failed
function App:originate(options) end

---@class callflow
callflow = {}

---The app of this script: one, declared while the script is loaded.
---@param name string
---@param options? {language?: string}
---@return callflow.App
function callflow.app(name, options) end

---@param seconds number
function callflow.sleep(seconds) end

---Seconds since the epoch.
---@return number
function callflow.now() end

---Run a function beside the caller, until it returns, what is returned is closed, or the script of the call is over.
---@param f fun(...)
---@param ... any
---@return callflow.Undo
function callflow.spawn(f, ...) end

---Run a function later.
---@param seconds number
---@param f fun()
---@return callflow.Undo
function callflow.after(seconds, f) end

---Run functions beside each other: what the first to return gives. The others are ended.
---@param ... fun(): ...
---@return any ...
function callflow.race(...) end

---Run a function for so many seconds at most: true and what it returns, or false.
---@param seconds number
---@param f fun(): ...
---@return boolean is_done
---@return any ...
function callflow.within(seconds, f) end

---Something that happens once. Scripts of any calls of this version wait for it.
---@class callflow.Event
local Event = {}

---Wait until it has happened; at once, if it has.
function Event:wait() end

---It happens now: who waits goes on, when the script that says so waits itself.
function Event:set() end

---@return boolean
function Event:is_set() end

---@return callflow.Event
function callflow.event() end

---A tone by country (`busy/us`) or frequencies in Hz (`440+480`); without seconds it does not end.
---@param plan string
---@param seconds? number
---@return callflow.Sound
function callflow.tone(plan, seconds) end

---@param seconds number
---@return callflow.Sound
function callflow.silence(seconds) end

---Any text, spoken by text to speech.
---@param text string
---@param options? {language?: string, voice?: string}
---@return callflow.Sound
function callflow.text(text, options) end

---Words from recorded prompts.
---@param text string
---@param options? {kind?: "words"|"digits"|"telephone"|"number"|"ordinal"|"spelled"|"time"|"date"|"duration"|"money", language?: string}
---@return callflow.Sound
function callflow.say(text, options) end

---What the calls of an app share, also with those of its other versions.
---@class callflow.Store
callflow.store = {}

---@param key string
---@return string|number|boolean|nil
function callflow.store.get(key) end

---@param key string
---@param value string|number|boolean|nil nil removes it
function callflow.store.set(key, value) end

---Add to a number, which is 0 at first: the sum.
---@param key string
---@param number? number 1 by default
---@return number
function callflow.store.add(key, number) end

---A request was answered, whatever the status.
---@class callflow.Response
---@field outcome "response"
---@field response true
---@field status integer
---@field headers table<string, string> names in small letters
---@field body string
---@field json? any what the body says, if it is JSON

---A request or a statement that could not be done.
---@class callflow.OutsideFailed
---@field outcome "failed"
---@field failed true
---@field reason "unreachable"|"timeout"|"broken"|"too_large"|"overloaded"|"busy"|"constraint"|"full"|"absent"
---@field message string

---What of a request stands by name.
---@class callflow.RequestOptions
---@field headers? table<string, string|number>
---@field body? string
---@field json? any sent as JSON instead of a body
---@field timeout? number seconds for all of it: 10 by default, 60 at most

---HTTP, to the hosts that the app's configuration names. No redirection is followed.
---@class callflow.Http
callflow.http = {}

---@param url string
---@param options? callflow.RequestOptions
---@return callflow.Response|callflow.OutsideFailed
function callflow.http.get(url, options) end

---@param url string
---@param options? callflow.RequestOptions
---@return callflow.Response|callflow.OutsideFailed
function callflow.http.head(url, options) end

---@param url string
---@param options? callflow.RequestOptions
---@return callflow.Response|callflow.OutsideFailed
function callflow.http.post(url, options) end

---@param url string
---@param options? callflow.RequestOptions
---@return callflow.Response|callflow.OutsideFailed
function callflow.http.put(url, options) end

---@param url string
---@param options? callflow.RequestOptions
---@return callflow.Response|callflow.OutsideFailed
function callflow.http.patch(url, options) end

---@param url string
---@param options? callflow.RequestOptions
---@return callflow.Response|callflow.OutsideFailed
function callflow.http.delete(url, options) end

---A request of any method: `callflow.http.request{ "http://...", method = "OPTIONS" }`.
---@param options {[1]: string, method?: string, headers?: table<string, string|number>, body?: string, json?: any, timeout?: number}
---@return callflow.Response|callflow.OutsideFailed
function callflow.http.request(options) end

---What a statement found.
---@class callflow.Rows
---@field outcome "rows"
---@field rows table<string, string|number>[]
---@field first? table<string, string|number> of the rows

---How many rows a statement has changed.
---@class callflow.Changed
---@field outcome "changed"
---@field changed integer
---@field last_id? integer of the row put in last

---The app's database, in SQL as SQLite has it.
---@class callflow.Db
callflow.db = {}

---Find rows.
---@param statement string
---@param ... string|number|boolean|nil|table<string, string|number|boolean> for its question marks; or one table, for its :names
---@return callflow.Rows|callflow.OutsideFailed
function callflow.db.query(statement, ...) end

---Change rows, or make tables.
---@param statement string
---@param ... string|number|boolean|nil|table<string, string|number|boolean>
---@return callflow.Changed|callflow.OutsideFailed
function callflow.db.execute(statement, ...) end

---The engine's log.
---@class callflow.Log
callflow.log = {}

---@param ... any
function callflow.log.debug(...) end

---@param ... any
function callflow.log.info(...) end

---@param ... any
function callflow.log.warning(...) end

---@param ... any
function callflow.log.error(...) end
