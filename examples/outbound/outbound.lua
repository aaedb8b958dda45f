-- The flow of outbound.py for a script inside the engine: key an order's number, and hear how many parcels are on their way.

local PARCELS = { ["11"] = 2, ["12"] = 3, ["13"] = 21 }

local app = callflow.app("outbound")

app:route("5000", function(call)
  call:answer()
  for _ = 1, 3 do
    local keyed = call:gather{ "prompts/order.wav", min = 2, max = 2, timeout = 8 }
    local parcels = keyed.digits and PARCELS[keyed.value]
    if parcels then
      call:set{ order = keyed.value }
      call:play(callflow.say(tostring(parcels), { kind = "number" }), "prompts/parcels.wav")
      return
    end
    call:play("prompts/unknown.wav")
  end
end)
