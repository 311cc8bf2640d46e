-- 16001 offers 1 (77502), 2 (goodbye), # (77503) and any extension, and gives up to 77501; 16002 offers 1 twice, and then hangs up.

test("a key leads on, as if that had been dialled", function(t)
  t:phone("77502"):answersAfter("2s")
  t:phone("77501"):calls("16001"):hears("basic-pbx-ivr-main"):presses("1"):isTalkingTo("77502")
end)

test("the only key there is counts at once; where there may be more, after two seconds", function(t)
  local ada = t:phone("77501"):calls("16002"):hears("basic-pbx-ivr-main"):presses("1")
  t:phone("77502"):isRinging()
  t:elapsed("200ms")
  ada:hangsUp()
  t:wait("1s")
  local pressed = now()
  t:phone("77501"):calls("16001"):hears("basic-pbx-ivr-main"):presses("1")
  t:phone("77502"):isRinging()
  assert(math.abs(now() - pressed - 2.1) < 0.2, now() - pressed)
end)

test("a key does something of its own", function(t)
  t:phone("77501"):calls("16001"):hears("basic-pbx-ivr-main"):presses("2"):hears("vm-goodbye")
end)

test("who knows an extension dials it", function(t)
  t:phone("77504"):answersAfter("2s")
  t:phone("77501"):calls("16001"):hears("basic-pbx-ivr-main"):presses("77504"):isTalkingTo("77504")
end)

test("# may be a choice like any other", function(t)
  t:phone("77503"):answersAfter("2s")
  t:phone("77501"):calls("16001"):hears("basic-pbx-ivr-main"):presses("#"):isTalkingTo("77503")
end)

test("a key that is none: one is told so, and asked again", function(t)
  t:phone("77502"):answersAfter("2s")
  local ada = t:phone("77501"):calls("16001"):hears("basic-pbx-ivr-main"):presses("9")
  ada:hears { "pm-invalid-option", "basic-pbx-ivr-main" }:presses("1"):isTalkingTo("77502")
end)

test("who presses nothing is asked again, and a key pressed then counts at once", function(t)
  t:phone("77502"):answersAfter("2s")
  t:phone("77501"):calls("16001"):hears("belfry/no-choice"):presses("1"):isTalkingTo("77502")
end)

test("a caller from outside is never stranded: after three tries somebody answers", function(t)
  t:phone("77501"):answersAfter("2s")
  local joe = t:call { from = "+447700900123", to = "01865616001" }
  joe:hears("basic-pbx-ivr-main"):hears { "belfry/no-choice", "basic-pbx-ivr-main" }:hears { "belfry/no-choice", "basic-pbx-ivr-main" }
  joe:isTalkingTo("77501")
end)

test("a menu that leads nowhere says goodbye", function(t)
  local ada = t:phone("77501"):calls("16002"):hears("basic-pbx-ivr-main"):presses("7")
  ada:hears { "pbx-invalid", "basic-pbx-ivr-main" }:presses("8"):hears("vm-goodbye"):hasEnded()
  t:phone("77501"):calls("16002"):hears("basic-pbx-ivr-main"):presses("1")
  t:phone("77502"):isRinging()
end)

test("the answer may take four seconds where the menu says so", function(t)
  local ada = t:phone("77501"):calls("16002"):hears("basic-pbx-ivr-main"):hears("belfry/no-choice")
  local asked = now()
  ada:hears("vm-goodbye")
  assert(now() - asked < 30, "it waited longer")
end)

test("an extension that is begun and not finished is none", function(t)
  local ada = t:phone("77501"):calls("16001"):hears("basic-pbx-ivr-main"):presses("775")
  ada:hears { "pm-invalid-option", "basic-pbx-ivr-main" }
end)
