-- What an office's phones can do: star codes in a call, pickup, eavesdropping, numbers from outside, groups.

local Parking, Pickup = require "callflow.parking", require "callflow.pickup"
local Supervision, Voicemail = require "callflow.supervision", require "callflow.voicemail"

local EXTENSIONS = { ["201"] = "alice", ["202"] = "bob", ["203"] = "carol" }
local DIRECT = { ["+4930555201"] = "201", ["+4930555300"] = "300" } -- numbers from outside, and where they lead
local HUNT = { "alice", "bob" } -- one after another
local GROUP = { "alice", "bob", "carol" } -- all together
local MUSIC = callflow.tone("392+494", 1)

local app = callflow.app("features")
local pickup, floor, voicemail = Pickup(), Supervision(), Voicemail{ app, silence = 3 }
local parking = Parking{ "701", "702", "703" }

local function say(call, text)
  call:play(callflow.say(text))
end

-- A conversation: a caller and a colleague, who keys *1 to record, *2 to transfer, *3 to ask somebody first, *4 to park

local function ask_whom(talk)
  local music <close> = talk.call:playing{ MUSIC, repeat_ = 0 }
  local keyed = talk.leg:gather{
    callflow.say("please dial the number"), min = 3, max = 3, valid = "20[1-3]", retries = 1,
  }
  return EXTENSIONS[keyed.value]
end

local function go_on_with(talk, won)
  talk.leg, talk.name = won.leg, won.target
  return true
end

local WISHES = {}

--- Blind: the caller goes to whom the colleague keys, who is gone by then.
function WISHES.transfer(talk)
  local target = ask_whom(talk)
  if not target then return true end
  talk.leg:hangup()
  local won = talk.call:dial{ target, timeout = 20, ringback = "eu" }
  if won.answered then return go_on_with(talk, won) end
  say(talk.call, "sorry, not available")
end

--- Attended: the colleague talks to a third first, and hangs up to connect the two; if that one does, no.
function WISHES.consult(talk)
  local target = ask_whom(talk)
  if not target then return true end
  local music <close> = talk.call:playing{ MUSIC, repeat_ = 0 }
  local won = talk.leg:dial{ target, timeout = 20, ringback = "eu" }
  if not won.answered then return true end
  local ok, problem = pcall(talk.leg.bridge, talk.leg, { won.leg, hangup_after = false })
  if not ok and problem.code ~= "call_ended" then error(problem, 0) end
  return ok and not talk.leg.is_over or go_on_with(talk, won)
end

function WISHES.park(talk)
  talk.leg:hangup()
  parking:park(talk.call)
end

--- Have the two talk until something is keyed, or one hangs up: what is wished.
local function talk_until_keyed(talk)
  local wish, wished = nil, callflow.event()
  local function wishing(what)
    return function()
      wish = what
      wished:set()
    end
  end
  local transfer <close> = talk.leg:binding_digits("*2", wishing("transfer"))
  local consult <close> = talk.leg:binding_digits("*3", wishing("consult"))
  local park <close> = talk.leg:binding_digits("*4", wishing("park"))
  local recording <close> = talk.leg:binding_digits("*1", function()
    talk.recording = talk.call:recording_call(("%s-%s.wav"):format(talk.call.id, talk.name))
  end)
  callflow.race(
    function() floor:bridge(talk.call, talk.leg, talk.name) end,
    function() wished:wait() end)
  if talk.recording then talk.recording:close() end
  talk.recording = nil
  return wish
end

local function converse(call, leg, name)
  local talk = { call = call, leg = leg, name = name }
  local is_going_on = true
  while is_going_on do
    local wish = talk_until_keyed(talk)
    is_going_on = wish and WISHES[wish](talk)
  end
end

-- Who rings

local function ring(call, stages, patience, box)
  stages.timeout, stages.ringback = patience, "eu"
  local won = pickup:dial(call, stages)
  if won.answered then
    converse(call, won.leg, won.target)
  elseif not won.intercepted then
    voicemail:take(call, box)
  end
end

local function reach(call, number)
  ring(call, { EXTENSIONS[number] }, 20, number)
end

local function hunt(call)
  ring(call, { table.unpack(HUNT) }, 12, "300")
end

app:route("20[1-3]", function(call)
  reach(call, call.to)
end)

app:route("300", hunt)

app:route("400", function(call)
  ring(call, { GROUP }, 20, "400")
end)

app:route([[\+4930555201]], [[\+4930555300]], function(call)
  local number = DIRECT[call.to]
  if number == "300" then return hunt(call) end
  reach(call, number)
end)

app:route([[\*8]], function(call)
  if not pickup:take(call) then say(call, "sorry, no calls") end
end)

app:route([[\*9(20[1-3])]], function(call)
  if not floor:supervise(call, EXTENSIONS[call.to:sub(3)]) then say(call, "sorry, no calls") end
end)

app:route("70[1-3]", function(call)
  if not parking:pickup(call, call.to) then say(call, "sorry, no calls") end
end)
