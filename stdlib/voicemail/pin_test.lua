-- Changing the PIN, key 0 then 5. Ada is 77501, and her PIN 274951.

local function change(t)
  t:mailbox("77501"):setGreeting("name")
  local ada = t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#")
  return ada:hears("vm-onefor"):presses("0"):hears("belfry/greetings-menu"):presses("5"):hears("belfry/pin-new")
end

local function opensWith(t, pin)
  t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses(pin .. "#"):hears("vm-onefor"):hangsUp()
end

test("a new PIN is active after ten minutes; until then the old one holds", function(t)
  change(t):presses("640271#"):hears("belfry/pin-again"):presses("640271#"):hears { "belfry/pin-active-later", "belfry/greetings-menu" }:hangsUp()
  opensWith(t, "274951")
  t:wait("11m")
  opensWith(t, "640271")
  t:phone("77501"):calls("*97"):hears("belfry/enter-pin-hash"):presses("274951#"):hears("belfry/pin-wrong")
end)

test("a PIN has to be dialled twice alike", function(t)
  change(t):presses("640271#"):hears("belfry/pin-again"):presses("640272#"):hears { "belfry/pin-mismatch", "belfry/pin-new" }
end)

test("a PIN has six digits", function(t)
  for _, pin in ipairs { "64027", "6402715" } do
    change(t):presses(pin .. "#"):hears("belfry/pin-again"):presses(pin .. "#"):hears { "belfry/pin-six-digits", "belfry/pin-new" }:hangsUp()
  end
end)

test("a PIN that is easily guessed is refused", function(t)
  for _, pin in ipairs { "000000", "123456", "775017" } do
    change(t):presses(pin .. "#"):hears("belfry/pin-again"):presses(pin .. "#"):hears { "belfry/pin-trivial", "belfry/pin-new" }:hangsUp()
  end
end)

test("after three bad PINs the old one stays", function(t)
  local ada = change(t)
  for try = 1, 3 do
    if try > 1 then ada:hears("belfry/pin-new") end
    ada:presses("000000#"):hears("belfry/pin-again"):presses("000000#")
  end
  ada:hears { "belfry/pin-trivial", "belfry/greetings-menu" }:hangsUp()
  t:wait("11m")
  opensWith(t, "274951")
end)

test("who dials nothing changes nothing", function(t)
  change(t):presses("#"):doesNotHear("belfry/pin-again", { during = "1s" }):hears("belfry/greetings-menu")
end)
