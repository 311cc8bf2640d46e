-- A caller of the main number on a Monday morning.
local function caller(t)
  t:at("mon 10:00", { zone = "Europe/London" })
  t:line("203", { name = "Cem" })
  return t:phone("203"):calls("600"):hears("belfry/welcome")
end

test("nought is Ana", function(t)
  t:phone("201"):answersAfter("3s")

  caller(t):hears("ext-or-zero"):presses("0"):isTalkingTo("201")
end)

test("one is Sales", function(t)
  t:phone("202"):answersAfter("3s")

  caller(t):hears("ext-or-zero"):presses("1"):isTalkingTo("202")
end)

test("whoever knows an extension dials it", function(t)
  t:phone("202"):answersAfter("3s")

  caller(t):hears("ext-or-zero"):presses("202"):isTalkingTo("202")
end)

test("a key that is none, and then a silence: Sales in the end", function(t)
  t:phone("201"):answersAfter("3s")

  local cem = caller(t)

  cem:hears("ext-or-zero"):presses("7")
  cem:hears({ "pm-invalid-option", "ext-or-zero" })
  cem:hears({ "belfry/no-choice", "ext-or-zero" })
  cem:isTalkingTo("201")
end)

test("on Saturday, a message", function(t)
  t:at("sat 14:00", { zone = "Europe/London" })
  t:line("203", { name = "Cem" })

  t:phone("203"):calls("600"):hears({ "belfry/welcome", "belfry/closed" }):hears("vm-intro"):speaksFor("6s"):hangsUp()

  t:mailbox("201"):has { from = "203", length = "6s" }
end)
