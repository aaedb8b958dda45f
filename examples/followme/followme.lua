-- Follow me: call 2000, and the desk phone rings, then the mobile. Whoever answers first has the call.
--
-- 2001 has more of it: phones that ring together, each with a delay and a time of its own; 1 to accept; and voicemail.

local Voicemail = require "callflow.voicemail"

local app = callflow.app("followme")
local voicemail = Voicemail{ app, silence = 3 }

app:route("2000", function(call)
  local result = call:dial{ "desk", "mobile", timeout = 15, ringback = "us" }
  if result.answered then
    call:bridge(result.leg)
  else
    call:play("prompts/sorry.wav")
  end
end)

--- Whoever picks up keys 1: the voicemail of a mobile does not.
local function accepts(callee)
  local keyed = callee:gather{
    callflow.say("call for you, press 1 to accept"), valid = "1", timeout = 6, retries = 1,
  }
  return keyed.value == "1"
end

app:route("2001", function(call)
  local won = call:dial{
    { target = "desk", timeout = 10 },
    { "mobile", { target = "home", delay = 4, timeout = 12 } },
    timeout = 20, ringback = "us", confirm = accepts,
  }
  if won.answered then return call:bridge(won.leg) end
  local is_busy = false
  for _, branch in ipairs(won.branches) do is_busy = is_busy or branch.reason == "busy" end
  voicemail:take(call, "2001", is_busy and "busy" or "unavailable")
end)
