-- Follow me: call 2000, and the desk phone rings, then the mobile. Whoever answers first has the call.

local app = callflow.app("followme")

app:route("2000", function(call)
  local result = call:dial{ "desk", "mobile", timeout = 15, ringback = "us" }
  if result.answered then
    call:bridge(result.leg)
  else
    call:play("prompts/sorry.wav")
  end
end)
