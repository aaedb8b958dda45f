-- Two bots on the phone: 2000 says everything back, 2001 counts, and whoever talks interrupts it.

local app = callflow.app("bots")

app:route("2000", function(call)
  call:answer()
  call:stream("ws://127.0.0.1:8765/echo")
end)

app:route("2001", function(call)
  call:answer()
  local bot <close> = call:streaming{ "ws://127.0.0.1:8765/counting", encoding = "mulaw" }
  callflow.race(
    function() bot:wait() end,
    function()
      while call:detect{ "talk", timeout = 0 }.detected do
        bot:clear()
        call:detect{ "silence", timeout = 0 }
      end
    end
  )
end)
