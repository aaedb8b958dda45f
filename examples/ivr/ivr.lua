-- A reception: call 1000 for a menu, 1001 for an echo, 1002 for a tone.

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
