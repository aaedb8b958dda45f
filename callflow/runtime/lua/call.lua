-- Calls as a script sees them: their verbs, made from the table of verb.py, and what goes on beside. Given the sandbox, the
-- tasks, and the tables.

local box, kit, VERBS, OUTCOMES, HANDLES = ...

local type, select, next, tostring = type, select, next, tostring
local setmetatable, getmetatable, rawget = setmetatable, getmetatable, rawget
local insert, concat, sort = table.insert, table.concat, table.sort
local format, gsub, match = string.format, string.gsub, string.match
local ask, request, fail, expect_function = kit.ask, kit.request, kit.fail, kit.expect_function

local MAX_DOWNLOAD = 1 << 20 -- octets
local MAX_PRESSES = 10 -- of bound digits that wait

local calls = {}  -- by channel
local run_of = {} -- by channel: the script that steers it

local Call = { __metatable = false, __name = "callflow.Call" }
local Methods = {}
Call.__index = Methods
function Call.__tostring(call)
  return "call " .. tostring(call.id)
end

local function new_call(run, id, facts)
  facts.id, facts.is_answered, facts.is_over = id, facts.is_answered or false, false
  facts.variables = facts.variables or {}
  calls[id], run_of[id] = setmetatable(facts, Call), run
  return facts
end

local function forget(id)
  calls[id], run_of[id] = nil, nil
end

local function expect_run(call, command)
  return run_of[call.id] or fail("call_ended", "the script of this call is over", command)
end

-- What verbs are given, and what they give

local function is_plain(value)
  return type(value) == "table" and getmetatable(value) == nil
end

--- Values as the engine takes them: calls by their ids.
local function given(value)
  if type(value) == "table" and calls[rawget(value, "id")] == value then return value.id end
  return value
end

--- The values of the one table that holds them, and the options by name. A word of Lua's has an underscore behind it.
local function split(table)
  local args, positional, count = {}, {}, 0
  for key, value in next, table do
    if type(key) == "number" then
      if key > count then count = key end
      positional[key] = given(value)
    else
      args[match(key, "^(.-)_?$")] = given(value)
    end
  end
  return args, positional, count
end

--- The arguments of a command: from values in their order, or from one table.
local function arguments(command, verb, ...)
  local count = select("#", ...)
  if count == 0 then return nil end
  local positional, args = { ... }, {}
  if count == 1 and is_plain(positional[1]) then args, positional, count = split(positional[1]) end
  local names = verb.positional
  if count > #names and not verb.rest then
    local most = format("expected at most %d values, got %d; options stand in one table with them", #names, count)
    fail("bad_argument", most, command)
  end
  local rest = verb.rest and {} or nil
  for at = 1, count do
    local value = given(positional[at])
    if not rest or at < #names then
      args[names[at]] = value
    elseif value == nil then
      fail("bad_argument", format("expected a value, got nil as value %d", at), command)
    else
      rest[at - #names + 1] = value
    end
  end
  if rest and count >= #names then args[verb.rest] = rest end
  return args
end

--- An outcome: {outcome = "digits", digits = true, value = "1"}. A command without one gives what it was answered.
local function outcome(tag, ...)
  if not tag then return ... end
  local result, names = { outcome = tag }, OUTCOMES[tag]
  for at = 1, #names do result[names[at]] = (select(at, ...)) end
  if result[tag] == nil then result[tag] = true end
  return result
end

-- Verbs that wait for their end

local function add_verb(name, verb)
  local command = verb.command
  Methods[name] = function(call, ...)
    return outcome(ask("do", name, call.id, command, arguments(name, verb, ...)))
  end
end

local function add_ending(name, verb)
  Methods[name] = function(call, ...)
    if name == "hangup" and call.is_over then return end
    ask("end", name, call.id, verb.command, arguments(name, verb, ...))
  end
end

for name, verb in next, VERBS do
  if verb.kind == "plain" and not verb.of_app then add_verb(name, verb) end
  if verb.kind == "ending" then add_ending(name, verb) end
end

--- Set variables; false removes one.
function Methods.set(call, variables)
  local changes = {}
  for name, value in next, is_plain(variables) and variables or {} do
    changes[name] = value
    call.variables[name] = value or nil
  end
  ask("do", "set", call.id, "set", { variables = changes })
end

function Methods.get(call, ...)
  local found = outcome(ask("do", "get", call.id, "get", { variables = { ... } }))
  for name, value in next, found do call.variables[name] = value end
  return found
end

--- Wait for the end, and say how it came.
function Methods.wait_hangup(call)
  if not call.is_over then ask("wait_ended", "wait_hangup", call.id) end
  return call.ended
end

--- Have a function called with the end of the call, when the script is over.
function Methods.on_hangup(call, f)
  expect_function(f, "on_hangup")
  local run = expect_run(call, "on_hangup")
  run.on_hangup = run.on_hangup or {}
  insert(run.on_hangup, f)
end

local function expect_choices(menu)
  local keys = {}
  for key, f in next, is_plain(menu) and is_plain(menu.choices) and menu.choices or {} do
    key = tostring(key)
    if type(f) ~= "function" or not match(key, "^[0-9*#A-D]+$") then
      fail("bad_argument", format("expected functions under keys such as 1 or *5, got %s under %s", type(f), key), "menu")
    end
    insert(keys, key)
  end
  if #keys == 0 then fail("bad_argument", 'expected { "menu.wav", choices = { ["1"] = f } }', "menu") end
  sort(keys)
  return keys
end

--- Have the caller choose, and go on with the function of the choice: what that returns, or why there was no choice.
function Methods.menu(call, menu)
  local shortest, longest, patterns = 99, 0, {}
  for at, key in ipairs(expect_choices(menu)) do
    shortest, longest = math.min(shortest, #key), math.max(longest, #key)
    patterns[at] = gsub(key, ".", "[%0]")
  end
  local valid = concat(patterns, "|")
  local gather = {
    min = shortest, max = longest, valid = valid, terminators = match(valid, "#") and "" or "#",
    timeout = menu.timeout or 5, retries = menu.retries or 2, invalid = menu.invalid or {},
  }
  for at, source in ipairs(menu) do gather[at] = source end
  local entry = call:gather(gather)
  if not entry.digits then return entry end
  return (menu.choices[entry.value] or menu.choices[math.tointeger(entry.value)])(call)
end

-- Dialling

--- The legs of a dial as calls; with a function to confirm, each that answers is asked.
local function adopt(origin, run, legs, confirm)
  for at = 1, #legs, 2 do
    local id, target = legs[at], legs[at + 1]
    run.legs[id] = new_call(run, id, {
      direction = "outbound", caller = origin.caller, callee = { uri = target, number = target, name = "" },
      to = target, origin = origin,
    })
    run.confirms[id] = confirm
  end
end

function Methods.dial(call, ...)
  local args = arguments("dial", VERBS.dial, ...) or {}
  local confirm
  if type(args.confirm) == "function" then
    confirm = args.confirm
    args.confirm = { timeout = args.timeout or 30 }
  end
  local run = expect_run(call, "dial")
  local legs = ask("legs", "dial", call.id, args.stages or {})
  adopt(call, run, legs, confirm)
  args.stages = nil
  local result = outcome(ask("dial", "dial", call.id, args, legs[1]))
  local leg = result.answered and calls[result.leg]
  if leg then
    leg.is_answered, result.leg = true, leg
  end
  return result
end

-- What goes on beside the script

local Handle = { __metatable = false, __name = "callflow.Handle" }
local Going = {}
Handle.__index = Going
function Handle.__close(handle)
  handle:close()
end

--- Its outcome, when it ends by itself.
function Going.wait(handle)
  return outcome(ask("await", "wait", handle.call.id, handle.id))
end

--- Stop it, and say how far it came.
function Going.stop(handle)
  handle:close()
  return handle:wait()
end

--- Stop it, and do not wait.
function Going.close(handle)
  if not handle.is_closed and not handle.call.is_over then
    handle.is_closed = true
    request(0, "stop", handle.call.id, handle.id)
  end
end

local function control(handle, name, args)
  args.command = handle.id
  return outcome(ask("do", name, handle.call.id, "control", args))
end
function Going.pause(handle) return control(handle, "pause", { action = "pause" }) end
function Going.resume(handle) return control(handle, "resume", { action = "resume" }) end
function Going.seek(handle, by_ms) return control(handle, "seek", { seek_ms = by_ms }) end
--- Of a stream: nothing that its peer has said so far is to be heard.
function Going.clear(handle)
  return outcome(ask("do", "clear", handle.call.id, "stream_clear", { command = handle.id }))
end

--- The same: its peer is told a text.
function Going.send(handle, text)
  return outcome(ask("do", "send", handle.call.id, "stream_text", { command = handle.id, text = text }))
end

function Going.gain(handle, gain_db) return control(handle, "gain", { gain_db = gain_db }) end

for name, of in next, HANDLES do
  local verb = VERBS[of]
  Methods[name] = function(call, ...)
    local id = ask("begin", name, call.id, verb.command, arguments(name, verb, ...))
    return setmetatable({ id = id, call = call }, Handle)
  end
end

-- What the end of a block takes back

local Undo = { __metatable = false, __name = "callflow.Undo" }
Undo.__index = {
  close = function(undo)
    local back = undo.back
    undo.back = nil
    if back then back() end
  end,
}
function Undo.__close(undo)
  undo:close()
end

local function undoing(back)
  return setmetatable({ back = back }, Undo)
end

local function telling(call, command, args)
  return undoing(function()
    if not call.is_over then request(0, "tell", call.id, command, args) end
  end)
end

function Methods.holding(call, ...)
  call:hold(...)
  return telling(call, "resume")
end

function Methods.muting(call, direction)
  call:mute(direction)
  return telling(call, "unmute", { direction = direction or "in" })
end

--- A function that serves presses one after another.
local function serving(f)
  local presses = 0
  return function(run)
    presses = presses < MAX_PRESSES and presses + 1 or presses
    if presses > 1 or run.is_over then return end
    kit.advance(kit.spawn(run, run.on_spawned, function()
      while presses > 0 do
        f()
        presses = presses - 1
      end
    end))
  end
end

function Methods.binding_digits(call, digits, f)
  expect_function(f, "binding_digits")
  local run = expect_run(call, "binding_digits")
  call:bind_digits(digits)
  run.bindings = run.bindings or {}
  local key = call.id .. " " .. digits
  run.bindings[key] = serving(f)
  local unbind = telling(call, "unbind_digits", { digits = digits })
  return undoing(function()
    run.bindings[key] = nil
    unbind:close()
  end)
end

--- A recording of the app's own, as a text: to be sent somewhere.
function Methods.download(_, path)
  local parts, size = {}, 0
  repeat
    local _, part = ask("app", "download", "download", { path = path, offset = size })
    if part.size > MAX_DOWNLOAD then
      fail("unsupported", format("expected a recording of at most %d octets, got %d", MAX_DOWNLOAD, part.size), "download")
    end
    insert(parts, part.data)
    size = size + #part.data
  until size >= part.size or #part.data == 0
  return concat(parts)
end

--- Have a function decide on the transfers that the peer's phone asks for, until what is returned is closed. Of what it is
--- given and returns, see `transfer_asked`.
function Methods.deciding_transfers(call, decide, options)
  expect_function(decide, "deciding_transfers")
  local run = expect_run(call, "deciding_transfers")
  local args = { requests = "app", wait = type(options) == "table" and options.wait or nil }
  ask("do", "deciding_transfers", call.id, "transfer_policy", args)
  run.deciders = run.deciders or {}
  run.deciders[call.id] = { decide = decide, count = 0 }
  local back = telling(call, "transfer_policy", {})
  return undoing(function()
    run.deciders[call.id] = nil
    back:close()
  end)
end

return {
  calls = calls, run_of = run_of, new_call = new_call, forget = forget, arguments = arguments, outcome = outcome,
  undoing = undoing,
}
