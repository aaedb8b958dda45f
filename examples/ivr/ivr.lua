-- A reception: call 1000 for a menu, 1001 for an echo, 1002 for a tone, 1003 for departments, 1004 for the time.

local say = callflow.say

local HOURS = { -- by day of the week, 0 is Sunday
  ["1"] = { "09:00", "17:00" }, ["2"] = { "09:00", "17:00" }, ["3"] = { "09:00", "17:00" }, ["4"] = { "09:00", "17:00" },
  ["5"] = { "09:00", "17:00" }, ["6"] = { "10:00", "14:00" },
}
local PEOPLE = { ["201"] = "alice", ["202"] = "bob" }

local app = callflow.app("ivr")

local function record_a_message(call)
  call:play("prompts/record.wav")
  local message = call:record{ call.id .. ".wav", max = 30, silence = 4, beep = true }
  call:play("prompts/yours.wav", message.path)
end

local function speak_with_alice(call)
  call:play("prompts/alice.wav")
  local result = call:dial{ "alice", timeout = 20, ringback = "us" }
  if result.answered then
    call:bridge(result.leg)
  else
    call:play("prompts/nobody.wav")
  end
end

app:route("1000", function(call)
  call:answer()
  call:play("prompts/welcome.wav")
  while true do
    local choice = call:gather{ "prompts/menu.wav", valid = "[1239]", retries = 2, invalid = "prompts/invalid.wav" }
    if choice.value == "1" then
      call:play("prompts/about.wav")
    elseif choice.value == "2" then
      record_a_message(call)
    elseif choice.value == "3" then
      speak_with_alice(call)
    elseif choice.value ~= "9" then
      break
    end
  end
  call:play("prompts/goodbye.wav")
end)

app:route("1001", function(call)
  call:answer()
  call:play("prompts/echo.wav")
  call:echo()
end)

app:route("1002", function(call)
  call:answer()
  call:play(callflow.tone("440"))
end)

local function is_open()
  local now, today = os.date("!%H:%M"), HOURS[os.date("!%w")]
  return today and today[1] <= now and now < today[2]
end

local function put_through(call, extension)
  call:play(say("connecting"), say(extension, { kind = "digits" }))
  local person = PEOPLE[extension]
  local won = person and call:dial{ person, timeout = 20, ringback = "us" }
  if won and won.answered then
    call:bridge(won.leg)
  else
    call:play(say("sorry, not available"))
  end
end

local function sales(call)
  local keyed = call:gather{
    say("press 1 for new, 2 for old"), max = 1, valid = "[12]", retries = 2, invalid = { say("sorry, invalid") },
  }
  if keyed.value == "1" then
    call:play(say("sales for new calls"))
  elseif keyed.value == "2" then
    call:play(say("sales for old calls"))
  else
    call:play(say("goodbye"))
  end
end

app:route("1003", function(call)
  call:answer()
  local keyed = call:gather{
    say("press 1 for sales, 2 for support, or dial the extension"),
    max = 3, valid = "[12]|20[0-9]", digit_timeout = 2, retries = 2, invalid = { say("sorry, invalid") },
  }
  if keyed.value == "1" then
    sales(call)
  elseif keyed.value == "2" then
    call:play(say(is_open() and "support is open now" or "sorry, support is closed now"))
  elseif keyed.digits then
    put_through(call, keyed.value)
  else
    call:play(say("goodbye"))
  end
end)

app:route("1004", function(call)
  call:answer()
  local keyed = call:gather{
    say("for english, press 1"), say("für deutsch, 2 drücken", { language = "de" }), valid = "[12]",
  }
  if keyed.value == "2" then call:set_language("de") end
  call:play(
    say(keyed.value == "2" and "es ist" or "the time is"),
    say(os.date("%H:%M"), { kind = "time" }),
    say(os.date("%Y-%m-%d"), { kind = "date" }))
end)

app:route("1[0-9]{3}", function(call)
  call:play(say("sorry, invalid number"), say(call.to, { kind = "digits" }))
  call:hangup("unallocated_number")
end)
