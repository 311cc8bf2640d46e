--- isOpen
local hours = schedule { "mon-fri 09:00-17:30", zone = "Europe/London" }

extension("600", function(call)
  if hours:isOpen() then
    call:bridge("201")
  elseif hours:isOpen(now() + 3600) then
    call:playPrompt({ "belfry/closed", "please-try-call-later" })
  else
    call:playPrompt("belfry/closed")
  end
end)
--- main_test.lua
test("half past eight", function(t)
  t:at("mon 08:30", { zone = "Europe/London" })
  t:call { from = "202", to = "600" }:hears({ "belfry/closed", "please-try-call-later" })
end)
