-- The app of script.py that answers, in Lua.

local app = callflow.app("benchmark")

app:route("1000", function(call)
  call:answer()
  call:wait_hangup()
end)
