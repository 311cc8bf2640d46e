-- The main number: a greeting, opening hours and a menu.

local menu      = require "menu"
local voicemail = require "voicemail"

local hours = schedule { "mon-fri 09:00-17:30", zone = "Europe/London", closedOn = { "12-25", "12-26", "01-01" } }

extension("600", { name = "reception" }, function(call)
  call:playPrompt("belfry/welcome")
  if not hours:isOpen() then
    call:playPrompt("belfry/closed")
    voicemail.leave(call, "201")
  end
  menu.offer(call, {
    prompt  = "ext-or-zero",                       -- "Please enter an extension, or nought for the operator."
    options = { ["0"] = "201", ["1"] = "610", ["20x"] = "dialled" },
    giveUp  = "610",
  })
end)
