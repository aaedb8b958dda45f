-- A campaign: call 7000, and everybody on the list is called. People talk with you, machines get a message.
--
-- One after another the users of `NUMBERS` are dialled. A person hears who calls and is connected with the agent; to a
-- machine the message is spoken after the beep; a fax, and who cannot be reached, is noted. At the end the agent hears how
-- many there were.

local NUMBERS = { "desk", "mobile", "home" }
local MUSIC = callflow.tone("392+494", 1) -- for the agent, while whoever picked up is listened to

local app = callflow.app("campaign")

--- Who is it? A person hears who calls, a machine is given the message.
local function listen(callee)
  local heard = callee:detect("answerer", "cng", "ced")
  if heard.what == "human" or heard.what == "unknown" then
    callee:play("prompts/hello.wav")
    return "person"
  elseif heard.what == "machine" then
    callee:detect{ "beep", "silence", silence = 2.0, timeout = 40 }
    callee:play("prompts/message.wav")
    return "machine"
  end
  return "fax"
end

--- Somebody picked up: a person is connected, all others are done with.
local function reached(agent, callee)
  local result
  do
    local music <close> = agent:playing{ MUSIC, repeat_ = 0 }
    result = listen(callee)
  end
  if result == "person" then agent:bridge{ callee, hangup_after = false } end
  if not callee.is_over then callee:hangup() end
  return result
end

--- The agent waits in the line while the list is worked off.
app:route("7000", function(agent)
  agent:answer()
  local results = { person = 0, machine = 0, fax = 0, unreached = 0 }
  for _, number in ipairs(NUMBERS) do
    local dialled = agent:dial{ number, timeout = 20, ringback = "us" }
    local result = dialled.answered and reached(agent, dialled.leg) or "unreached"
    callflow.log.info(number .. ": " .. result)
    results[result] = results[result] + 1
  end
  local as_number = { kind = "number" }
  agent:play(
    callflow.say(tostring(results.person), as_number), "prompts/people.wav",
    callflow.say(tostring(results.machine), as_number), "prompts/machines.wav")
end)
